/** The server classes with ForkingMixIn in front, under Python's names. */
#ifndef SOCKETSERVER_FORKING_SERVERS_H
#define SOCKETSERVER_FORKING_SERVERS_H

#include <socketserver/forking_mixin.h>
#include <socketserver/tcp_server.h>
#include <socketserver/udp_server.h>
#include <socketserver/unix_datagram_server.h>
#include <socketserver/unix_stream_server.h>

SSV_BEGIN_DECLS

/** class ForkingTCPServer(ForkingMixIn, TCPServer) */
struct ssv_forking_tcp_server {
	struct ssv_tcp_server tcp;
	struct ssv_forking_mixin forking;
};

/** class ForkingUDPServer(ForkingMixIn, UDPServer) */
struct ssv_forking_udp_server {
	struct ssv_udp_server udp;
	struct ssv_forking_mixin forking;
};

/** class ForkingUnixStreamServer(ForkingMixIn, UnixStreamServer) */
struct ssv_forking_unix_stream_server {
	struct ssv_unix_stream_server unix_stream;
	struct ssv_forking_mixin forking;
};

/** class ForkingUnixDatagramServer(ForkingMixIn, UnixDatagramServer) */
struct ssv_forking_unix_datagram_server {
	struct ssv_unix_datagram_server unix_datagram;
	struct ssv_forking_mixin forking;
};

/** As the class' own init; each server is `.tcp.base` and so on, its mix-in `.forking`. Cannot
 * fail. */
SSV_API void ssv_forking_tcp_server_init(struct ssv_forking_tcp_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);
SSV_API void ssv_forking_udp_server_init(struct ssv_forking_udp_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);
SSV_API void ssv_forking_unix_stream_server_init(struct ssv_forking_unix_stream_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);
SSV_API void ssv_forking_unix_datagram_server_init(struct ssv_forking_unix_datagram_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);

SSV_END_DECLS

#endif
