#include "pacer.h"
#include <socketserver/stream.h>

void pacer_init(struct pacer *pacer, const struct plan *plan, int thread, int64_t now)
{
	double share = plan->rate > 0 ? 1e9 / plan->rate : 0;
	int extra = thread < plan->count % plan->threads;

	*pacer = (struct pacer){
		.begin = now + (int64_t)(share * thread),
		.end = plan->count > 0 ? SSV_NEVER
				       : now + (plan->warmup + plan->duration) * NS_PER_MS,
		.left = plan->count > 0 ? plan->count / plan->threads + extra : INT64_MAX,
		.interval = share * plan->threads,
	};
}

/* The time of the next one, wherever the end is. */
static int64_t next_time(const struct pacer *pacer, int64_t now)
{
	if (pacer->interval <= 0)
		return now;
	return pacer->begin + (int64_t)(pacer->interval * (double)pacer->taken);
}

bool pacer_is_done(const struct pacer *pacer, int64_t now)
{
	return pacer->left == 0 || next_time(pacer, now) >= pacer->end;
}

bool pacer_take(struct pacer *pacer, int64_t now, int64_t *intended)
{
	*intended = next_time(pacer, now);
	if (pacer_is_done(pacer, now) || *intended > now)
		return false;
	pacer->left--;
	pacer->taken++;
	return true;
}

int64_t pacer_next(const struct pacer *pacer, int64_t now)
{
	if (pacer->interval <= 0 || pacer_is_done(pacer, now))
		return SSV_NEVER;
	return next_time(pacer, now);
}
