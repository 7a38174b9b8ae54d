/**
 * Ends the servers on SIGINT or SIGTERM: a thread of its own, since the serving one may be inside
 * a handler. From its start on it alone closes the servers; a second signal ends the process.
 */
#ifndef PROGRAM_STOPPER_H
#define PROGRAM_STOPPER_H

#include <pthread.h>
#include <signal.h>
#include <socketserver/server_group.h>

struct stopper {
	struct ssv_server *const *servers;
	size_t count;
	pthread_t thread;
	sigset_t signals;
	pthread_mutex_t starting; /* held until the servers may be closed: … */
	bool ready;               /* … which they may */
	int signal;               /* what ended the wait; for others once the thread has ended */
};

/**
 * Before any other thread starts: blocks the signals, for good, and starts the thread. The servers
 * have been initialised. Returns 0 or a negative errno.
 */
int stopper_start(struct stopper *stopper, struct ssv_server *const *servers, size_t count);

/** The servers are open: from now on a signal closes them. */
void stopper_ready(struct stopper *stopper);

/**
 * Closes the servers, open or not, if no signal has done so, and waits until that is done. Returns
 * whether it was a signal that ended them. Does not return where handlers cannot be stopped: that
 * ends the process.
 */
bool stopper_finish(struct stopper *stopper);

#endif
