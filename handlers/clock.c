/** clock: the time, in the form that the client asks for: "%H:%M" is answered with "13:37". */
#include "clock_format.h"
#include "handlers.h"
#include <errno.h>
#include <socketserver/socketserver.h>

#define MAX_LINE 128 /* more than a format and its line end */

struct clock {
	locale_t locale; /* C's, whatever the program's is */
};

static ssize_t tell_time(
	const struct ssv_handler *handler, char *text, const char *format, size_t size)
{
	const struct clock *clock = handler->server->user;
	const time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	return clock_format(text, format, size, &local, clock->locale);
}

/* Who forges his address must not have more sent to his victim than he sends himself. */
static bool is_too_long(const struct ssv_handler *handler, size_t reply)
{
	const struct ssv_address *at = &handler->server->server_address;

	return at->transport == SSV_UDP && ssv_address_is_loopback(at) == 0 &&
	       reply > handler->request->packet_size;
}

static int clock_datagram_handle(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;
	char text[CLOCK_MAX_TEXT + 1];
	ssize_t n = tell_time(handler, text, request->packet, request->packet_size);

	if (n < 0 || is_too_long(handler, (size_t)n))
		return 0; /* silence */
	return (int)ssv_stream_write(request->stream, text, (size_t)n);
}

static size_t without_line_end(const char *line, size_t size)
{
	if (size > 0 && line[size - 1] == '\n')
		size--;
	if (size > 0 && line[size - 1] == '\r')
		size--;
	return size;
}

/* More than 0 where the connection goes on. */
static ssize_t answer_line(struct ssv_handler *handler, const char *line, size_t size)
{
	char text[CLOCK_MAX_TEXT + 1];
	ssize_t n = tell_time(handler, text, line, without_line_end(line, size));

	if (n < 0)
		return 1;
	text[n++] = '\n';
	return ssv_stream_write(handler->request->stream, text, (size_t)n);
}

/* Of a line that is too long each piece is thrown away, and its end is no line of its own. */
static int clock_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line, piece[MAX_LINE];
	bool is_rest = false;
	ssize_t n;

	stream->limits.max_line = MAX_LINE;
	do {
		n = ssv_stream_readline(stream, &line);
		if (n > 0 && !is_rest)
			n = answer_line(handler, line, (size_t)n);
		is_rest = n == -EMSGSIZE;
		if (is_rest)
			n = ssv_stream_read(stream, piece, sizeof(piece));
	} while (n > 0);
	return (int)n;
}

static int clock_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error)
{
	struct clock *clock = state;

	(void)servers;
	(void)count;
	(void)error;
	tzset(); /* TZ: localtime_r() need not look at it */
	clock->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return clock->locale != (locale_t)0 ? 0 : -errno;
}

static void clock_close(void *state)
{
	struct clock *clock = state;

	freelocale(clock->locale);
}

static const struct ssv_handler_ops clock_handler = {.handle = clock_handle};
static const struct ssv_handler_ops clock_datagram_handler = {.handle = clock_datagram_handle};

const struct ssv_handler_descriptor clock_descriptor = {
	.abi = SSV_ABI,
	.name = "clock",
	.help = "tells the time, in the format it gets",
	.transports = "udp unixgram tcp unix",
	.modes = "sync threading forking",
	.ops = &clock_handler,
	.datagram_ops = &clock_datagram_handler,
	.state_size = sizeof(struct clock),
	.open = clock_open,
	.close = clock_close,
};
