#include "latency.h"
#include <math.h>
#include <stddef.h>

/* Below twice LATENCY_STEPS each nanosecond has its own; above, the highest eight bits decide. */
static size_t bucket_of(uint64_t ns)
{
	int shift = 0;

	if (ns >= 2 * LATENCY_STEPS)
		shift = 63 - __builtin_clzll(ns) - 7;
	return (size_t)shift * LATENCY_STEPS + (size_t)(ns >> shift);
}

/* The highest value of a bucket. */
static int64_t highest_in(size_t bucket)
{
	size_t shift;

	if (bucket < 2 * LATENCY_STEPS)
		return (int64_t)bucket;
	shift = bucket / LATENCY_STEPS - 1;
	return (int64_t)(((bucket - shift * LATENCY_STEPS + 1) << shift) - 1);
}

void latency_add(struct latency *latency, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	latency->count++;
	latency->buckets[bucket_of((uint64_t)ns)]++;
	if (ns > latency->max)
		latency->max = ns;
}

void latency_merge(struct latency *latency, const struct latency *other)
{
	latency->count += other->count;
	if (other->max > latency->max)
		latency->max = other->max;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++)
		latency->buckets[i] += other->buckets[i];
}

int64_t latency_percentile(const struct latency *latency, double percent)
{
	uint64_t rank = (uint64_t)ceil((double)latency->count * percent / 100), seen = 0;

	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->buckets[i];
		if (seen >= rank && seen > 0)
			return highest_in(i) < latency->max ? highest_in(i) : latency->max;
	}
	return latency->max;
}
