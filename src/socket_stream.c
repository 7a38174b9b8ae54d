#include "socket_stream.h"

#include "clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

/* The revents of both, in bits of ssv_stream_wait(); 0 when the time is over. */
static int wait_for(int fd, short events, int other, int64_t until)
{
	struct pollfd polled[] = {{.fd = fd, .events = events}, {.fd = other, .events = POLLIN}};
	int n;

	do
		n = poll(polled, other < 0 ? 1 : 2, ssv_ms_until(until));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (polled[0].revents != 0 ? SSV_WAIT_INPUT : 0) |
	       (polled[1].revents != 0 ? SSV_WAIT_OTHER : 0);
}

/* The same for one: 0 when it is ready, or -ETIMEDOUT. */
static int wait_ready(int fd, short events, int64_t until)
{
	int rc = wait_for(fd, events, -1, until);

	return rc < 0 ? rc : rc > 0 ? 0 : -ETIMEDOUT;
}

/*
 * Has a blocking recv(2) give up in time: cheaper than a poll(2) before each. It need not be
 * exact, for when it gives up early, poll waits for the rest.
 */
static void bound_receive(struct ssv_stream *stream, int left)
{
	struct timeval time = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000L};

	if (left <= 0 || (stream->receive_timeout > 0 && stream->receive_timeout <= left))
		return;
	if (setsockopt(stream->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) == 0)
		stream->receive_timeout = left;
}

static ssize_t socket_read(struct ssv_stream *stream, void *data, size_t size, int64_t until)
{
	int left = ssv_ms_until(until), flags = left == 0 ? MSG_DONTWAIT : 0, rc;
	ssize_t n;

	bound_receive(stream, left);
	while ((n = recv(stream->fd, data, size, flags)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (until == SSV_NOW && errno == EAGAIN)
			return -EAGAIN;
		rc = wait_ready(stream->fd, POLLIN, until);
		if (rc < 0)
			return until == SSV_NOW ? -EAGAIN : rc;
		flags = MSG_DONTWAIT;
	}
	return n;
}

static ssize_t socket_write(
	struct ssv_stream *stream, const struct iovec *parts, int count, int64_t until)
{
	struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t n;
	int rc;

	for (;;) {
		n = count == 1 ? send(stream->fd, parts->iov_base, parts->iov_len, flags)
			       : sendmsg(stream->fd, &message, flags);
		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || until == SSV_NOW)
			return -errno;
		rc = wait_ready(stream->fd, POLLOUT, until);
		if (rc < 0)
			return rc;
	}
}

static int socket_wait(struct ssv_stream *stream, int other, int64_t until)
{
	return wait_for(stream->fd, POLLIN, other, until);
}

static int socket_shutdown(struct ssv_stream *stream)
{
	return shutdown(stream->fd, SHUT_WR) == 0 || errno == ENOTCONN ? 0 : -errno;
}

static void socket_close(struct ssv_stream *stream)
{
	close(stream->fd); /* not again after EINTR: the number may be somebody else's by then */
}

const struct ssv_stream_ops ssv_socket_stream_ops = {
	.read = socket_read,
	.write = socket_write,
	.wait = socket_wait,
	.shutdown = socket_shutdown,
	.close = socket_close,
};

/* The end counts as a byte; Linux acknowledges it 40 ms late, and nothing is lost with it. */
bool ssv_socket_delivered(const struct ssv_stream *stream)
{
	int unacknowledged = 0;

	if (stream->transport != SSV_TCP)
		return true; /* a Unix socket's data is in the peer's queue already */
	return ioctl(stream->fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged <= 1;
}
