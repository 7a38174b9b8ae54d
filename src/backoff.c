#include "backoff.h"

#include "clock.h"

#include <time.h>

#define MAX_REST_MS 1000

void ssv_backoff_reset(struct ssv_backoff *backoff)
{
	*backoff = (struct ssv_backoff){.until = SSV_NEVER};
}

static bool somebody_rests; /* since anybody was asked last */

bool ssv_backoff_anybody(void)
{
	return __atomic_load_n(&somebody_rests, __ATOMIC_SEQ_CST) &&
	       __atomic_exchange_n(&somebody_rests, false, __ATOMIC_SEQ_CST);
}

bool ssv_backoff_rest(struct ssv_backoff *backoff)
{
	if (backoff->rests > 0 && !ssv_backoff_is_over(backoff))
		return false;
	__atomic_store_n(&somebody_rests, true, __ATOMIC_SEQ_CST);
	backoff->until = ssv_until(backoff->rests < 10 ? 1 << backoff->rests : MAX_REST_MS);
	return backoff->rests++ == 0;
}

bool ssv_backoff_is_over(const struct ssv_backoff *backoff)
{
	return backoff->until == SSV_NEVER || ssv_ms_until(backoff->until) == 0;
}

void ssv_backoff_pause(void)
{
	const struct timespec pause = {.tv_nsec = 10 * SSV_NS_PER_MS};

	nanosleep(&pause, NULL);
}
