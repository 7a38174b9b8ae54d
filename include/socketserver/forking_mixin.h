/**
 * class ForkingMixIn: each request is processed by a child process of its own, up to a limit.
 *
 * What a handler does there, a crash, a leak, exit() included, touches neither the server nor
 * another request. In front of a server it overrides process_request(), and what has to do with
 * waiting for the children; the serving thread forks, and runs no handler.
 *
 * A child runs finish_request() (the handler), handle_error() where that fails, and
 * shutdown_request(); it ends with the status 0, or 1 after an error or SSV_EXIT, by _exit(2): no
 * exit handler of the host runs, and no stdio is flushed (child_finish() may). It has let go of
 * the library's descriptors: listeners, loops, other requests of all servers; the host's own it
 * keeps. What it asks of a server of its parent's affects nobody: request_stop() and shutdown() do
 * nothing, serve_forever() does not serve, close() returns -EDEADLK. Memory is a copy, what
 * server->user points at too; only the counters (ssv_server_counters()) are shared.
 *
 * Where the host has other threads, the child is without them, but their locks are as they were at
 * the fork, held for ever perhaps. malloc(3), stdio and this library work all the same (glibc sees
 * to the first two). Anything else that locks must not run in a handler, a hook, or `log->write`,
 * unless the thread that serves is the only one to use it, or pthread_atfork(3) looks after it.
 *
 * The parent waits for its own children alone: the host may have others, wait for any of them, or
 * ignore SIGCHLD; no signal disposition is changed.
 */
#ifndef SOCKETSERVER_FORKING_MIXIN_H
#define SOCKETSERVER_FORKING_MIXIN_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

struct ssv_child;

/** class ForkingMixIn. */
struct ssv_forking_mixin {
	struct ssv_layer layer;

	/* Options, to be set between init and open. */

	/** Children at a time, at least 1; default 40, as Python. While there are so many, further
	 * requests wait in the kernel's queue; stopping works all the while. */
	int max_children;
	/** Default true; false: close does as with a grace of 0 (Python's leaves them running). */
	bool block_on_close;
	/** In the child, before and after all else; `request` is closed by then. Each may be NULL.
	 * After exit(3) in a handler, or a crash, there is no child_finish(). */
	void (*child_start)(struct ssv_forking_mixin *forking, struct ssv_request *request);
	void (*child_finish)(struct ssv_forking_mixin *forking, struct ssv_request *request);
	/** In the parent, on the serving thread or in close, when a child is gone; may be NULL.
	 * `status` is as waitpid(2) has it, or -1 where the host or the kernel has taken it. It
	 * must not call collect_children(). */
	void (*child_exited)(struct ssv_forking_mixin *forking, pid_t pid, int status);

	/* private */
	struct ssv_child *children;     /* under the server's lock, the newest first */
	struct ssv_child *oldest_young; /* of those at whose end nobody is told yet */
	struct ssv_child *spare;        /* records that were used, for the next children */
	struct ssv_child *forsaken;     /* in a child: its siblings' records, kept reachable for
					   leak checkers */
	int young;                      /* how many those are */
	int active;                     /* changed with atomics alone */
	int untold;                     /* of whose end no pidfd tells */
	struct ssv_watch timer;         /* timerfd, for the next look at a child */
	int64_t alarm;                  /* what it is set to: SSV_NEVER, or when */
	bool no_child;                  /* the last fork(2) has failed */
	bool pipes;                     /* the kernel has no pidfds */
};

/**
 * Puts the mix-in in front of a server, and sets the server's `timeout` to 300,000 ms (Python's
 * ForkingMixIn.timeout). Its memory must stay as long as the server's. Cannot fail. Open can, then:
 * -EMFILE, -ENFILE, -ENOMEM for a timer and shared memory.
 *
 * A fork(2) that fails costs the request that it was for: handle_error() is told, and the request
 * is shut down. Then no other one is taken until a child can be had, which is tried after 1 ms, 2
 * ms, … 1 s, and when a child ends; the requests wait in the kernel's queue.
 *
 * With limits.deadline set, a child that has not ended 5 % after the deadline of its request is
 * killed, a stopped one (SIGSTOP) too. Children that a signal ends are logged as warnings.
 *
 * close() (server_close()) stops listening, lets the children work until the grace is over, then
 * sends them SIGTERM, and SIGKILL `abort_timeout` ms later; it returns how many are left even so.
 */
SSV_API void ssv_forking_mixin_init(struct ssv_forking_mixin *forking, struct ssv_server *server);

/**
 * Looks whether children have ended; `blocking`: waits until all have. The loop does this by
 * itself: with the next request, or 5 ms after the fork; and of a child that lives longer, or where
 * there are max_children, at once when it ends. It is for those who never let the loop wait. On the
 * serving thread, or while nobody serves. (collect_children().) Returns how many are left.
 */
SSV_API int ssv_forking_mixin_collect_children(struct ssv_forking_mixin *forking, bool blocking);

/** Returns how many children there are. From any thread. (len(active_children).) */
SSV_API int ssv_forking_mixin_active_children(struct ssv_forking_mixin *forking);

/**
 * Calls `visit` for each child, the newest first, until it returns other than 0. Only look at the
 * request, and do not call back into the server. From any thread. (active_children.) Returns what
 * `visit` returned last, or 0.
 */
SSV_API int ssv_forking_mixin_each_child(struct ssv_forking_mixin *forking,
	int (*visit)(pid_t pid, const struct ssv_request *request, void *context), void *context);

SSV_END_DECLS

#endif
