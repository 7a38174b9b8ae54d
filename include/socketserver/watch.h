/** One more descriptor for a server's loop: a signalfd, a terminal, a pipe. */
#ifndef SOCKETSERVER_WATCH_H
#define SOCKETSERVER_WATCH_H

#include <socketserver/macros.h>

SSV_BEGIN_DECLS

struct ssv_server;

/** The caller's memory; it must stay until ssv_server_unwatch() or the server's close. Embed it to
 * add state. */
struct ssv_watch {
	int fd; /**< yours; never closed by the server */
	/**
	 * Called on the serving thread while `fd` is readable or hung up: read from it, or it is
	 * called again. May unwatch itself or another. An error is reported and the serving goes
	 * on, but SSV_EXIT ends it.
	 */
	int (*ready)(struct ssv_watch *watch);
	struct ssv_server *server; /**< set by ssv_server_watch() */
};

/**
 * Adds `watch`, whose `fd` and `ready` are set, to the loop. Any time after init, from any thread.
 * The descriptor stays yours; unwatch it before you close it. Returns 0, -EPERM for a file that is
 * always ready (a regular one), -EEXIST, -EBADF, or what epoll_ctl(2), epoll_create1(2) and
 * eventfd(2) say.
 */
SSV_API int ssv_server_watch(struct ssv_server *server, struct ssv_watch *watch);

/** Takes it out again. Harmless twice. On another than the serving thread, `ready` may be running
 * meanwhile. */
SSV_API void ssv_server_unwatch(struct ssv_server *server, struct ssv_watch *watch);

SSV_END_DECLS

#endif
