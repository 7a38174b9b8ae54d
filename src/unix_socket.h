/** What Unix stream and Unix datagram servers share: a socket bound to a path or a name. */
#ifndef SSV_UNIX_SOCKET_H
#define SSV_UNIX_SOCKET_H

#include <socketserver/server.h>
#include <socketserver/unix_socket.h>

/** Sets the defaults. */
void ssv_unix_socket_init(struct ssv_unix_socket *file);

/** The server's bind(), unless a socket was adopted; for an address of `transport`. */
int ssv_unix_socket_bind(
	struct ssv_server *server, enum ssv_transport transport, struct ssv_unix_socket *file);

/** Removes the file, if it is ours. Before the socket is closed: until then no other file can have
 * its number. Harmless twice. */
void ssv_unix_socket_remove(struct ssv_unix_socket *file, const struct ssv_server *server);

#endif
