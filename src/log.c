#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <socketserver/log.h>
#include <socketserver/request.h>
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

/* Of ASCII; or U+0080 to U+009F, bare or in UTF-8, where 0xc2 is before it. */
static bool is_control(unsigned char byte, unsigned char before)
{
	if (byte >= 0x80 && byte <= 0x9f)
		return before < 0x80 || before == 0xc2;
	return byte < ' ' || byte == 0x7f;
}

/* A peer chose some of it: nothing in it may command the operator's terminal, or end the line. */
static void make_harmless(char *line)
{
	unsigned char before = 0;

	for (; *line != '\0'; line++) {
		if (is_control((unsigned char)*line, before))
			*line = '?';
		before = (unsigned char)*line;
	}
}

/* A pipe that is full, a terminal that is held: whoever reads it may be slow, but stop nobody. */
static bool has_room(int fd)
{
	static bool stuck;
	int patience = __atomic_load_n(&stuck, __ATOMIC_RELAXED) ? 0 : PATIENCE_MS;
	struct pollfd polled = {.fd = fd, .events = POLLOUT};
	int n = poll(&polled, 1, patience);

	__atomic_store_n(&stuck, n == 0, __ATOMIC_RELAXED);
	return n == 1 && (polled.revents & POLLOUT) != 0;
}

/* A pipe that nobody reads any more must not end the process: its signal is taken back. */
static void write_line(const char *line, size_t length)
{
	const struct timespec now = {0};
	sigset_t sigpipe, pending, before;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
	if (write(STDERR_FILENO, line, length) < 0 && errno == EPIPE &&
		!sigismember(&pending, SIGPIPE))
		sigtimedwait(&sigpipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void ssv_log_to_stderr(struct ssv_log *log, enum ssv_log_level level,
	const struct ssv_request *request, const char *message)
{
	char line[4096], peer[SSV_ADDRESS_TEXT_SIZE] = "";
	size_t length;

	(void)log;
	if (request != NULL && request->client_address.length > 0)
		ssv_address_format(&request->client_address, peer);
	snprintf(line, sizeof(line) - 1, "socketserver: %s: %s%s%s", ssv_log_level_name(level),
		peer, peer[0] == '\0' ? "" : ": ", message);
	make_harmless(line);
	length = strlen(line);
	line[length] = '\n';
	if (has_room(STDERR_FILENO))
		write_line(line, length + 1);
}
