#include "reference.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_options(int fd, const struct ssv_address *at)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->transport == SSV_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* What a killed server has left. */
static void remove_stale(const struct ssv_address *at)
{
	const char *path = at->socket.un.sun_path;
	struct stat file;

	if (at->socket.any.sa_family == AF_UNIX && path[0] != '\0' && stat(path, &file) == 0 &&
		S_ISSOCK(file.st_mode))
		unlink(path);
}

int listen_at(struct ssv_address *at)
{
	bool is_stream = ssv_transport_is_stream(at->transport);
	socklen_t length = sizeof(at->socket);
	int fd;

	if (at->length == 0) {
		errno = EINVAL; /* a name: this program looks none up */
		fail("give a numeric address");
	}
	remove_stale(at);
	fd = socket(
		at->socket.any.sa_family, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	set_options(fd, at);
	if (bind(fd, &at->socket.any, at->length) < 0)
		fail("bind");
	if (is_stream && listen(fd, SOMAXCONN) < 0)
		fail("listen");
	if (getsockname(fd, &at->socket.any, &length) < 0)
		fail("getsockname");
	at->length = length;
	return fd;
}
