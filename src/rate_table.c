#include "rate_table.h"

#include "clock.h"
#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SETS 512
#define WAYS 8

struct bucket {
	uint64_t key; /* its hash: two keys with the same one share a bucket */
	int64_t full_at;
};

struct ssv_rate_table {
	uint64_t secret[2];
	struct bucket sets[SETS][WAYS];
};

bool ssv_rate_take(int64_t *full_at, const struct ssv_rate *rate, int64_t now)
{
	const int64_t token = SSV_NS_PER_S / rate->per_second;
	const int64_t from = *full_at > now ? *full_at : now;

	if (from - now > (rate->burst - 1) * token)
		return false;
	*full_at = from + token;
	return true;
}

/* At boot a signal may come before the kernel has a secret to give. */
static bool make_secret(void *secret, size_t size)
{
	ssize_t n;

	do
		n = getrandom(secret, size, 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

struct ssv_rate_table *ssv_rate_table_new(void)
{
	struct ssv_rate_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	if (make_secret(table->secret, sizeof(table->secret)))
		return table;
	free(table);
	return NULL;
}

void ssv_rate_table_free(struct ssv_rate_table *table)
{
	free(table);
}

static struct bucket *bucket_of(struct ssv_rate_table *table, uint64_t key)
{
	struct bucket *set = table->sets[key % SETS], *fullest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	fullest->key = key;
	return fullest;
}

bool ssv_rate_table_take(struct ssv_rate_table *table, const void *key, size_t size,
	const struct ssv_rate *rate, int64_t now)
{
	struct bucket *bucket = bucket_of(table, ssv_siphash(table->secret, key, size));

	return ssv_rate_take(&bucket->full_at, rate, now);
}
