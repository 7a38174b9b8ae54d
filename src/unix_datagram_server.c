#include "datagram_server.h"
#include "server_socket.h"
#include "unix_socket.h"

#include <socketserver/container_of.h>
#include <socketserver/datagram_handler.h>
#include <socketserver/unix_datagram_server.h>

#define WRITE_TIMEOUT_MS 1000 /* who does not read is not to stop all others for long */

static struct ssv_unix_datagram_server *unix_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_unix_datagram_server, layer);
}

static int unix_datagram_server_bind(struct ssv_layer *layer)
{
	return ssv_unix_socket_bind(layer->server, SSV_UNIXGRAM, &unix_of(layer)->file);
}

static int unix_datagram_server_close(struct ssv_layer *layer)
{
	ssv_unix_socket_remove(&unix_of(layer)->file, layer->server);
	return ssv_super_close(layer);
}

static int unix_datagram_server_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	return ssv_datagram_server_get_request(
		layer->server, request, unix_of(layer)->max_packet_size, false);
}

static const struct ssv_layer_ops unix_datagram_server_ops = {
	.bind = unix_datagram_server_bind,
	.close = unix_datagram_server_close,
	.get_request = unix_datagram_server_get_request,
	.concurrent_get_request = true,
};

void ssv_unix_datagram_server_init(struct ssv_unix_datagram_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler)
{
	ssv_server_init(&server->base, at, handler);
	ssv_server_link(&server->base, &server->layer, &unix_datagram_server_ops);
	server->base.base_handler = &ssv_datagram_handler;
	server->base.limits.write_timeout = WRITE_TIMEOUT_MS;
	ssv_unix_socket_init(&server->file);
	server->max_packet_size = SSV_MAX_PACKET_SIZE;
}

int ssv_unix_datagram_server_adopt(struct ssv_unix_datagram_server *server, int fd)
{
	return ssv_server_socket_adopt(&server->base, SSV_UNIXGRAM, fd);
}
