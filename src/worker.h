/**
 * The threads of a threading mix-in: each waits for requests, processes what it gets, rests in
 * between, and leaves. All functions but the last one are called under the mix-in's lock.
 */
#ifndef SSV_WORKER_H
#define SSV_WORKER_H

#include "running.h"

#include <socketserver/threading_mixin.h>

/** A thread, and the one request that it has. */
struct ssv_worker {
	struct ssv_threading_mixin *threading;
	struct ssv_worker *next; /* on the list of idle or holding ones */
	struct ssv_request request;
	struct ssv_stay stay;
	pthread_cond_t wake;
	bool listed;
	bool coming;       /* to wait for requests: nobody else need be woken for that */
	unsigned int vain; /* tries to get a packet without waiting, in a row */
	bool working;      /* with the request: a handler may end the thread then */
};

/** How many there may be. */
static inline int ssv_worker_limit(const struct ssv_threading_mixin *threading)
{
	return threading->max_threads > 1 ? threading->max_threads : 1;
}

/** Starts one, for the request (then moved to it) or, where that is NULL, for what there is to do.
 * 0 or a negative errno. */
int ssv_worker_start(struct ssv_threading_mixin *threading, struct ssv_request *request);

/** The same without a request; what fails is said once, and tried again later. */
int ssv_worker_start_or_rest(struct ssv_threading_mixin *threading);

/** Whether nobody waits for requests who should, nor is on its way. */
bool ssv_worker_is_missed(const struct ssv_threading_mixin *threading);

/** Where somebody is missed: sees to it that one comes, if there may be one more. */
void ssv_worker_add_waiter(struct ssv_threading_mixin *threading);

/** Takes the last one that came, its memory being the warmest, off a list and wakes it; or NULL. */
struct ssv_worker *ssv_worker_pop(struct ssv_worker **list);

/** Has all look at what has changed. */
void ssv_workers_wake(struct ssv_threading_mixin *threading);

#endif
