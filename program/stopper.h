/**
 * Ends the servers on SIGINT or SIGTERM: a thread of its own, since the serving one may be inside
 * a handler. From its start on it alone closes the servers; a second signal ends the process. On
 * SIGHUP it hands them over, where that is wanted, and then closes them, too.
 */
#ifndef PROGRAM_STOPPER_H
#define PROGRAM_STOPPER_H

#include "handover.h"
#include <pthread.h>
#include <signal.h>
#include <socketserver/forking_mixin.h>
#include <socketserver/server_group.h>

struct stopper {
	struct ssv_server *const *servers;
	size_t count;
	struct handover *handover; /* or NULL: SIGHUP is let alone */
	int drain;                 /* ms that clients have after a handover, or SSV_FOREVER */
	pthread_t thread;
	sigset_t signals,
		before; /* those that are waited for; the mask that we were started with */
	int signals_fd;
	pthread_mutex_t starting; /* held until the servers may be closed */
	bool ready;               /* `starting` has been given up */
	int signal;               /* what ended the wait; for others once the thread has ended */
};

/**
 * Before any other thread starts: blocks the signals, for good, and starts the thread. The servers
 * have been initialised. `handover` may be NULL; else clients have `drain` ms after one, or
 * SSV_FOREVER. Returns 0 or a negative errno.
 */
int stopper_start(struct stopper *stopper, struct ssv_server *const *servers, size_t count,
	struct handover *handover, int drain);

/** The servers are open: from now on a signal closes them. */
void stopper_ready(struct stopper *stopper);

/**
 * Closes the servers, open or not, if no signal has done so, and waits until that is done. Returns
 * whether it was a signal that ended them. Does not return where handlers cannot be stopped: that
 * ends the process.
 */
bool stopper_finish(struct stopper *stopper);

/**
 * A `child_start`: undoes in the child what the program has done about signals, and has it end with
 * the program, however that ends. SIGINT (Ctrl-C) it ignores: that goes to the whole group, and the
 * program gives its children the --grace.
 */
void stopper_in_child(struct ssv_forking_mixin *forking, struct ssv_request *request);

#endif
