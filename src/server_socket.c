#include "server_socket.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

int ssv_server_socket_begin(const struct ssv_server *server, enum ssv_transport transport)
{
	if (server->fd >= 0)
		return server->adopted ? 0 : -EBUSY;
	return server->server_address.transport == transport ? 1 : -EAFNOSUPPORT;
}

int ssv_server_socket_make(const struct ssv_address *at)
{
	const bool is_stream = ssv_transport_is_stream(at->transport);
	const int type = is_stream ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM;

	return ssv_descriptor_above_stdio(socket(at->socket.any.sa_family, type | SOCK_CLOEXEC, 0));
}

int ssv_server_socket_learn_address(struct ssv_server *server, enum ssv_transport transport)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);

	if (getsockname(server->fd, (struct sockaddr *)&at, &length) < 0)
		return -errno;
	ssv_address_from_socket(&server->server_address, transport, (struct sockaddr *)&at, length);
	return 0;
}

static bool is_of(const struct ssv_address *at, enum ssv_transport transport)
{
	const sa_family_t family = at->socket.any.sa_family;

	if (transport == SSV_UNIX || transport == SSV_UNIXGRAM)
		return family == AF_UNIX;
	return family == AF_INET || family == AF_INET6;
}

static bool is_bound(const struct ssv_address *at)
{
	return at->socket.any.sa_family == AF_UNIX
		       ? at->length > offsetof(struct sockaddr_un, sun_path)
		       : ssv_address_port(at) != 0;
}

/* 0 where it is a socket of that transport that is bound and not connected. */
static int check(int fd, enum ssv_transport transport)
{
	const int wanted = ssv_transport_is_stream(transport) ? SOCK_STREAM : SOCK_DGRAM;
	struct ssv_address at = {.length = sizeof(at.socket)};
	socklen_t length = sizeof(at.socket);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) < 0)
		return -errno;
	if (getsockname(fd, &at.socket.any, &at.length) < 0)
		return -errno;
	if (type != wanted || !is_of(&at, transport))
		return -EPROTOTYPE;
	if (!is_bound(&at) || getpeername(fd, &at.socket.any, &length) == 0)
		return -EINVAL;
	return 0;
}

static int prepare(int fd, enum ssv_transport transport)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (ssv_transport_is_stream(transport) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int ssv_server_socket_adopt(struct ssv_server *server, enum ssv_transport transport, int fd)
{
	int rc = server->fd >= 0 ? -EBUSY : check(fd, transport);

	if (rc == 0)
		rc = prepare(fd, transport);
	if (rc < 0)
		return rc;
	server->fd = fd;
	server->adopted = server->shared = true;
	return 0;
}

void ssv_server_socket_stop_listening(const struct ssv_server *server)
{
	if (server->fd >= 0 && !server->shared &&
		__atomic_load_n(&server->served_by, __ATOMIC_RELAXED) != 0 &&
		ssv_transport_is_stream(server->server_address.transport) &&
		ssv_descriptor_is(server->fd, server->cookie))
		shutdown(server->fd, SHUT_RDWR);
}
