/** What came of it, and how it is told. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "latency.h"
#include "memory.h"
#include "plan.h"

/** More than the highest errno of Linux. */
#define RESULT_ERRORS 160

struct result {
	uint64_t answered;  /* requests, each byte of the reply as it should be */
	uint64_t lost;      /* requests without a whole reply */
	uint64_t corrupted; /* replies with other bytes, or more of them */
	uint64_t surplus;   /* replies that nobody waits for: a second one, or one that is late */
	uint64_t errors[RESULT_ERRORS];
	int64_t first, last; /* when the first request began and the last was answered */
	struct latency latency;
};

void result_error(struct result *result, int error);

/** Forgets what was measured, and keeps what went wrong. */
void result_warmed_up(struct result *result, int64_t now);

void result_merge(struct result *result, const struct result *other);

bool result_is_good(const struct result *result);

/** One line to standard output. `before` and `after` are the memory of the server; NULL: not known.
 */
void result_print(const struct result *result, const struct plan *plan, const struct memory *before,
	const struct memory *after);

#endif
