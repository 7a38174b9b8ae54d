#include "inet_socket.h"
#include "server_socket.h"
#include "stream_server.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <socketserver/container_of.h>
#include <socketserver/stream_handler.h>
#include <socketserver/tcp_server.h>

static int tcp_server_bind(struct ssv_layer *layer)
{
	struct ssv_tcp_server *tcp = ssv_container_of(layer, struct ssv_tcp_server, layer);
	const struct ssv_inet_options options = {
		.reuse_address = tcp->allow_reuse_address,
		.reuse_port = tcp->allow_reuse_port,
		.family = tcp->address_family,
	};

	return ssv_inet_socket_bind(&tcp->base, SSV_TCP, &options);
}

/* Connections inherit it from a listener that is ours alone: no call for each of them. */
static void disable_nagle_algorithm(struct ssv_server *server)
{
	const int on = 1;

	server->nodelay = server->handler->disable_nagle_algorithm && !server->shared &&
			  setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static int tcp_server_activate(struct ssv_layer *layer)
{
	struct ssv_tcp_server *tcp = ssv_container_of(layer, struct ssv_tcp_server, layer);

	disable_nagle_algorithm(&tcp->base);
	return ssv_stream_server_listen(&tcp->base, tcp->request_queue_size);
}

static const struct ssv_layer_ops tcp_server_ops = {
	.bind = tcp_server_bind,
	.activate = tcp_server_activate,
	.get_request = ssv_stream_server_get_request,
	.shutdown_request = ssv_stream_server_shutdown_request,
	.concurrent_get_request = true,
};

void ssv_tcp_server_init(struct ssv_tcp_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler)
{
	ssv_server_init(&server->base, at, handler);
	ssv_server_link(&server->base, &server->layer, &tcp_server_ops);
	server->base.base_handler = &ssv_stream_handler;
	server->request_queue_size = INT_MAX; /* the kernel makes its own maximum of it */
	server->allow_reuse_address = true;
	server->allow_reuse_port = false;
	server->address_family = AF_UNSPEC;
}

int ssv_tcp_server_adopt(struct ssv_tcp_server *server, int fd)
{
	return ssv_server_socket_adopt(&server->base, SSV_TCP, fd);
}
