/** Bytes that tell where they belong: each connection and each datagram has its own. */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The key of the bytes of the connection or datagram with that number. */
uint64_t pattern_key(uint64_t number);

/** Writes the bytes that a stream with that key has from `offset` on. */
void pattern_fill(uint64_t key, uint64_t offset, void *to, size_t size);

/** Whether they are those. */
bool pattern_matches(uint64_t key, uint64_t offset, const void *data, size_t size);

#endif
