#include "loop.h"

#include "clock.h"
#include "descriptor.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int loop_woken(struct ssv_watch *watch)
{
	eventfd_t count;

	(void)eventfd_read(watch->fd, &count);
	watch->server->woken = true;
	return 0;
}

static int add(struct ssv_server *server, struct ssv_watch *watch)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	watch->server = server;
	if (epoll_ctl(server->poll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0)
		return 0;
	watch->server = NULL;
	return -errno;
}

/* Under the lock. */
static int make(struct ssv_server *server)
{
	int poll_fd = ssv_descriptor_above_stdio(epoll_create1(EPOLL_CLOEXEC)), rc;

	if (poll_fd < 0)
		return poll_fd;
	server->wake.fd = ssv_descriptor_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (server->wake.fd < 0) {
		close(poll_fd);
		return server->wake.fd;
	}
	server->poll_fd = poll_fd;
	server->wake.ready = loop_woken;
	rc = add(server, &server->wake);
	__atomic_store_n(&server->wake_fd, server->wake.fd, __ATOMIC_SEQ_CST);
	if (rc < 0)
		ssv_loop_close(server);
	return rc;
}

int ssv_loop_open(struct ssv_server *server)
{
	int rc = 0;

	pthread_mutex_lock(&server->lock);
	if (server->poll_fd < 0)
		rc = make(server);
	pthread_mutex_unlock(&server->lock);
	return rc;
}

void ssv_loop_close(struct ssv_server *server)
{
	int wake_fd = __atomic_exchange_n(&server->wake_fd, -1, __ATOMIC_SEQ_CST);

	if (wake_fd < 0)
		return;
	while (__atomic_load_n(&server->wakers, __ATOMIC_SEQ_CST) > 0)
		sched_yield(); /* somebody is between the look at the number and the write */
	close(wake_fd);
	close(server->poll_fd);
	server->poll_fd = -1;
}

void ssv_loop_forsake(struct ssv_server *server)
{
	__atomic_store_n(&server->wakers, 0, __ATOMIC_SEQ_CST); /* they were other threads */
	ssv_loop_close(server);
}

void ssv_loop_wake(struct ssv_server *server)
{
	int fd;

	__atomic_add_fetch(&server->wakers, 1, __ATOMIC_SEQ_CST);
	fd = __atomic_load_n(&server->wake_fd, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		(void)eventfd_write(fd, 1);
	__atomic_sub_fetch(&server->wakers, 1, __ATOMIC_SEQ_CST);
}

/* One event a call: a watch may take out another one, which then must not be in hand. */
int ssv_loop_wait(struct ssv_server *server, int64_t until)
{
	struct epoll_event event;
	int n = epoll_wait(server->poll_fd, &event, 1, ssv_ms_until(until)), rc;
	struct ssv_watch *watch;

	if (n <= 0)
		return n == 0 || errno == EINTR ? 0 : -errno;
	watch = event.data.ptr;
	rc = watch->ready(watch);
	if (rc < 0 && rc != SSV_EXIT)
		ssv_server_report(server, SSV_LOG_ERROR, NULL, "a watch failed", rc);
	return rc == SSV_EXIT ? rc : 1;
}

int ssv_server_watch(struct ssv_server *server, struct ssv_watch *watch)
{
	int rc = ssv_loop_open(server);

	return rc < 0 ? rc : add(server, watch);
}

void ssv_server_unwatch(struct ssv_server *server, struct ssv_watch *watch)
{
	if (server->poll_fd >= 0)
		epoll_ctl(server->poll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->server = NULL;
}
