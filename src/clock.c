#include "clock.h"

#include <limits.h>
#include <socketserver/stream.h>
#include <time.h>

#define NS_PER_MS 1000000

static int64_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

int64_t (*ssv_clock)(void) = monotonic;

int64_t ssv_now(void)
{
	return ssv_clock();
}

int64_t ssv_until(int milliseconds)
{
	return milliseconds < 0 ? SSV_NEVER : ssv_now() + milliseconds * (int64_t)NS_PER_MS;
}

int ssv_ms_until(int64_t until)
{
	int64_t left;

	if (until == SSV_NEVER)
		return -1;
	if (until == SSV_NOW)
		return 0;
	left = until - ssv_now();
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left < INT_MAX ? (int)left : INT_MAX;
}

int64_t ssv_earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

bool ssv_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
	struct timespec time = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};

	if (until == SSV_NEVER)
		return pthread_cond_wait(condition, lock) == 0;
	return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &time) == 0;
}
