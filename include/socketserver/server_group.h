/**
 * Several servers, of any classes, served by one thread.
 *
 * Python has a thread for each. No function here is safe in a signal handler.
 */
#ifndef SOCKETSERVER_SERVER_GROUP_H
#define SOCKETSERVER_SERVER_GROUP_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

/**
 * Serves all of `servers`, which are open, on this thread, until each has been asked to stop (each
 * on its own), or one of them ends with an error or SSV_EXIT, which is returned after the others
 * were stopped too. Returns 0; -ENOMEM; or -EBUSY, -EBADF as ssv_server_serve_forever().
 */
SSV_API int ssv_serve_all(struct ssv_server *const *servers, size_t count);

/**
 * ssv_server_close() for all of them at once: their times, of grace and after it, run side by side.
 * A layer's close() may be called several times for that, until it returns 0.
 * Returns how many handlers, in all, could not be stopped; the servers without one are closed; or
 * -EDEADLK, without having done anything, where ssv_server_close() of one of them would return
 * that.
 */
SSV_API int ssv_close_all(struct ssv_server *const *servers, size_t count);

SSV_END_DECLS

#endif
