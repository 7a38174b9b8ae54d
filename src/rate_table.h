/**
 * How often each of very many may do something: token buckets in a table of fixed size.
 *
 * A bucket is known by the time at which it is full again, and so needs no clock of its own. One
 * that is full tells nothing, and may be taken for another key; where a key has none and no bucket
 * that it could have is full, it takes over the fullest of them, as full as it is. Thus nobody is
 * turned away while there is a token in one of eight buckets, and nobody gets more than his own
 * rate, however many others come: a bucket's time only moves forward, and who lost the fullest
 * finds none that is fuller.
 */
#ifndef SSV_RATE_TABLE_H
#define SSV_RATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssv_rate {
	int per_second; /* at least 1 */
	int burst;      /* at once, at least 1 */
};

/** Takes a token out of the bucket that is full at `full_at` (0: it is full), if there is one. */
bool ssv_rate_take(int64_t *full_at, const struct ssv_rate *rate, int64_t now);

/** 4,096 buckets, 64 KiB. Which eight of them a key may have is a secret of each table. */
struct ssv_rate_table;

/** A table of full buckets; NULL and errno where there is no memory, or no secret to be had. */
struct ssv_rate_table *ssv_rate_table_new(void);
void ssv_rate_table_free(struct ssv_rate_table *table);

/** Takes a token out of the key's bucket, if there is one. */
bool ssv_rate_table_take(struct ssv_rate_table *table, const void *key, size_t size,
	const struct ssv_rate *rate, int64_t now);

#endif
