/**
 * class BaseServer: the loop, the order of the calls, and what each failure does.
 *
 * The life of a server: init (cannot fail), options, open, serve, close. Options are fields of the
 * structs, to be set between init and open unless they say otherwise. A server must not move after
 * its init. Unless a function says otherwise, it may be called on any thread but not in a signal
 * handler, and not while another thread opens or closes the server; but who enters the loop of a
 * server that another thread is closing only finds it closed.
 *
 *     serve_forever ──> get_request ──> verify_request ──> process_request
 *                                                                │
 *         close_request <── shutdown_request <── finish_request <┘
 *
 * What a failure does: of get_request, that request is forgotten (no memory or descriptors left:
 * the listener rests, and one line is logged); of any other method, handle_error, and the request
 * is shut down; the server goes on. Only SSV_EXIT, and a listener that is none any more, end it.
 */
#ifndef SOCKETSERVER_SERVER_H
#define SOCKETSERVER_SERVER_H

#include <pthread.h>
#include <socketserver/handler.h>
#include <socketserver/layer.h>
#include <socketserver/limits.h>
#include <socketserver/log.h>
#include <socketserver/watch.h>

SSV_BEGIN_DECLS

/** private: equal reports that were counted, not printed */
struct ssv_report_count {
	const char *what;
	int error;
	int64_t since;
	unsigned int printed, suppressed;
};

/** private: waiting for what there is not enough of, 1 ms, 2 ms, … 1 s */
struct ssv_backoff {
	int rests;     /* in a row */
	int64_t until; /* SSV_NEVER, or when the next one is over */
};

/** What a server has done since its init. */
struct ssv_counters {
	uint64_t accepted; /**< requests that came */
	uint64_t active;   /**< that are open now */
	uint64_t refused; /**< that were turned away, by verify_request() or for want of a worker */
	uint64_t failed;  /**< that handle_error() was told of, of them … */
	uint64_t timed_out; /**< … for -ETIMEDOUT: the peer was silent, or took nothing, for too
			       long */
	uint64_t hung_up;   /**< … and for -EPIPE, -ECONNRESET: the peer was gone */
	/** So far. Of packets, and of what runs in forked children: once that is over. */
	uint64_t bytes_read, bytes_written;
};

/** private: what is counted; a forking server's children share it */
struct ssv_tally {
	struct ssv_counters counters;       /* changed with atomics alone */
	pthread_mutex_t lock;               /* of what follows */
	struct ssv_report_count reports[9]; /* by kind; the last one: of all others */
};

/** class BaseServer. */
struct ssv_server {
	struct ssv_layer mro;   /**< head of the chain: the newest layer comes first */
	struct ssv_layer layer; /**< BaseServer's own, the last */

	/** RequestHandlerClass; may be exchanged on the serving thread between requests; of a
	 * threading server only before open. */
	const struct ssv_handler_ops *handler;
	/** The class that the handler's class extends; set by the server class' init. */
	const struct ssv_handler_ops *base_handler;
	/** Where to serve; after bind the real one, with the port that the kernel chose. */
	struct ssv_address server_address;
	/** Yours: state that all handlers share. */
	void *user;
	/** Where events go; by default warnings and errors to standard error, see log.h. */
	struct ssv_log *log;
	/** What each connection is allowed. */
	struct ssv_limits limits;
	/** handle_request() waits this long, ms; default SSV_FOREVER. serve_forever() does not look
	 * at it. */
	int timeout;
	/** service_actions() also runs this often, ms; default SSV_FOREVER: only when something
	 * happens, which under the threading mix-in no request is. */
	int poll_interval;
	/** close() lets running handlers work this long, ms, before it cuts their connections;
	 * default SSV_FOREVER. */
	int grace;
	/** and then waits this long, ms, for them to notice; default 1,000. */
	int abort_timeout;
	/** Others hold the socket too, or may: close does not shut it down. Set by adopting one. */
	bool shared;
	/** The socket, or -1: set by the class' bind(). */
	int fd;

	/* private */
	uint64_t cookie;     /* the kernel's for the socket, or 0 */
	int poll_fd;         /* epoll: everything that the loop waits for */
	int wake_fd, wakers; /* eventfd, and who is writing to it just now */
	struct ssv_watch listener, wake;
	int state;                         /* enum ssv_running_state; changed with atomics alone */
	pthread_mutex_t turn;              /* verify_request, process_request, service_actions */
	const struct ssv_request *turn_of; /* whose turn it is; atomic */
	struct ssv_tally *tally, own_tally;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool inside;                  /* a thread is in the loop */
	bool barred;                  /* a close has begun: nobody gets in */
	bool aborting;                /* and has lost its patience; changed with atomics alone */
	unsigned int run;             /* how many times one has been */
	struct ssv_request *live;     /* the open requests */
	struct ssv_server *next_open; /* of those that have a socket */
	bool inherited;               /* this is a forked child: the server is its parent's */
	pid_t served_by;              /* whose threads and children it has, or 0; atomic */

	/* private, the serving thread's */
	struct ssv_request request; /* used again for each */
	int failures;               /* of get_request, in a row */
	struct ssv_backoff backoff;
	int64_t next_service; /* SSV_NEVER, or when */
	int64_t close_until;  /* a close: the grace ends, */
	int64_t abort_until;  /* and what then is waited for; */
	int64_t close_wait;   /* so long, at most, this time */
	int unstopped;        /* what it returned last */
	bool resting;         /* no request can be taken for now */
	bool woken;           /* by somebody who knows of something to do */
	bool ready;           /* the listener may have something */
	bool active;          /* between open and close */
	bool adopted;         /* the socket, and not bound by us */
	bool nodelay;         /* connections have TCP_NODELAY from the listener */
};

/** For a server class' init: sets the defaults and links BaseServer's layer. `at` is copied. */
SSV_API void ssv_server_init(struct ssv_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler);

/** Puts a layer in front of all others; the class in `ops` answers first from now on. Before open.
 */
SSV_API void ssv_server_link(
	struct ssv_server *server, struct ssv_layer *layer, const struct ssv_layer_ops *ops);

/**
 * Binds and activates. After an error all that was acquired is given back. May be called again
 * after a close. Returns 0, or the first error of ssv_server_bind() and ssv_server_activate(): the
 * usual ones are -EADDRINUSE, -EADDRNOTAVAIL (no address of this host), -EACCES (a port below
 * 1,024, ip(7), or a path) and -ENXIO (a name that cannot be resolved).
 */
SSV_API int ssv_server_open(struct ssv_server *server);

/**
 * server_bind() on its own (Python's bind_and_activate=False). A name is looked up, which may take
 * its time, and its addresses are tried in turn. Close after a failure. Returns 0; -EBUSY where the
 * server is open; -EAFNOSUPPORT for an address of another transport, or of another family than
 * asked for; -ENXIO for a name that cannot be resolved; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES and
 * others of bind(2), those of the last address that was tried; -EMFILE, -ENFILE, -ENOMEM; or what
 * kept the resolver from asking. What else there is for the file of a Unix socket stands in
 * unix_socket.h.
 */
SSV_API int ssv_server_bind(struct ssv_server *server);

/** server_activate() on its own, after the bind. Close after a failure. Returns 0; -EBUSY where the
 * server is open; -EADDRINUSE and others of listen(2); or an error of a mix-in. */
SSV_API int ssv_server_activate(struct ssv_server *server);

/**
 * Serves until it is asked to stop, and may then be called again, on the same port: what the kernel
 * has queued meanwhile is served. An idle server makes no system call unless an interval is set.
 * Returns 0 after a stop, SSV_EXIT when a handler of a synchronous server said so, -EBUSY where
 * another thread serves, -EBADF where the server is not open, or the error that made the listener
 * useless. (serve_forever().)
 */
SSV_API int ssv_server_serve_forever(struct ssv_server *server);

/**
 * Waits for one request, at most `timeout` ms of the server's, and has it processed. Returns 1; 0
 * when there was none in time and handle_timeout() was called; -ECANCELED when it was asked to
 * stop; or an error of ssv_server_serve_forever(), SSV_EXIT included. (handle_request(); Python's
 * ignores a stop.)
 */
SSV_API int ssv_server_handle_request(struct ssv_server *server);

/**
 * For those who own their loop: what to poll. Returns a descriptor that is readable whenever
 * ssv_server_step() has something to do, be it a request, a stop or a watch; -1 where the server is
 * not open and has no watch.
 */
SSV_API int ssv_server_poll_fd(struct ssv_server *server);

/** How long to poll that descriptor at most: after it, too, there is something to do. Returns
 * milliseconds, as poll(2) takes them: -1 is for ever. */
SSV_API int ssv_server_poll_timeout(struct ssv_server *server);

/**
 * Does what can be done without waiting (the handlers of a synchronous server may wait). Returns
 * how many requests it took; -ECANCELED once when it was asked to stop; or an error of
 * ssv_server_serve_forever(), SSV_EXIT included.
 */
SSV_API int ssv_server_step(struct ssv_server *server);

/**
 * Asks for a stop and returns at once. From any thread, a handler, or a signal handler. A stop
 * before the first run since open is remembered and ends that run at once; one after
 * serve_forever() has returned leaves no trace; a second one changes nothing.
 */
SSV_API void ssv_server_request_stop(struct ssv_server *server);

/**
 * Asks for a stop and waits until serve_forever() has returned, if anybody serves. Running handlers
 * of other threads go on. (shutdown().) Returns 0; or, without waiting but with the stop asked for,
 * -EDEADLK in a handler that runs on the serving thread, in the other methods there, and in
 * verify_request() and process_request() on any thread.
 */
SSV_API int ssv_server_shutdown(struct ssv_server *server);

/**
 * Has each of `signals` (ended by 0) ask for a stop, as in (server, SIGINT, SIGTERM, 0). What was
 * set up for them before is put back by the first that arrives, so that a second one does what it
 * always did, and by close, that of an open that failed included. Opt-in: the library touches no
 * signal otherwise. (sigaction(2).)
 * Returns 0; -ENOSPC for more than 64 signals of all servers together; -EINVAL for what is no
 * signal, or cannot be caught.
 */
SSV_API int ssv_server_stop_on_signals(struct ssv_server *server, ...);

/**
 * Stops, waits for running handlers as long as `grace` says, then shuts their connections down and
 * waits for `abort_timeout` more; and gives everything back. Harmless twice. (server_close().)
 * Returns 0, or how many handlers could not be stopped: then the server's memory must stay, and a
 * later close waits for them again; or -EDEADLK, without having done anything, on the serving
 * thread or in a handler.
 */
SSV_API int ssv_server_close(struct ssv_server *server);

/**
 * Whether a close has cut the connections, since its grace is over: for handlers that wait for
 * something else than their connection, or have none, as on a datagram server. They have
 * `abort_timeout` from then on. Not known in a forked child: its parent sends it SIGTERM. From any
 * thread.
 */
SSV_API bool ssv_server_is_aborting(const struct ssv_server *server);

/** What it has done so far. From any thread, also while another one closes the server. */
SSV_API void ssv_server_counters(struct ssv_server *server, struct ssv_counters *counters);

/**
 * Calls `visit` for each open request, the newest first, until it returns other than 0. From any
 * thread, also while another one closes the server. The request may be in use by another meanwhile:
 * look at nothing but its addresses, `opened` and ssv_request_progress(); and do not call back into
 * the server. No request comes or ends until it returns: be quick. Returns what `visit` returned
 * last, or 0.
 */
SSV_API int ssv_server_each_request(struct ssv_server *server,
	int (*visit)(const struct ssv_request *request, void *context), void *context);

/** The methods of the chain, as a layer or a handler calls them: the newest class that has one
 * answers. Returns the descriptor, or -1. */
SSV_API int ssv_server_fileno(struct ssv_server *server);

/** Default: nothing. Returns 0, or an error of a layer. */
SSV_API int ssv_server_service_actions(struct ssv_server *server);

/** Default: nothing. Returns 0, or an error of a layer. */
SSV_API int ssv_server_handle_timeout(struct ssv_server *server);

/** No default: each server class has its own. On success or not, `request` says what to close.
 * Returns 0; -EAGAIN where nothing is there; or what accept(2) or recvmsg(2) says. */
SSV_API int ssv_server_get_request(struct ssv_server *server, struct ssv_request *request);

/** Default: 1. Returns 1 or 0, whether to process it; or an error of a layer. */
SSV_API int ssv_server_verify_request(struct ssv_server *server, struct ssv_request *request);

/** Default: finish_request(), then shutdown_request(), on this thread. Returns 0, or an error, with
 * the request still the caller's. */
SSV_API int ssv_server_process_request(struct ssv_server *server, struct ssv_request *request);

/** Default: ssv_handler_run(). Returns what ssv_handler_run() returns. */
SSV_API int ssv_server_finish_request(struct ssv_server *server, struct ssv_request *request);

/** Default: close_request(). Stream servers linger first, see ssv_stream_linger(). Harmless on a
 * closed request. */
SSV_API void ssv_server_shutdown_request(struct ssv_server *server, struct ssv_request *request);

/** Default: ssv_request_close(). */
SSV_API void ssv_server_close_request(struct ssv_server *server, struct ssv_request *request);

/**
 * Default: reports it, at the level of an error; a peer that hung up (-EPIPE, -ECONNRESET) or was
 * silent for too long (-ETIMEDOUT) at the level of debugging. (Python prints a traceback.)
 */
SSV_API void ssv_server_handle_error(
	struct ssv_server *server, struct ssv_request *request, int error);

/**
 * Logs "WHAT: error text"; `what` is a constant text. Of equal ones within ten seconds ten are
 * passed on and the rest counted; the next one passed on, or close, says how many those were. With
 * more than eight kinds within ten seconds, the others count as one kind. Children of a forking
 * server count with it. `request` may be NULL, `error` 0. From any thread.
 */
SSV_API void ssv_server_report(struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *what, int error);

SSV_END_DECLS

#endif
