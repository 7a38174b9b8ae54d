/**
 * The times of a close: the grace, in which what runs may end by itself, and abort_timeout, in
 * which it may after it was cut. Several servers are closed side by side (server_group.c): a
 * layer's close() is called again and again, and waits each time until the next of their times.
 */
#ifndef SSV_CLOSING_H
#define SSV_CLOSING_H

#include "clock.h"

#include <socketserver/server.h>

/** The grace is over. */
static inline bool ssv_closing_cuts(const struct ssv_server *server)
{
	return ssv_ms_until(server->close_until) == 0;
}

/** And so is what came after it. */
static inline bool ssv_closing_gives_up(const struct ssv_server *server)
{
	return ssv_ms_until(server->abort_until) == 0;
}

/** This server has no grace. Harmless twice. */
static inline void ssv_closing_hurry(struct ssv_server *server)
{
	if (server->close_until == SSV_NOW)
		return;
	server->close_until = SSV_NOW;
	server->abort_until = ssv_earlier(server->abort_until, ssv_until(server->abort_timeout));
}

/** Until when to wait for handlers this time. */
static inline int64_t ssv_closing_wait(const struct ssv_server *server)
{
	return ssv_closing_cuts(server) ? ssv_earlier(server->close_wait, server->abort_until)
					: server->close_wait;
}

#endif
