/** The server classes with ThreadingMixIn in front, under Python's names. */
#ifndef SOCKETSERVER_THREADING_SERVERS_H
#define SOCKETSERVER_THREADING_SERVERS_H

#include <socketserver/tcp_server.h>
#include <socketserver/threading_mixin.h>
#include <socketserver/udp_server.h>
#include <socketserver/unix_datagram_server.h>
#include <socketserver/unix_stream_server.h>

SSV_BEGIN_DECLS

/** class ThreadingTCPServer(ThreadingMixIn, TCPServer) */
struct ssv_threading_tcp_server {
	struct ssv_tcp_server tcp;
	struct ssv_threading_mixin threading;
};

/** class ThreadingUDPServer(ThreadingMixIn, UDPServer) */
struct ssv_threading_udp_server {
	struct ssv_udp_server udp;
	struct ssv_threading_mixin threading;
};

/** class ThreadingUnixStreamServer(ThreadingMixIn, UnixStreamServer) */
struct ssv_threading_unix_stream_server {
	struct ssv_unix_stream_server unix_stream;
	struct ssv_threading_mixin threading;
};

/** class ThreadingUnixDatagramServer(ThreadingMixIn, UnixDatagramServer) */
struct ssv_threading_unix_datagram_server {
	struct ssv_unix_datagram_server unix_datagram;
	struct ssv_threading_mixin threading;
};

/** As the class' own init; each server is `.tcp.base` and so on, its mix-in `.threading`. Cannot
 * fail. */
SSV_API void ssv_threading_tcp_server_init(struct ssv_threading_tcp_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);
SSV_API void ssv_threading_udp_server_init(struct ssv_threading_udp_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);
SSV_API void ssv_threading_unix_stream_server_init(struct ssv_threading_unix_stream_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);
SSV_API void ssv_threading_unix_datagram_server_init(
	struct ssv_threading_unix_datagram_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler);

SSV_END_DECLS

#endif
