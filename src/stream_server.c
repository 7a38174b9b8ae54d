#include "stream_server.h"

#include "descriptor.h"

#include <errno.h>

int ssv_stream_server_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	const struct ssv_server *server = layer->server;
	struct sockaddr *peer = &request->client_address.socket.any;
	socklen_t length = sizeof(request->client_address.socket);
	int fd = ssv_descriptor_above_stdio(accept4(server->fd, peer, &length, SOCK_CLOEXEC));

	if (fd < 0)
		return fd;
	ssv_request_open(request, fd, server->server_address.transport, peer, length);
	return 0;
}

void ssv_stream_server_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	if (request->stream != NULL)
		ssv_stream_linger(request->stream);
	ssv_super_shutdown_request(layer, request);
}

int ssv_stream_server_listen(const struct ssv_server *server, int queue_size)
{
	return listen(server->fd, queue_size) < 0 ? -errno : 0;
}
