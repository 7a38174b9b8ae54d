/** One connection that has come already, as inetd and Accept=yes hand it over: served, then the
 * end. */
#ifndef PROGRAM_CONNECTION_H
#define PROGRAM_CONNECTION_H

#include <socketserver/server.h>

/** Must stay as long as the server. */
struct connection {
	struct ssv_layer layer;
	int fd; /**< to be set before; or -1. The server's from the link on. */
};

/** Links it in front of a stream server's class, and behind all mix-ins, which come later: the
 * server has this one request, and no listener. */
void connection_link(struct connection *connection, struct ssv_server *server);

#endif
