/** Places of which each is somebody's or free, for all threads and child processes together. */
#ifndef HANDLERS_SLOTS_H
#define HANDLERS_SLOTS_H

#include <pthread.h>

/** How many there are. */
#define SLOTS_COUNT 4

struct slots {
	pthread_mutex_t taken[SLOTS_COUNT];
};

/** Makes them, all free; in memory that children to come share. */
void slots_init(struct slots *slots);

/**
 * Takes a free one without waiting: its number, or -EBUSY. It belongs to the calling thread, which
 * gives it back; that of a thread that has ended, killed or not, is free again.
 */
int slots_take(struct slots *slots);
void slots_give_back(struct slots *slots, int slot);

#endif
