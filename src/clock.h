/** The time that every limit is measured by: monotonic, in nanoseconds. */
#ifndef SSV_CLOCK_H
#define SSV_CLOCK_H

#include <pthread.h>
#include <socketserver/stream.h>
#include <stdbool.h>
#include <stdint.h>

#define SSV_NS_PER_MS INT64_C(1000000)
#define SSV_NS_PER_S INT64_C(1000000000)

/** Where it comes from; tests put their own here, before any thread starts. */
extern int64_t (*ssv_clock)(void);

static inline int64_t ssv_now(void)
{
	return ssv_clock();
}

/** The time of the kernel's last tick, some milliseconds ago at most: a small part of the cost. */
int64_t ssv_last_tick(void);

/** The time so long after `start`; SSV_NEVER for SSV_FOREVER. */
static inline int64_t ssv_after(int64_t start, int milliseconds)
{
	return milliseconds < 0 ? SSV_NEVER : start + milliseconds * SSV_NS_PER_MS;
}

/** The same after now, without a look at the clock for SSV_FOREVER. */
static inline int64_t ssv_until(int milliseconds)
{
	return milliseconds < 0 ? SSV_NEVER : ssv_after(ssv_now(), milliseconds);
}

/** How many milliseconds are left, rounded up; 0 where it is over. */
int ssv_ms_left(int64_t until);

/** The same as poll(2) takes it: -1 for SSV_NEVER. */
static inline int ssv_ms_until(int64_t until)
{
	return until == SSV_NEVER ? -1 : until == SSV_NOW ? 0 : ssv_ms_left(until);
}

/** The time that comes first. */
static inline int64_t ssv_earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/** Waits on a condition, until that time at most. Whether it was woken, and not by the time. */
bool ssv_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until);

#endif
