/** Places of which each is somebody's or free, for all threads and child processes together. */
#ifndef HANDLERS_SLOTS_H
#define HANDLERS_SLOTS_H

#include <pthread.h>
#include <sys/types.h>

/** How many there are, and how many of them one user may have. */
#define SLOTS_COUNT 4
#define SLOTS_OF_A_USER 2

/** A user who is not known, and may have all of them. */
#define SLOTS_NOBODY ((uid_t)-1)

struct slots {
	struct slot {
		pthread_mutex_t taken;
		uid_t uid; /* changed with atomics alone */
	} slots[SLOTS_COUNT];
};

/** Makes them, all free; in memory that children to come share. */
void slots_init(struct slots *slots);

/**
 * Takes a free one for a user, without waiting: its number; -EBUSY where there is none; -EDQUOT
 * where the user has too many. It belongs to the calling thread, which gives it back; that of a
 * thread that has ended, killed or not, is free again.
 */
int slots_take(struct slots *slots, uid_t uid);
void slots_give_back(struct slots *slots, int slot);

#endif
