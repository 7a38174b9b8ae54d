#include <socketserver/client.h>

#include "clock.h"
#include "descriptor.h"
#include "resolve.h"

#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

struct connecting {
	struct ssv_stream *stream;
	int timeout;
	int64_t until; /* SSV_NOW before the first attempt: looking up the name does not count */
};

/* Without a name of its own a Unix datagram client cannot be answered. */
static int bind_to_any_name(int fd)
{
	const struct sockaddr any = {.sa_family = AF_UNIX};

	return bind(fd, &any, sizeof(any.sa_family)) == 0 ? 0 : -errno;
}

/*
 * Has connect(2) stop waiting when most of the time is over: the kernel's timers may be late by an
 * eighth, so what is left is waited for anew.
 */
static void bound_connect(int fd, int left)
{
	const int most = left < 0 ? 0 : left == 0 ? 1 : left - left / 8; /* 0 is for ever */
	const struct timeval time = {.tv_sec = most / 1000, .tv_usec = most % 1000 * 1000L};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

/* Whether connect(2) only stopped waiting: called again, it waits on. */
static bool is_unfinished(int error, enum ssv_transport transport)
{
	return error == EINTR || error == EINPROGRESS || error == EALREADY ||
	       (error == EAGAIN && transport == SSV_UNIX); /* elsewhere: no port is free */
}

/*
 * Not with a non-blocking socket and poll(2): a Unix socket whose server's queue is full cannot be
 * polled for a place in it.
 */
static int connect_until(int fd, const struct ssv_address *to, int64_t until)
{
	int error;

	do {
		bound_connect(fd, ssv_ms_until(until));
		error = connect(fd, &to->socket.any, to->length) == 0 ? 0 : errno;
	} while (is_unfinished(error, to->transport) && ssv_ms_until(until) != 0);
	bound_connect(fd, SSV_FOREVER);
	return is_unfinished(error, to->transport) ? -ETIMEDOUT : -error;
}

static int open_socket(const struct ssv_address *to)
{
	const int type = ssv_transport_is_stream(to->transport) ? SOCK_STREAM : SOCK_DGRAM;

	return ssv_descriptor_above_stdio(socket(to->socket.any.sa_family, type | SOCK_CLOEXEC, 0));
}

static int connect_socket(const struct ssv_address *to, int64_t until)
{
	int fd = open_socket(to), rc = 0;

	if (fd < 0)
		return fd;
	if (to->transport == SSV_UNIXGRAM)
		rc = bind_to_any_name(fd);
	if (rc == 0)
		rc = connect_until(fd, to, until);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int attempt(const struct ssv_address *resolved, void *context)
{
	struct connecting *connecting = context;
	int fd;

	if (connecting->until == SSV_NOW)
		connecting->until = ssv_until(connecting->timeout);
	else if (ssv_ms_until(connecting->until) == 0)
		return -ETIMEDOUT;
	fd = connect_socket(resolved, connecting->until);
	if (fd < 0)
		return fd;
	ssv_stream_open(connecting->stream, fd, resolved->transport);
	return 0;
}

int ssv_connect(struct ssv_stream *stream, const char *address, int timeout)
{
	struct connecting connecting = {.stream = stream, .timeout = timeout, .until = SSV_NOW};
	struct ssv_address parsed;
	int rc = ssv_address_parse(&parsed, address, NULL);

	return rc < 0 ? rc : ssv_resolve(&parsed, AF_UNSPEC, attempt, &connecting);
}
