#include "slots.h"
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

struct slots {
	pthread_mutex_t taken[SLOTS_COUNT];
};

static void init(struct slots *slots)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < SLOTS_COUNT; i++)
		pthread_mutex_init(&slots->taken[i], &attributes);
	pthread_mutexattr_destroy(&attributes);
}

int slots_open(struct slots **slots)
{
	void *memory = mmap(
		NULL, sizeof(**slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*slots = memory;
	init(*slots);
	return 0;
}

void slots_close(struct slots *slots)
{
	munmap(slots, sizeof(*slots));
}

int slots_take(struct slots *slots)
{
	int rc;

	for (int i = 0; i < SLOTS_COUNT; i++) {
		rc = pthread_mutex_trylock(&slots->taken[i]);
		if (rc == EOWNERDEAD)
			rc = pthread_mutex_consistent(&slots->taken[i]);
		if (rc == 0)
			return i;
	}
	return -EBUSY;
}

void slots_give_back(struct slots *slots, int slot)
{
	pthread_mutex_unlock(&slots->taken[slot]);
}
