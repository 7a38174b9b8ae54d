#include "activation.h"
#include "../handlers/number.h"
#include "complain.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PASSED 3 /* SD_LISTEN_FDS_START */

static struct passed_socket sockets[ACTIVATION_MAX];
static size_t socket_count;

bool activation_add(int fd, int number, const char *name)
{
	struct passed_socket *passed = &sockets[socket_count];

	if (socket_count == ACTIVATION_MAX)
		return false;
	*passed = (struct passed_socket){.fd = fd, .number = number};
	snprintf(passed->name, sizeof(passed->name), "%s", name);
	socket_count++;
	return true;
}

struct passed_socket *activation_sockets(size_t *count)
{
	*count = socket_count;
	return sockets;
}

/* --- LISTEN_FDS --- */

/* Into `word`, what stands before the next colon; where the rest begins. */
static const char *next_name(const char *names, char word[ACTIVATION_NAME_SIZE])
{
	size_t length = strcspn(names, ":");

	snprintf(word, ACTIVATION_NAME_SIZE, "%.*s",
		length < ACTIVATION_NAME_SIZE ? (int)length : ACTIVATION_NAME_SIZE - 1, names);
	return names[length] == ':' ? names + length + 1 : names + length;
}

static int take_descriptors(long count, const char *names)
{
	char name[ACTIVATION_NAME_SIZE];

	for (int fd = FIRST_PASSED; fd < FIRST_PASSED + count; fd++) {
		names = next_name(names, name);
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
			complain("socket not passed: fd:%d: %s: LISTEN_FDS says that it was", fd,
				strerror(errno));
			return EXIT_FAILURE;
		}
		activation_add(fd, fd, name);
	}
	return 0;
}

static void forget_environment(void)
{
	unsetenv("LISTEN_PID");     /* NOLINT(concurrency-mt-unsafe): no other thread runs yet */
	unsetenv("LISTEN_FDS");     /* NOLINT(concurrency-mt-unsafe) */
	unsetenv("LISTEN_FDNAMES"); /* NOLINT(concurrency-mt-unsafe) */
}

/* What is meant for another process, as a shell that was started first, is none of our affair. */
int activation_open(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"); /* NOLINT */
	const char *names = getenv("LISTEN_FDNAMES");                        /* NOLINT */
	long owner, count;
	int status = 0;

	if (pid != NULL && fds != NULL && read_whole(pid, 1, INT_MAX, &owner) == 0 &&
		owner == getpid()) {
		if (read_whole(fds, 0, ACTIVATION_MAX, &count) == 0) {
			status = take_descriptors(count, names != NULL ? names : "");
		} else {
			complain("bad LISTEN_FDS: %s: give a whole number from 0 to %d", fds,
				ACTIVATION_MAX);
			status = EXIT_FAILURE;
		}
	}
	forget_environment();
	return status;
}

/* --- fd:NAME, fd:NUMBER --- */

bool activation_is_address(const char *text)
{
	return strncmp(text, "fd:", 3) == 0 && text[3] != '\0';
}

static struct passed_socket *find(const char *name, long number)
{
	for (size_t i = 0; i < socket_count; i++)
		if (!sockets[i].taken &&
			(strcmp(sockets[i].name, name) == 0 || sockets[i].number == number))
			return &sockets[i];
	return NULL;
}

static bool is_announced(long number)
{
	for (size_t i = 0; i < socket_count; i++)
		if (sockets[i].number == number || sockets[i].fd == number)
			return true;
	return false;
}

struct passed_socket *activation_take(const char *text)
{
	const char *name = text + strlen("fd:");
	struct passed_socket *found;
	long number = -1;

	if (read_whole(name, 0, INT_MAX, &number) < 0)
		number = -1;
	found = find(name, number);
	if (found == NULL && number >= FIRST_PASSED && !is_announced(number) &&
		fcntl((int)number, F_GETFD) >= 0 && activation_add((int)number, (int)number, ""))
		found = &sockets[socket_count - 1];
	if (found != NULL)
		found->taken = true;
	return found;
}

/* What was passed, as text: those that fit. */
static void list(char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < socket_count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%sfd:%d%s%s%s",
			i > 0 ? ", " : "", sockets[i].number, sockets[i].name[0] != '\0' ? " " : "",
			sockets[i].name, sockets[i].taken ? " (served already)" : "");
}

void activation_complain(const char *text)
{
	const char *name = text + strlen("fd:");
	char passed[1024];
	long number;

	list(passed, sizeof(passed));
	if (socket_count > 0)
		complain("no such socket: %s: take one of those passed: %s", text, passed);
	else if (read_whole(name, 0, INT_MAX, &number) == 0)
		complain("no such socket: %s: none was passed: have a socket unit start it, or "
			 "systemd-socket-activate",
			text);
	else
		complain("no such socket: %s: none was passed: have a socket unit with "
			 "FileDescriptorName=%s start it, or systemd-socket-activate --fdname=%s",
			text, name, name);
}

const struct passed_socket *activation_left(void)
{
	for (size_t i = 0; i < socket_count; i++)
		if (!sockets[i].taken)
			return &sockets[i];
	return NULL;
}

/* --- what they are --- */

static int transport_of(sa_family_t family, int type, enum ssv_transport *transport)
{
	bool is_local = family == AF_UNIX, is_inet = family == AF_INET || family == AF_INET6;

	if ((!is_local && !is_inet) || (type != SOCK_STREAM && type != SOCK_DGRAM))
		return -EPROTOTYPE;
	if (type == SOCK_STREAM)
		*transport = is_local ? SSV_UNIX : SSV_TCP;
	else
		*transport = is_local ? SSV_UNIXGRAM : SSV_UDP;
	return 0;
}

int activation_look(int fd, struct passed_kind *kind)
{
	struct sockaddr_storage at = {.ss_family = AF_UNSPEC}, peer;
	socklen_t length = sizeof(at), peer_length = sizeof(peer);
	enum ssv_transport transport = SSV_TCP;
	int type, rc;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &length) < 0)
		return -errno;
	rc = transport_of(at.ss_family, type, &transport);
	if (rc < 0)
		return rc;
	ssv_address_from_socket(&kind->at, transport, (struct sockaddr *)&at, length);
	kind->is_connection =
		type == SOCK_STREAM && getpeername(fd, (struct sockaddr *)&peer, &peer_length) == 0;
	return 0;
}

/* --- inetd --- */

static bool is_same_file(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* From `first` on. */
static int silence(int socket, int first)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), rc = null < 0 ? -1 : 0;

	for (int fd = first; fd <= STDERR_FILENO && rc == 0; fd++)
		if (is_same_file(fd, socket) && dup2(null, fd) < 0)
			rc = -1;
	if (null >= 0)
		close(null);
	return rc;
}

void activation_spare_client(void)
{
	int type;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) == 0)
		(void)silence(STDIN_FILENO, STDOUT_FILENO);
}

int activation_take_standard_input(void)
{
	struct passed_kind kind;
	int rc = activation_look(STDIN_FILENO, &kind), fd;

	if (rc < 0)
		return complain_usage("no socket: --inetd: standard input is to be one, as inetd "
				      "makes it, or systemd's StandardInput=socket");
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_PASSED);
	if (fd < 0 || silence(fd, STDIN_FILENO) < 0 || !activation_add(fd, STDIN_FILENO, "")) {
		complain("cannot take standard input: --inetd: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return 0;
}
