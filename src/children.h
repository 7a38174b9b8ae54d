/** The children of a forking mix-in: who there is, the end of each, the looks at them by one timer.
 */
#ifndef SSV_CHILDREN_H
#define SSV_CHILDREN_H

#include "child.h"

#include <socketserver/forking_mixin.h>

/** Sets up the timer; harmless twice. Close gives it back, and the memory of those that are gone.
 */
int ssv_children_open(struct ssv_forking_mixin *forking);
void ssv_children_close(struct ssv_forking_mixin *forking);

/** Memory for the next one to be followed, used again; or NULL. */
struct ssv_child *ssv_children_next(struct ssv_forking_mixin *forking);

/** It runs: from now on it is one of them. Its end is found when the next request comes, or some
 * milliseconds later; or, where it lives longer, is an event of the loop. */
void ssv_children_follow(struct ssv_forking_mixin *forking, struct ssv_child *child, pid_t pid);

/** Forgets those that are gone; how many are left. */
int ssv_children_reap(struct ssv_forking_mixin *forking);

/** Forgets of the young ones, whose ends are no events yet, those that are gone: the oldest, and so
 * on until one runs. */
void ssv_children_reap_young(struct ssv_forking_mixin *forking);

/** From now on the ends of the young ones are events, too. */
void ssv_children_watch(struct ssv_forking_mixin *forking);

/** Waits, until that time at most, for all to be gone. */
void ssv_children_wait(struct ssv_forking_mixin *forking, int64_t until);

/** The same, with a signal to all before. */
void ssv_children_end(struct ssv_forking_mixin *forking, int signal, int64_t until);

/** In one of them: they are not its children. */
void ssv_children_forsake(struct ssv_forking_mixin *forking);

#endif
