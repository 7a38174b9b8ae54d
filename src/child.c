#include "child.h"

#include "descriptor.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern void __gcov_dump(void) __attribute__((weak)); /* NOLINT: the compiler's */

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int (*ssv_pidfd_open)(pid_t pid) = open_pidfd;

/* EPERM: a sandbox that does not know the call. */
int ssv_child_has_pidfd(void)
{
	int fd = ssv_pidfd_open(getpid());

	if (fd < 0)
		return errno == ENOSYS || errno == EPERM ? 0 : -errno;
	close(fd);
	return 1;
}

static void open_pipe(struct ssv_child *child)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	child->watch.fd = ssv_descriptor_above_stdio(ends[0]);
	child->lifeline = ssv_descriptor_above_stdio(ends[1]);
	if (child->watch.fd < 0 || child->lifeline < 0)
		ssv_child_close(child);
}

void ssv_child_prepare(struct ssv_child *child, const struct ssv_request *request, bool pipe)
{
	ssv_request_init(&child->request, request->server);
	ssv_stream_reopen(
		&child->request.socket, -1, request->stream->transport, &request->stream->limits);
	child->request.stream = &child->request.socket;
	child->request.client_address = request->client_address;
	child->request.stage = "process_request";
	child->request.opened = request->opened;
	child->request.admitted = request->admitted;
	child->request.source = request->source;
	child->watch.fd = child->lifeline = -1;
	child->is_pidfd = !pipe;
	child->young = child->watched = child->ending = false;
	child->pause = 0;
	if (pipe)
		open_pipe(child);
}

void ssv_child_follow(struct ssv_child *child, pid_t pid)
{
	child->pid = pid;
	if (child->lifeline >= 0)
		close(child->lifeline);
	child->lifeline = -1;
}

void ssv_child_watch(struct ssv_child *child)
{
	if (child->is_pidfd)
		child->watch.fd = ssv_descriptor_above_stdio(ssv_pidfd_open(child->pid));
}

void ssv_child_let_go(const struct ssv_child *child)
{
	if (child->watch.fd >= 0)
		close(child->watch.fd);
	if (child->lifeline >= 0)
		close(child->lifeline);
}

void ssv_child_close(struct ssv_child *child)
{
	ssv_child_let_go(child);
	child->watch.fd = child->lifeline = -1;
}

bool ssv_child_is_gone(const struct ssv_child *child, int *status)
{
	pid_t pid;

	do
		pid = waitpid(child->pid, status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		*status = -1;
	return pid != 0;
}

void ssv_child_wait(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void ssv_child_signal(const struct ssv_child *child, int signal)
{
	if (child->is_pidfd && child->watch.fd >= 0 &&
		syscall(SYS_pidfd_send_signal, child->watch.fd, signal, NULL, 0) == 0)
		return;
	kill(child->pid, signal);
}

void ssv_child_exit(int status)
{
	if (__gcov_dump != NULL)
		__gcov_dump();
	_exit(status);
}
