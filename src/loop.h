/**
 * What a server waits for: one epoll instance that covers its wake-up and its watches. The listener
 * is one of these for step() and handle_request(), and after a rest; otherwise serve_forever()
 * waits for it beside the epoll (wait() in serving.c).
 */
#ifndef SSV_LOOP_H
#define SSV_LOOP_H

#include <socketserver/server.h>

/** Makes it, unless it is there already. */
int ssv_loop_open(struct ssv_server *server);

/** Gives it back. Harmless twice; a signal handler may be waking meanwhile. */
void ssv_loop_close(struct ssv_server *server);

/** In a forked child: closes its copies, and leaves the parent's loop as it is. */
void ssv_loop_forsake(struct ssv_server *server);

/** Ends a wait, now or the next. From any thread or signal handler. */
void ssv_loop_wake(struct ssv_server *server);

/**
 * Waits for one event and calls its watch. 1; 0 when the time is over or a signal came; SSV_EXIT of
 * a watch; -EBADF where the loop is closed.
 */
int ssv_loop_wait(struct ssv_server *server, int64_t until);

#endif
