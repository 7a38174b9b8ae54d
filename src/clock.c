#include "clock.h"

#include <limits.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * SSV_NS_PER_S + now.tv_nsec;
}

static int64_t monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t (*ssv_clock)(void) = monotonic;

int64_t ssv_last_tick(void)
{
	return ssv_clock == monotonic ? read_clock(CLOCK_MONOTONIC_COARSE) : ssv_clock();
}

int ssv_ms_left(int64_t until)
{
	int64_t left = until - ssv_now();

	if (left <= 0)
		return 0;
	left = (left + SSV_NS_PER_MS - 1) / SSV_NS_PER_MS;
	return left < INT_MAX ? (int)left : INT_MAX;
}

bool ssv_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
	struct timespec time = {.tv_sec = until / SSV_NS_PER_S, .tv_nsec = until % SSV_NS_PER_S};

	if (until == SSV_NEVER)
		return pthread_cond_wait(condition, lock) == 0;
	return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &time) == 0;
}
