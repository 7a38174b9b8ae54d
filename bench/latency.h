/** A histogram of latencies, in nanoseconds, within one percent of each. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS 128 /* of each power of two */
#define LATENCY_BUCKETS (58 * LATENCY_STEPS)

struct latency {
	uint64_t count;
	int64_t max;
	uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, int64_t ns);

/** Adds what another one has counted. */
void latency_merge(struct latency *latency, const struct latency *other);

/** The latency that `percent` of all did not exceed; 0 where there are none. */
int64_t latency_percentile(const struct latency *latency, double percent);

#endif
