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
	int max_threads;  /**< at once; default 1,024; Python: no limit */
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
	struct ssv_worker *idle, *holding; /* without work; with a request that came after a stop */
	struct ssv_request handed;         /* for the thread that was started for it */
	int threads, coming;               /* in all; that are on their way to wait, … */
	int waiting;                       /* … and wait for requests, in the kernel, … */
	int waiting_limit;                 /* … that many at most; one while there is a crowd */
	int crowd;                         /* of packets that nobody had to wait for */
	int busy, ending;                  /* that have a request; that leave, and do not count */
	bool reserved;                     /* one has been started for the next request */
	bool polling;                      /* how they wait, for as long as there is a stop_fd */
	bool blocking;                     /* accept4 waits, since serve_forever() */
	bool leading, open, closing;       /* they wait for requests; they process them; they end */
	bool cut;                          /* and what comes now comes too late */
	int error;                         /* why nobody can get requests any more, or 0 */
	int failures;                      /* of get_request, in a row */
	struct ssv_backoff requests, starts;
	bool has_ended;
	pthread_t ended; /* the last thread that did, still to be joined */
	int stop_fd;     /* wakes those who wait: eventfd, or another number of the socket; or -1 */
};

/** Puts the mix-in in front of a server. Its memory must stay as long as the server's. Cannot fail.
 */
SSV_API void ssv_threading_mixin_init(
	struct ssv_threading_mixin *threading, struct ssv_server *server);

SSV_END_DECLS

#endif
