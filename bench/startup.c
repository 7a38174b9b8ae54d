/** startup: starts a server so many times, and says how long each took to its first reply. */
#include "dial.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define SIZE 64

extern char **environ;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "startup: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static pid_t start(char **command)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
	errno = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
	if (errno != 0)
		fail(command[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/* Lets the server run in between: it may have to share the processor with us. */
static int connect_when_there(const struct ssv_address *address, double until)
{
	const struct timespec moment = {.tv_nsec = 20000};
	int fd, error;
	socklen_t size = sizeof(error);

	while (now_ms() < until) {
		fd = dial(address, 0);
		if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
			error == 0)
			return fd;
		if (fd >= 0)
			close(fd);
		nanosleep(&moment, NULL);
	}
	errno = ETIMEDOUT;
	fail("the server does not listen");
}

static void exchange(int fd)
{
	char data[SIZE] = "hello", reply[SIZE];
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	size_t received = 0;
	ssize_t n = 1;

	if (send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data))
		fail("send");
	while (n > 0 && received < sizeof(reply) && poll(&polled, 1, PATIENCE_MS) > 0) {
		n = recv(fd, reply + received, sizeof(reply) - received, 0);
		received += n > 0 ? (size_t)n : 0;
	}
	if (received < sizeof(reply) || memcmp(data, reply, sizeof(reply)) != 0)
		fail("no reply");
}

static double measure(const struct ssv_address *address, char **command)
{
	double since = now_ms(), until;
	pid_t pid = start(command);
	int fd = connect_when_there(address, since + PATIENCE_MS);

	exchange(fd);
	until = now_ms();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	return until - since;
}

int main(int argc, char **argv)
{
	struct ssv_address address;

	if (argc < 4 || ssv_address_parse(&address, argv[2], NULL) < 0 ||
		dial_resolve(&address) < 0) {
		fputs("usage: startup COUNT ADDRESS COMMAND...\n", stderr);
		return 2;
	}
	for (int i = atoi(argv[1]); i > 0; i--)
		printf("%.3f\n", measure(&address, argv + 3));
	return EXIT_SUCCESS;
}
