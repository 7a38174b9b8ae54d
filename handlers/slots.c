#include "slots.h"
#include <errno.h>
#include <stdbool.h>

static void set_user(struct slot *slot, uid_t uid)
{
	__atomic_store_n(&slot->uid, uid, __ATOMIC_SEQ_CST);
}

void slots_init(struct slots *slots)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < SLOTS_COUNT; i++) {
		pthread_mutex_init(&slots->slots[i].taken, &attributes);
		set_user(&slots->slots[i], SLOTS_NOBODY);
	}
	pthread_mutexattr_destroy(&attributes);
}

static int take(struct slot *slot)
{
	int rc = pthread_mutex_trylock(&slot->taken);

	return rc == EOWNERDEAD ? pthread_mutex_consistent(&slot->taken) : rc;
}

/* Of one whose thread has ended the name is still there. */
static bool is_taken_by(struct slot *slot, uid_t uid)
{
	if (__atomic_load_n(&slot->uid, __ATOMIC_SEQ_CST) != uid)
		return false;
	if (take(slot) != 0)
		return true;
	set_user(slot, SLOTS_NOBODY);
	pthread_mutex_unlock(&slot->taken);
	return false;
}

static int count_of(struct slots *slots, uid_t uid)
{
	int count = 0;

	for (int i = 0; i < SLOTS_COUNT; i++)
		count += is_taken_by(&slots->slots[i], uid);
	return count;
}

static int take_any(struct slots *slots)
{
	for (int i = 0; i < SLOTS_COUNT; i++)
		if (take(&slots->slots[i]) == 0)
			return i;
	return -EBUSY;
}

/* Counted when it is taken: of two at once, both may be one too many, but never none. */
int slots_take(struct slots *slots, uid_t uid)
{
	int slot = take_any(slots);

	if (slot < 0)
		return slot;
	set_user(&slots->slots[slot], uid);
	if (uid == SLOTS_NOBODY || count_of(slots, uid) <= SLOTS_OF_A_USER)
		return slot;
	slots_give_back(slots, slot);
	return -EDQUOT;
}

void slots_give_back(struct slots *slots, int slot)
{
	set_user(&slots->slots[slot], SLOTS_NOBODY);
	pthread_mutex_unlock(&slots->slots[slot].taken);
}
