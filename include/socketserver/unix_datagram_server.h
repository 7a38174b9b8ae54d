/** class UnixDatagramServer: requests are datagrams to a Unix socket. */
#ifndef SOCKETSERVER_UNIX_DATAGRAM_SERVER_H
#define SOCKETSERVER_UNIX_DATAGRAM_SERVER_H

#include <socketserver/server.h>
#include <socketserver/unix_socket.h>

SSV_BEGIN_DECLS

/**
 * What a handler gets and may answer stands in datagram_handler.h. Replies that clients do not read
 * stay in the server's own send buffer (SO_SNDBUF): with many of them it waits with those to
 * others, too, each for `limits.write_timeout` at most, whose default is 1,000 ms here.
 */
struct ssv_unix_datagram_server {
	struct ssv_server base;
	struct ssv_layer layer;

	/** The mode, owner and life of the socket's file. */
	struct ssv_unix_socket file;
	/** As in udp_server.h; default 65,535; here a client may send more, but gets no more than
	 * 65,507 bytes back. */
	size_t max_packet_size;
};

/** A server at `at`, a unixgram: address, which is copied. Cannot fail; a wrong address makes open
 * return -EAFNOSUPPORT. */
SSV_API void ssv_unix_datagram_server_init(struct ssv_unix_datagram_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);

/** As ssv_udp_server_adopt(), for a Unix datagram socket; its file is left alone. Returns 0, or an
 * error of ssv_tcp_server_adopt(): -EPROTOTYPE (not a Unix datagram socket) and the others. */
SSV_API int ssv_unix_datagram_server_adopt(struct ssv_unix_datagram_server *server, int fd);

SSV_END_DECLS

#endif
