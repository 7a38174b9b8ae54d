#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <socketserver/log.h>
#include <socketserver/request.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
	char line[1024], peer[SSV_ADDRESS_TEXT_SIZE] = "";
	size_t length;

	(void)log;
	if (request != NULL && request->client_address.length > 0)
		ssv_address_format(&request->client_address, peer);
	snprintf(line, sizeof(line) - 1, "socketserver: %s: %s%s%s", ssv_log_level_name(level),
		peer, peer[0] == '\0' ? "" : ": ", message);
	make_harmless(line);
	length = strlen(line);
	line[length] = '\n';
	write_line(line, length + 1);
}
