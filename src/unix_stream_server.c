#include "server_socket.h"
#include "stream_server.h"
#include "unix_socket.h"

#include <limits.h>
#include <socketserver/container_of.h>
#include <socketserver/stream_handler.h>
#include <socketserver/unix_stream_server.h>

static struct ssv_unix_stream_server *unix_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_unix_stream_server, layer);
}

static int unix_stream_server_bind(struct ssv_layer *layer)
{
	return ssv_unix_socket_bind(layer->server, SSV_UNIX, &unix_of(layer)->file);
}

static int unix_stream_server_activate(struct ssv_layer *layer)
{
	return ssv_stream_server_listen(layer->server, unix_of(layer)->request_queue_size);
}

static int unix_stream_server_close(struct ssv_layer *layer)
{
	ssv_unix_socket_remove(&unix_of(layer)->file, layer->server);
	return ssv_super_close(layer);
}

static const struct ssv_layer_ops unix_stream_server_ops = {
	.bind = unix_stream_server_bind,
	.activate = unix_stream_server_activate,
	.close = unix_stream_server_close,
	.get_request = ssv_stream_server_get_request,
	.shutdown_request = ssv_stream_server_shutdown_request,
	.concurrent_get_request = true,
};

void ssv_unix_stream_server_init(struct ssv_unix_stream_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler)
{
	ssv_server_init(&server->base, at, handler);
	ssv_server_link(&server->base, &server->layer, &unix_stream_server_ops);
	server->base.base_handler = &ssv_stream_handler;
	ssv_unix_socket_init(&server->file);
	server->request_queue_size = INT_MAX; /* the kernel makes its own maximum of it */
}

int ssv_unix_stream_server_adopt(struct ssv_unix_stream_server *server, int fd)
{
	return ssv_server_socket_adopt(&server->base, SSV_UNIX, fd);
}
