/** One connection that has come already, as inetd and Accept=yes hand it over: served, then the
 * end. */
#ifndef PROGRAM_CONNECTION_H
#define PROGRAM_CONNECTION_H

#include <socketserver/server.h>

/** Must stay as long as the server. */
struct connection {
	struct ssv_layer layer;
	int fd; /* or -1 */
};

/** Links it in front of a stream server, which then has this one request, and no listener. The
 * descriptor is the server's from now on. */
void connection_init(struct connection *connection, struct ssv_server *server, int fd);

#endif
