/**
 * When the next request may begin, and since when it should have. In a closed loop that is at once,
 * whenever a connection is free. At a fixed rate each has its time, whether a connection is free
 * then or not: latencies count from there, so that a server that stalls is not spared the requests
 * that would have come meanwhile (coordinated omission).
 */
#ifndef BENCH_PACER_H
#define BENCH_PACER_H

#include "plan.h"
#include <stdint.h>

struct pacer {
	int64_t begin, end; /* no request from then on; SSV_NEVER: until there were `left` */
	int64_t left;
	double interval; /* ns; 0: closed loop */
	int64_t taken;
};

/** One of `plan->threads`, which share requests and rate. */
void pacer_init(struct pacer *pacer, const struct plan *plan, int thread, int64_t now);

/** Whether a request may begin now, and its time. */
bool pacer_take(struct pacer *pacer, int64_t now, int64_t *intended);

/** When the next one may: SSV_NEVER where there is none, or where only a free connection is
 * missing. */
int64_t pacer_next(const struct pacer *pacer, int64_t now);

bool pacer_is_done(const struct pacer *pacer, int64_t now);

#endif
