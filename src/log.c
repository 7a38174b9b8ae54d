#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <socketserver/log.h>
#include <socketserver/request.h>
#include <socketserver/visible.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 100 /* with a reader that reads no more, once until it does again */

const char *ssv_log_level_name(enum ssv_log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	return names[level];
}

/* A pipe that is full, a terminal that is held: whoever reads it may be slow, but stop nobody. */
static bool has_room(int fd)
{
	static bool stuck;
	int64_t until = ssv_until(__atomic_load_n(&stuck, __ATOMIC_RELAXED) ? 0 : PATIENCE_MS);
	struct pollfd polled = {.fd = fd, .events = POLLOUT};
	int n;

	do
		n = poll(&polled, 1, ssv_ms_until(until));
	while (n < 0 && errno == EINTR);
	__atomic_store_n(&stuck, n == 0, __ATOMIC_RELAXED);
	return n == 1 && (polled.revents & POLLOUT) != 0;
}

/* What a write that fails so raises as well, and what ends the process unless it is taken back. */
static int signal_of(int error)
{
	return error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
}

/* A pipe that nobody reads any more must not end the process, nor a file at its limit. Whether it
 * was written. */
static bool write_line(const char *line, size_t length)
{
	const struct timespec now = {0};
	sigset_t signals, pending, before;
	bool done;
	int raised;

	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigaddset(&signals, SIGXFSZ);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	done = write(STDERR_FILENO, line, length) >= 0;
	raised = done ? 0 : signal_of(errno);
	if (raised != 0 && !sigismember(&pending, raised)) {
		sigemptyset(&signals);
		sigaddset(&signals, raised);
		sigtimedwait(&signals, NULL, &now);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return done;
}

bool ssv_log_put_stderr(const char *line, size_t length)
{
	return has_room(STDERR_FILENO) && write_line(line, length);
}

/* Ahead of the next line, and in one piece with it: there may be room for no other. */
static size_t say_lost(char *line, size_t size, unsigned int lost)
{
	if (lost == 0)
		return 0;
	return (size_t)snprintf(line, size, "socketserver: warning: %u line%s lost here\n", lost,
		lost == 1 ? " was" : "s were");
}

void ssv_log_to_stderr(struct ssv_log *log, enum ssv_log_level level,
	const struct ssv_request *request, const char *message)
{
	static unsigned int lost;
	unsigned int before = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
	char line[4096], peer[SSV_ADDRESS_TEXT_SIZE] = "";
	size_t length = say_lost(line, sizeof(line), before);

	(void)log;
	if (request != NULL && request->client_address.length > 0)
		ssv_address_format(&request->client_address, peer);
	snprintf(line + length, sizeof(line) - 1 - length, "socketserver: %s: %s%s%s",
		ssv_log_level_name(level), peer, peer[0] == '\0' ? "" : ": ", message);
	/* A peer chose some of it: nothing in it may command a terminal, or end the line. */
	ssv_make_harmless(line + length);
	length += strlen(line + length);
	line[length] = '\n';
	if (!ssv_log_put_stderr(line, length + 1))
		__atomic_add_fetch(&lost, before + 1, __ATOMIC_RELAXED);
}
