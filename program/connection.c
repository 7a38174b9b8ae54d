#include "connection.h"
#include <errno.h>
#include <fcntl.h>
#include <socketserver/container_of.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct connection *connection_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct connection, layer);
}

/* In the place of a listener, something that is readable. */
static int connection_bind(struct ssv_layer *layer)
{
	layer->server->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	layer->server->shared = true; /* no socket: not to be shut down */
	return layer->server->fd < 0 ? -errno : 0;
}

static int connection_activate(struct ssv_layer *layer)
{
	(void)layer;
	return 0;
}

static int set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

static int connection_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct connection *connection = connection_of(layer);
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(peer);
	eventfd_t once;

	if (eventfd_read(layer->server->fd, &once) < 0)
		return -errno;
	if (getpeername(connection->fd, (struct sockaddr *)&peer, &length) < 0)
		length = sizeof(sa_family_t); /* they have hung up already: an unnamed one */
	if (set_blocking(connection->fd) < 0)
		return -errno;
	ssv_request_open(request, connection->fd, layer->server->server_address.transport,
		(struct sockaddr *)&peer, length);
	connection->fd = -1;
	return 0;
}

static int connection_close(struct ssv_layer *layer)
{
	struct connection *connection = connection_of(layer);

	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
	return ssv_super_close(layer);
}

static void connection_forsake(struct ssv_layer *layer)
{
	struct connection *connection = connection_of(layer);

	if (connection->fd >= 0)
		close(connection->fd);
}

static const struct ssv_layer_ops connection_ops = {
	.bind = connection_bind,
	.activate = connection_activate,
	.get_request = connection_get_request,
	.close = connection_close,
	.forsake = connection_forsake,
};

void connection_link(struct connection *connection, struct ssv_server *server)
{
	ssv_server_link(server, &connection->layer, &connection_ops);
}
