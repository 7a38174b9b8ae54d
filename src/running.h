/**
 * Who is in a server's loop, and who asks it to stop: the protocol between serve_forever(),
 * request_stop(), shutdown() and close().
 *
 *     FRESH ──stop──> FRESH_STOPPED ──enter──> ENDED       (that run ends at once)
 *       └──enter──> SERVING ──stop──> STOPPING ──> ENDED ──enter──> SERVING
 *
 * The state changes by atomics alone, for a signal handler may ask for the stop; who is inside is
 * under the lock, for others wait for that.
 */
#ifndef SSV_RUNNING_H
#define SSV_RUNNING_H

#include <socketserver/server.h>

enum ssv_running_state { SSV_FRESH, SSV_FRESH_STOPPED, SSV_SERVING, SSV_STOPPING, SSV_ENDED };

/** This thread's stay in a server's loop, or in one of its handlers; on its stack, the innermost
 * first. */
struct ssv_stay {
	struct ssv_server *server;
	struct ssv_stay *outer;
	const struct ssv_request *request; /* that it processes, one after the other */
	bool serves;                       /* in the loop */
};

/**
 * Enters the loop. 0; -EBADF where it is not open; -EBUSY where another thread is inside;
 * -ECANCELED where a stop was asked for before: it is used up by that.
 */
int ssv_running_enter(struct ssv_server *server, struct ssv_stay *stay);

/** Leaves it. `ended`: the run is over; otherwise a later enter goes on with it. */
void ssv_running_leave(struct ssv_stay *stay, bool ended);

/** The same for a worker, who is not in the loop: anybody may stop that, and wait for it,
 * meanwhile. */
void ssv_running_visit(
	struct ssv_server *server, struct ssv_stay *stay, const struct ssv_request *request);
void ssv_running_depart(struct ssv_stay *stay);

/** Whether the one inside is asked to leave. */
static inline bool ssv_running_is_stopping(const struct ssv_server *server)
{
	return __atomic_load_n(&server->state, __ATOMIC_SEQ_CST) == SSV_STOPPING;
}

/**
 * Whether this thread is inside, or a worker of the server; or, in a forked child, the server is
 * its parent's.
 */
bool ssv_running_is_here(const struct ssv_server *server);

/**
 * Asks for a stop, and waits until the run that it stops is over. Whether it is; at once where
 * nobody is inside.
 */
bool ssv_running_stop(struct ssv_server *server, int64_t until);

/** Notes that this process has threads or children of the server from now on. */
void ssv_running_note_process(struct ssv_server *server);

/** Whether another one has: the host has forked, and this is a copy. */
bool ssv_running_is_of_another_process(const struct ssv_server *server);

/** Lets nobody in any more: the first step of a close. */
void ssv_running_bar(struct ssv_server *server);

/** It is not open any more, unless somebody is inside; whether that worked. */
bool ssv_running_retire(struct ssv_server *server);

/** Back to FRESH: the last step of it. */
void ssv_running_reset(struct ssv_server *server);

/** In a forked child, which holds the lock: nobody is inside, and nobody gets in. */
void ssv_running_forsake(struct ssv_server *server);

#endif
