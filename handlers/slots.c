#include "slots.h"
#include <errno.h>

void slots_init(struct slots *slots)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < SLOTS_COUNT; i++)
		pthread_mutex_init(&slots->taken[i], &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static int take(pthread_mutex_t *taken)
{
	int rc = pthread_mutex_trylock(taken);

	return rc == EOWNERDEAD ? pthread_mutex_consistent(taken) : rc;
}

int slots_take(struct slots *slots)
{
	for (int i = 0; i < SLOTS_COUNT; i++)
		if (take(&slots->taken[i]) == 0)
			return i;
	return -EBUSY;
}

void slots_give_back(struct slots *slots, int slot)
{
	pthread_mutex_unlock(&slots->taken[slot]);
}
