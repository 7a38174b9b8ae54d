#include "descriptor.h"
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <socketserver/container_of.h>
#include <socketserver/stream_handler.h>
#include <socketserver/tcp_server.h>
#include <unistd.h>

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Both families in one socket for [::] alone: [2001:db8::1] is one address. */
static int set_options(const struct ssv_tcp_server *tcp, int fd, const struct ssv_address *at)
{
	bool every = at->socket.any.sa_family == AF_INET6 &&
		     IN6_IS_ADDR_UNSPECIFIED(&at->socket.in6.sin6_addr) &&
		     tcp->address_family != AF_INET6;
	int rc = 0;

	if (tcp->allow_reuse_address)
		rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && tcp->allow_reuse_port)
		rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (rc == 0 && at->socket.any.sa_family == AF_INET6)
		rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !every);
	return rc;
}

static int bind_socket(const struct ssv_address *at, void *context)
{
	struct ssv_tcp_server *tcp = context;
	int fd = socket(at->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    rc;

	if (fd < 0)
		return -errno;
	fd = ssv_descriptor_above_stdio(fd);
	if (fd < 0)
		return fd;
	rc = set_options(tcp, fd, at);
	if (rc == 0 && bind(fd, &at->socket.any, at->length) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	tcp->base.fd = fd;
	return 0;
}

static int learn_address(struct ssv_server *server)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);

	if (getsockname(server->fd, (struct sockaddr *)&at, &length) < 0)
		return -errno;
	ssv_address_from_socket(&server->server_address, SSV_TCP, (struct sockaddr *)&at, length);
	return 0;
}

static int tcp_server_bind(struct ssv_layer *layer)
{
	struct ssv_tcp_server *tcp = ssv_container_of(layer, struct ssv_tcp_server, layer);
	const struct ssv_address *at = &tcp->base.server_address;
	int rc;

	if (tcp->base.fd >= 0)
		return tcp->adopted ? learn_address(&tcp->base) : -EBUSY;
	if (at->transport != SSV_TCP)
		return -EAFNOSUPPORT;
	rc = ssv_resolve(at, tcp->address_family, bind_socket, tcp);
	return rc < 0 ? rc : learn_address(&tcp->base);
}

static int tcp_server_activate(struct ssv_layer *layer)
{
	struct ssv_tcp_server *tcp = ssv_container_of(layer, struct ssv_tcp_server, layer);

	return listen(tcp->base.fd, tcp->request_queue_size) < 0 ? -errno : 0;
}

static int tcp_server_close(struct ssv_layer *layer)
{
	ssv_container_of(layer, struct ssv_tcp_server, layer)->adopted = false;
	return ssv_super_close(layer);
}

static int tcp_server_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	int fd = accept4(layer->server->fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	fd = ssv_descriptor_above_stdio(fd);
	if (fd < 0)
		return fd;
	ssv_request_open(request, fd, SSV_TCP, (struct sockaddr *)&peer, length);
	return 0;
}

static void tcp_server_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	if (request->stream != NULL)
		ssv_stream_linger(request->stream);
	ssv_super_shutdown_request(layer, request);
}

static const struct ssv_layer_ops tcp_server_ops = {
	.bind = tcp_server_bind,
	.activate = tcp_server_activate,
	.close = tcp_server_close,
	.get_request = tcp_server_get_request,
	.shutdown_request = tcp_server_shutdown_request,
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
	server->adopted = false;
}

/* 0 where it is a TCP socket that is bound and not connected. */
static int check_listener(int fd)
{
	struct ssv_address at = {.length = sizeof(at.socket)};
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) < 0)
		return -errno;
	if (getsockname(fd, &at.socket.any, &at.length) < 0)
		return -errno;
	if (type != SOCK_STREAM ||
		(at.socket.any.sa_family != AF_INET && at.socket.any.sa_family != AF_INET6))
		return -EPROTOTYPE;
	if (ssv_address_port(&at) == 0 || getpeername(fd, &at.socket.any, &at.length) == 0)
		return -EINVAL;
	return 0;
}

int ssv_tcp_server_adopt(struct ssv_tcp_server *server, int fd)
{
	int rc = server->base.fd >= 0 ? -EBUSY : check_listener(fd), flags;

	if (rc < 0)
		return rc;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	server->base.fd = fd;
	server->adopted = true;
	return 0;
}
