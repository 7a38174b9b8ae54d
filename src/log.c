#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <socketserver/log.h>
#include <socketserver/request.h>
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

/* Whether a character of UTF-8 may begin with these two bytes, U+0080 to U+009F left out. */
static bool is_beginning(unsigned char first, unsigned char second)
{
	if (second < 0x80 || second > 0xbf)
		return false;
	switch (first) {
	case 0xc2:
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	default:
		return first >= 0xc3 && first <= 0xf3;
	}
}

/* Whether the byte goes on with a character that the bytes before it, the last one lowest, have
 * begun. */
static bool is_continuation(unsigned char byte, uint32_t before)
{
	unsigned char third = (unsigned char)(before >> 16);
	unsigned char second = (unsigned char)(before >> 8), last = (unsigned char)before;

	return is_beginning(last, byte) || (second >= 0xe0 && is_beginning(second, last)) ||
	       (third >= 0xf0 && is_beginning(third, second) && (last & 0xc0) == 0x80);
}

/* Of ASCII; or U+0080 to U+009F, bare or in UTF-8. */
static bool is_control(unsigned char byte, uint32_t before)
{
	if (byte >= 0x80 && byte <= 0x9f)
		return !is_continuation(byte, before);
	return byte < ' ' || byte == 0x7f;
}

/* A peer chose some of it: nothing in it may command the operator's terminal, or end the line. */
static void make_harmless(char *line)
{
	uint32_t before = 0;

	for (; *line != '\0'; line++) {
		if (is_control((unsigned char)*line, before))
			*line = '?';
		before = before << 8 | (unsigned char)*line;
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

/* A pipe that nobody reads any more must not end the process: its signal is taken back. Whether it
 * was written. */
static bool write_line(const char *line, size_t length)
{
	const struct timespec now = {0};
	sigset_t sigpipe, pending, before;
	bool done;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
	done = write(STDERR_FILENO, line, length) >= 0;
	if (!done && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&sigpipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return done;
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
	make_harmless(line + length);
	length += strlen(line + length);
	line[length] = '\n';
	if (!has_room(STDERR_FILENO) || !write_line(line, length + 1))
		__atomic_add_fetch(&lost, before + 1, __ATOMIC_RELAXED);
}
