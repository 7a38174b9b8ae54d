#include "inheritance.h"
#include "../handlers/number.h"
#include "activation.h"
#include "complain.h"
#include "handover.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <socketserver/server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 10000 /* ms, for what the one before has sent, or sends at once */

struct inherited {
	const char *address; /* in `text` */
	dev_t device;        /* of its socket file, … */
	ino_t inode;         /* … 0: the one before had none */
	int fd;
	bool taken;
};

static char text[HANDOVER_SIZE];
static struct inherited inherited[HANDOVER_MAX];
static size_t inherited_count;
static int predecessor = -1;

/* --- receiving --- */

static bool add_passed(const struct inherited *entry)
{
	const char *number = entry->address + strlen(HANDOVER_PASSED);
	const char *colon = strchr(number, ':');

	return colon != NULL && activation_add(entry->fd, atoi(number), colon + 1); /* NOLINT */
}

static bool begins_with(const struct inherited *entry, const char *kind)
{
	return strncmp(entry->address, kind, strlen(kind)) == 0;
}

/* DEVICE:INODE:ADDRESS */
static int take_file_off(struct inherited *entry)
{
	char *end;

	entry->device = strtoumax(entry->address + strlen(HANDOVER_FILE), &end, 10);
	if (*end == ':')
		entry->inode = strtoumax(end + 1, &end, 10);
	if (*end != ':')
		return -EBADMSG;
	entry->address = end + 1;
	return 0;
}

static int sort_in(struct inherited *entry)
{
	if (begins_with(entry, HANDOVER_PASSED))
		entry->taken = add_passed(entry);
	return begins_with(entry, HANDOVER_FILE) ? take_file_off(entry) : 0;
}

/* The addresses and the descriptors are as many, in the same order. */
static int sort_out(const int *fds, size_t count, size_t length)
{
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		struct inherited *entry = &inherited[i];

		if (at >= length)
			return -EBADMSG;
		*entry = (struct inherited){.address = text + at, .fd = fds[i]};
		at += strlen(text + at) + 1;
		rc = sort_in(entry);
	}
	inherited_count = count;
	return rc == 0 && at != length ? -EBADMSG : rc;
}

static int receive(void)
{
	union {
		struct cmsghdr header;
		char data[CMSG_SPACE(HANDOVER_MAX * sizeof(int))];
	} control;
	struct iovec memory = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr message = {
		.msg_iov = &memory,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(predecessor, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int fds[HANDOVER_MAX];
	size_t size;

	if (n < 0)
		return -errno;
	if (header == NULL || header->cmsg_type != SCM_RIGHTS ||
		(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
		return -EBADMSG;
	size = header->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(header), size);
	return sort_out(fds, size / sizeof(int), (size_t)n);
}

static int set_patience(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE / 1000};

	return setsockopt(predecessor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0
		       ? -errno
		       : 0;
}

int inheritance_open(void)
{
	const char *variable = getenv(HANDOVER_VARIABLE); /* NOLINT(concurrency-mt-unsafe) */
	long fd = -1;
	int rc;

	if (variable == NULL)
		return 0;
	rc = read_whole(variable, 3, INT_MAX, &fd);
	unsetenv(HANDOVER_VARIABLE); /* NOLINT(concurrency-mt-unsafe) */
	predecessor = (int)fd;
	if (rc == 0)
		rc = fcntl(predecessor, F_SETFD, FD_CLOEXEC) < 0 ? -errno : set_patience();
	if (rc == 0)
		rc = receive();
	if (rc == 0)
		return 0;
	complain("nothing to take over: " HANDOVER_VARIABLE ": %s: it is set by a program that "
		 "hands over, and not by hand",
		strerror(-rc));
	return EXIT_FAILURE;
}

/* --- taking --- */

bool inheritance_exists(void)
{
	return predecessor >= 0;
}

static struct inherited *find(const char *address, bool taken)
{
	for (size_t i = 0; i < inherited_count; i++)
		if (inherited[i].taken == taken && strcmp(inherited[i].address, address) == 0)
			return &inherited[i];
	return NULL;
}

int inheritance_take(const char *address)
{
	struct inherited *found = find(address, false);

	if (found == NULL)
		return -1;
	found->taken = true;
	return found->fd;
}

void inheritance_take_file(
	const char *address, struct ssv_unix_socket *file, const struct ssv_server *server)
{
	const struct inherited *found = find(address, true);
	char at[SSV_ADDRESS_TEXT_SIZE];

	if (file == NULL || found == NULL)
		return;
	if (ssv_unix_socket_take_over(file, server, found->device, found->inode) < 0)
		complain("socket file lost: %s: somebody has removed or replaced it: a restart "
			 "makes it anew",
			ssv_address_format(&server->server_address, at));
}

static void close_rest(void)
{
	for (size_t i = 0; i < inherited_count; i++)
		if (!inherited[i].taken)
			close(inherited[i].fd);
}

void inheritance_ready(void)
{
	char answer[1 + HANDOVER_MAX] = {HANDOVER_READY};

	if (predecessor < 0)
		return;
	for (size_t i = 0; i < inherited_count; i++)
		answer[1 + i] = inherited[i].taken ? '1' : '0';
	/* If it is gone by now, there is nobody to wait for. */
	if (send(predecessor, answer, 1 + inherited_count, MSG_NOSIGNAL) > 0)
		(void)recv(predecessor, answer, 1, 0);
	close(predecessor);
	predecessor = -1;
	close_rest();
}
