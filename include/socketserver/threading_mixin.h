/**
 * class ThreadingMixIn: requests are processed by threads, as many at a time as there are requests,
 * up to a limit.
 *
 * The threads wait for requests themselves: the kernel wakes the very thread that will serve, and
 * one that is done takes the next request without being woken. serve_forever() runs no handler; it
 * sleeps, runs service_actions() and wakes for a stop. verify_request(), process_request() and
 * service_actions() never run at the same time as each other; finish_request(), the handler,
 * shutdown_request(), close_request() and handle_error() do, each for another request. Where a
 * layer's get_request() is not declared concurrent (layer.h), and for handle_request() and step(),
 * one thread gets the requests and hands them over.
 *
 * A handler may end its thread by pthread_exit(3): its request is shut down, and a new thread takes
 * its place. Cancellation is disabled on these threads; a handler that enables it, around code of
 * its own, disables it again.
 *
 * A stop leaves the threads where they are: one that then gets a request keeps it, as the kernel's
 * queue would, for the next serve_forever(), handle_request() or step(); or for close(), which has
 * it processed within the grace.
 */
#ifndef SOCKETSERVER_THREADING_MIXIN_H
#define SOCKETSERVER_THREADING_MIXIN_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

struct ssv_worker;

/** class ThreadingMixIn. */
struct ssv_threading_mixin {
	struct ssv_layer layer;

	/* Options, to be set between init and open. */
	int max_threads;  /**< at once; default 1,024; below 1 it is 1; Python: no limit */
	bool refuse;      /**< at max_threads, end a new request at once; default: let it wait */
	int max_waiting;  /**< threads that wait for requests; default 8, and no more than an eighth
			       of RLIMIT_NOFILE, since each holds a descriptor's number; one while
			       packets come faster than they are processed */
	int idle_timeout; /**< ms after which a thread too many leaves; default 10,000 */
	size_t stack_size;   /**< of a thread, bytes; default 256 KiB, at least PTHREAD_STACK_MIN */
	bool daemon_threads; /**< default false; true: as block_on_close false */
	bool block_on_close; /**< default true; false: close does as with a grace of 0 */

	/* private, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ssv_worker *idle;     /* threads without work */
	struct ssv_worker *holding;  /* threads with a request that came after a stop */
	struct ssv_request handed;   /* a request for the thread that is there for it: reserved */
	int threads;                 /* all that are started and not ending */
	int coming;                  /* of them, on their way to wait for a request */
	int waiting;                 /* of them, in the kernel, waiting for a request */
	int waiting_limit;           /* so many may wait at a time; one while there is a crowd */
	int crowd;                   /* packets that nobody had to wait for, of the last ones */
	int busy;                    /* threads that have a request */
	int ending;                  /* threads that leave, no longer in `threads` */
	bool reserved;               /* a thread is there, or starting, for the next `handed` */
	bool polling;                /* threads wait in poll, for the socket and stop_fd */
	bool blocking;               /* the listener has no O_NONBLOCK, since serve_forever() */
	bool leading;                /* threads may wait for requests, during serve_forever() */
	bool open;                   /* what a thread gets it may process, otherwise it holds it */
	bool closing;                /* close has begun */
	bool cut;                    /* the grace is over: what they get now is dropped */
	int error;                   /* why nobody can get requests any more, or 0 */
	int failures;                /* transient errors of get_request, in a row */
	struct ssv_backoff requests; /* the rests after get_request has failed */
	struct ssv_backoff starts;   /* the rests after a thread could not be started */
	bool has_ended;              /* `ended` is one */
	pthread_t ended;             /* the last thread that has ended, still to be joined */
	int stop_fd; /* wakes those who wait: eventfd, or another number of the socket; or -1 */
};

/** Puts the mix-in in front of a server. Its memory must stay as long as the server's. Cannot fail.
 */
SSV_API void ssv_threading_mixin_init(
	struct ssv_threading_mixin *threading, struct ssv_server *server);

SSV_END_DECLS

#endif
