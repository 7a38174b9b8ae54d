#include "inet_socket.h"

#include "resolve.h"
#include "server_socket.h"

#include <errno.h>
#include <unistd.h>

struct binding {
	struct ssv_server *server;
	const struct ssv_inet_options *options;
};

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Both families in one socket for [::] alone: [2001:db8::1] is one address. */
static int set_options(int fd, const struct ssv_inet_options *options, const struct ssv_address *at)
{
	const bool is_v6 = at->socket.any.sa_family == AF_INET6;
	const bool both = ssv_inet_is_every_address(at) && options->family != AF_INET6;
	int rc = 0;

	if (options->reuse_address)
		rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && options->reuse_port)
		rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (rc == 0 && is_v6)
		rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
	return rc;
}

static int bind_one(const struct ssv_address *at, void *context)
{
	struct binding *binding = context;
	int fd = ssv_server_socket_make(at), rc;

	if (fd < 0)
		return fd;
	rc = set_options(fd, binding->options, at);
	if (rc == 0 && bind(fd, &at->socket.any, at->length) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	binding->server->fd = fd;
	return 0;
}

int ssv_inet_socket_bind(struct ssv_server *server, enum ssv_transport transport,
	const struct ssv_inet_options *options)
{
	struct binding binding = {server, options};
	int rc = ssv_server_socket_begin(server, transport);

	if (rc > 0)
		rc = ssv_resolve(&server->server_address, options->family, bind_one, &binding);
	return rc < 0 ? rc : ssv_server_socket_learn_address(server, transport);
}
