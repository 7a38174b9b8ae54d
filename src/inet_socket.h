/** What TCP and UDP servers share: a socket bound to an address of the Internet. */
#ifndef SSV_INET_SOCKET_H
#define SSV_INET_SOCKET_H

#include <socketserver/server.h>

/** Whether it is all addresses of its family: 0.0.0.0 or [::]. */
static inline bool ssv_inet_is_every_address(const struct ssv_address *at)
{
	switch (at->socket.any.sa_family) {
	case AF_INET:
		return at->socket.in.sin_addr.s_addr == htonl(INADDR_ANY);
	case AF_INET6:
		return IN6_IS_ADDR_UNSPECIFIED(&at->socket.in6.sin6_addr);
	default:
		return false;
	}
}

/** Options of both classes, see tcp_server.h. */
struct ssv_inet_options {
	bool reuse_address, reuse_port;
	int family;
};

/** The server's bind(), unless a socket was adopted; for an address of `transport`. */
int ssv_inet_socket_bind(struct ssv_server *server, enum ssv_transport transport,
	const struct ssv_inet_options *options);

#endif
