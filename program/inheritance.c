#include "inheritance.h"
#include "../handlers/number.h"
#include "activation.h"
#include "complain.h"
#include "handover.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 10000 /* ms, for what the one before has sent, or sends at once */

struct inherited {
	const char *address; /* in `text` */
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

/* The addresses and the descriptors are as many, in the same order. */
static int sort_out(const int *fds, size_t count, size_t length)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		struct inherited *entry = &inherited[i];

		if (at >= length)
			return -EBADMSG;
		*entry = (struct inherited){.address = text + at, .fd = fds[i]};
		at += strlen(text + at) + 1;
		if (strncmp(entry->address, HANDOVER_PASSED, strlen(HANDOVER_PASSED)) == 0)
			entry->taken = add_passed(entry);
	}
	inherited_count = count;
	return at == length ? 0 : -EBADMSG;
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

int inheritance_take(const char *address)
{
	for (size_t i = 0; i < inherited_count; i++) {
		if (inherited[i].taken || strcmp(inherited[i].address, address) != 0)
			continue;
		inherited[i].taken = true;
		return inherited[i].fd;
	}
	return -1;
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
