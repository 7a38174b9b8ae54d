/** The time that every limit is measured by: monotonic, in nanoseconds. */
#ifndef SSV_CLOCK_H
#define SSV_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/** Where it comes from; tests put their own here, before any thread starts. */
extern int64_t (*ssv_clock)(void);

int64_t ssv_now(void);

/** The time `milliseconds` from now: SSV_NEVER for SSV_FOREVER, without a look at the clock. */
int64_t ssv_until(int milliseconds);

/** The other way, as poll(2) takes it: rounded up, 0 where it is over, -1 for SSV_NEVER. */
int ssv_ms_until(int64_t until);

/** The time that comes first. */
int64_t ssv_earlier(int64_t one, int64_t other);

/** Waits on a condition, until that time at most. Whether it was woken, and not by the time. */
bool ssv_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until);

#endif
