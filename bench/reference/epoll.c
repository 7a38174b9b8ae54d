/** All connections on one thread, which never blocks in one of them. */
#include "reference.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64

/* While something is pending it is written, else there is reading. */
struct connection {
	int fd;
	size_t pending, written;
	char *data; /* of BUFFER_SIZE, from when a write did not take all */
};

static int epoll;

static void watch(struct connection *connection, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};

	if (epoll_ctl(epoll, operation, connection->fd, &event) < 0)
		fail("epoll_ctl");
}

static void end(struct connection *connection)
{
	close(connection->fd);
	free(connection->data);
	free(connection);
}

/* Returns what was taken; -1: the connection is broken. */
static ssize_t write_some(const struct connection *connection, const char *data, size_t size)
{
	ssize_t n = write(connection->fd, data, size);

	return n < 0 && errno == EAGAIN ? 0 : n;
}

static void keep(struct connection *connection, const char *data, size_t size)
{
	if (connection->data == NULL)
		connection->data = malloc(BUFFER_SIZE);
	if (connection->data == NULL)
		fail("malloc");
	memcpy(connection->data, data, size);
	connection->pending = size;
	connection->written = 0;
	watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
}

static void echo_some(struct connection *connection)
{
	char data[BUFFER_SIZE];
	ssize_t n, written;

	n = read(connection->fd, data, sizeof(data));
	if (n < 0 && errno == EAGAIN)
		return;
	written = n > 0 ? write_some(connection, data, (size_t)n) : -1;
	if (written < 0)
		end(connection);
	else if (written < n)
		keep(connection, data + written, (size_t)(n - written));
}

static void write_pending(struct connection *connection)
{
	ssize_t n = write_some(connection, connection->data + connection->written,
		connection->pending - connection->written);

	if (n < 0) {
		end(connection);
		return;
	}
	connection->written += (size_t)n;
	if (connection->written < connection->pending)
		return;
	connection->pending = connection->written = 0;
	watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void accept_some(int listener)
{
	struct connection *connection;
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
		return;
	connection = fd < 0 ? NULL : calloc(1, sizeof(*connection));
	if (connection == NULL)
		fail("accept4");
	connection->fd = fd;
	watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

void serve_epoll(int listener)
{
	struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
	struct connection *connection;
	int n;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		fail("epoll");
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			connection = events[i].data.ptr;
			if (connection == NULL)
				accept_some(listener);
			else if (connection->pending > 0)
				write_pending(connection);
			else
				echo_some(connection);
		}
	}
}
