/** class UDPServer: requests are datagrams. */
#ifndef SOCKETSERVER_UDP_SERVER_H
#define SOCKETSERVER_UDP_SERVER_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

/**
 * What a handler gets and may answer stands in datagram_handler.h. A reply leaves from the address
 * that its client has asked, on a server that is bound to every address, too.
 */
struct ssv_udp_server {
	struct ssv_server base;
	struct ssv_layer layer;

	/** The room for a packet, in bytes: of a longer one the rest is lost, which is logged and
	 * shows in the request's `packet_length`. Default 65,535, more than any has; Python: 8,192.
	 */
	size_t max_packet_size;
	/** SO_REUSEADDR; default false: on a UDP socket it lets others take the port away. */
	bool allow_reuse_address;
	/** SO_REUSEPORT (socket(7)): several servers on one port; default false. */
	bool allow_reuse_port;
	/** AF_INET or AF_INET6 for that family alone; default AF_UNSPEC: as the address says. */
	int address_family;

	/* private */
	bool every_address; /* and so each packet comes with the one that was asked */
};

/** A server at `at`, a udp:// address, which is copied. Cannot fail; a wrong address makes open
 * return -EAFNOSUPPORT. */
SSV_API void ssv_udp_server_init(struct ssv_udp_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler);

/**
 * Before open: uses `fd`, a UDP socket that is bound, instead of a new one. It is the server's from
 * now on: made close-on-exec, closed by close (never shut down, since others may hold it too).
 * Returns 0, or, with the descriptor still yours: -EPROTOTYPE (not a UDP socket), or another error
 * of ssv_tcp_server_adopt().
 */
SSV_API int ssv_udp_server_adopt(struct ssv_udp_server *server, int fd);

SSV_END_DECLS

#endif
