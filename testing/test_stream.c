/* A handler's end of the pair: a socket, whose peer may move the time on or break the connection.
 */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <socketserver/container_of.h>
#include <time.h>

#define NS_PER_MS 1000000

int64_t test_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int test_ms_until(int64_t until)
{
	int64_t left;

	if (until == SSV_NEVER)
		return -1;
	if (until == SSV_NOW)
		return 0;
	left = until - test_now();
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static struct ssv_test *test_of(struct ssv_stream *stream)
{
	return ssv_container_of(stream, struct ssv_test, request.socket);
}

bool test_is_waiting(const struct ssv_test *test)
{
	struct pollfd polled = {.events = test->awaited};

	if (test->awaited == 0 || test->seen != test->ahead || test->broken)
		return false;
	polled.fd = test->request.socket.fd; /* the handler's, but while it waits */
	return poll(&polled, 1, 0) == 0;
}

/* Of what the script does meanwhile. True: the connection is broken. */
static bool begin_to_wait(struct ssv_test *test, short events)
{
	bool broken;

	pthread_mutex_lock(&test->lock);
	test->awaited = events;
	broken = test->broken;
	pthread_mutex_unlock(&test->lock);
	test_signal(test->changed_fd);
	return broken;
}

/* Time that was let pass is gone from what is left of `until`, and from the deadline. */
static void look_at_the_clock(struct ssv_test *test, int64_t *until)
{
	struct ssv_stream *stream = &test->request.socket;
	int64_t passed;

	test_hear(test->wake_fd);
	pthread_mutex_lock(&test->lock);
	passed = test->ahead - test->seen;
	test->seen = test->ahead;
	if (*until != SSV_NEVER && *until != SSV_NOW)
		*until -= passed;
	if (stream->deadline != SSV_NEVER)
		stream->deadline -= passed;
	if (test->broken || test_ms_until(*until) == 0)
		test->awaited = 0;
	pthread_mutex_unlock(&test->lock);
	test_signal(test->changed_fd);
}

static bool is_broken(struct ssv_test *test)
{
	bool broken;

	pthread_mutex_lock(&test->lock);
	broken = test->broken;
	pthread_mutex_unlock(&test->lock);
	return broken;
}

static void end_waiting(struct ssv_test *test)
{
	pthread_mutex_lock(&test->lock);
	test->awaited = 0;
	pthread_mutex_unlock(&test->lock);
}

/* Bits of ssv_stream_wait(), 0 when the time is over, or -ECONNRESET. */
static int wait_for(struct ssv_test *test, short events, int other, int64_t until)
{
	struct pollfd polled[] = {
		{.fd = test->request.socket.fd, .events = events},
		{.fd = other, .events = POLLIN},
		{.fd = test->wake_fd, .events = POLLIN},
	};
	bool broken = begin_to_wait(test, events);
	int n = 0, left;

	while (!broken) {
		left = test_ms_until(until);
		n = poll(polled, 3, left);
		if (n > 0 && (polled[0].revents != 0 || polled[1].revents != 0))
			break;
		if (n > 0)
			look_at_the_clock(test, &until);
		if (left == 0 || (n < 0 && errno != EINTR))
			break;
		broken = is_broken(test);
	}
	end_waiting(test);
	if (broken)
		return -ECONNRESET;
	if (n < 0)
		return -errno;
	return (polled[0].revents != 0 ? SSV_WAIT_INPUT : 0) |
	       (polled[1].revents != 0 ? SSV_WAIT_OTHER : 0);
}

/* Whether to try again: 0; else what to return. */
static int wait_to_try(struct ssv_stream *stream, short events, int64_t until)
{
	int rc;

	if (until == SSV_NOW)
		return -EAGAIN;
	rc = wait_for(test_of(stream), events, -1, until);
	return rc < 0 ? rc : rc > 0 ? 0 : -ETIMEDOUT;
}

static ssize_t test_stream_read(struct ssv_stream *stream, void *data, size_t size, int64_t until)
{
	struct ssv_test *test = test_of(stream);
	ssize_t n;

	do {
		n = is_broken(test) ? -ECONNRESET
				    : test->socket_ops->read(stream, data, size, SSV_NOW);
		if (n != -EAGAIN)
			return n;
		n = wait_to_try(stream, POLLIN, until);
	} while (n == 0);
	return n;
}

/* Where nobody reads, what is written soon has to wait. */
static void make_narrow(struct ssv_test *test)
{
	const int least = 1; /* the kernel takes a little more */
	bool narrow;

	pthread_mutex_lock(&test->lock);
	narrow = test->narrow;
	pthread_mutex_unlock(&test->lock);
	if (narrow)
		setsockopt(test->request.socket.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
}

static ssize_t test_stream_write(
	struct ssv_stream *stream, const struct iovec *parts, int count, int64_t until)
{
	struct ssv_test *test = test_of(stream);
	ssize_t n;

	make_narrow(test);
	do {
		n = is_broken(test) ? -ECONNRESET
				    : test->socket_ops->write(stream, parts, count, SSV_NOW);
		if (n != -EAGAIN)
			return n;
		n = wait_to_try(stream, POLLOUT, until);
	} while (n == 0);
	return n;
}

static int test_stream_wait(struct ssv_stream *stream, int other, int64_t until)
{
	return wait_for(test_of(stream), POLLIN, other, until);
}

static int test_stream_shutdown(struct ssv_stream *stream)
{
	return test_of(stream)->socket_ops->shutdown(stream);
}

static void test_stream_close(struct ssv_stream *stream)
{
	test_of(stream)->socket_ops->close(stream);
}

const struct ssv_stream_ops test_stream_ops = {
	.read = test_stream_read,
	.write = test_stream_write,
	.wait = test_stream_wait,
	.shutdown = test_stream_shutdown,
	.close = test_stream_close,
};
