#include <socketserver/forking_servers.h>

void ssv_forking_tcp_server_init(struct ssv_forking_tcp_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler)
{
	ssv_tcp_server_init(&server->tcp, at, handler);
	ssv_forking_mixin_init(&server->forking, &server->tcp.base);
}

void ssv_forking_udp_server_init(struct ssv_forking_udp_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler)
{
	ssv_udp_server_init(&server->udp, at, handler);
	ssv_forking_mixin_init(&server->forking, &server->udp.base);
}

void ssv_forking_unix_stream_server_init(struct ssv_forking_unix_stream_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler)
{
	ssv_unix_stream_server_init(&server->unix_stream, at, handler);
	ssv_forking_mixin_init(&server->forking, &server->unix_stream.base);
}

void ssv_forking_unix_datagram_server_init(struct ssv_forking_unix_datagram_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler)
{
	ssv_unix_datagram_server_init(&server->unix_datagram, at, handler);
	ssv_forking_mixin_init(&server->forking, &server->unix_datagram.base);
}
