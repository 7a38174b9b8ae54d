/** Places of which each is somebody's or free, for all threads and child processes together. */
#ifndef HANDLERS_SLOTS_H
#define HANDLERS_SLOTS_H

/** Enough for what must not be done more often at a time. */
#define SLOTS_COUNT 4

struct slots;

/** Makes them, all free, in memory that children to come share. Returns 0 or a negative errno. */
int slots_open(struct slots **slots);
void slots_close(struct slots *slots);

/**
 * Takes a free one without waiting. Returns its number, or -EBUSY. It is its thread's, which must
 * give it back; or which has ended, killed perhaps: then it is free as well.
 */
int slots_take(struct slots *slots);
void slots_give_back(struct slots *slots, int slot);

#endif
