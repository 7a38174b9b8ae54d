/** What TCP and UDP servers share: a socket bound to an address of the Internet. */
#ifndef SSV_INET_SOCKET_H
#define SSV_INET_SOCKET_H

#include <socketserver/server.h>

/** Options of both classes, see tcp_server.h. */
struct ssv_inet_options {
	bool reuse_address, reuse_port;
	int family;
};

/** The server's bind(), unless a socket was adopted; for an address of `transport`. */
int ssv_inet_socket_bind(struct ssv_server *server, enum ssv_transport transport,
	const struct ssv_inet_options *options);

#endif
