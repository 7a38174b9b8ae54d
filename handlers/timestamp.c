/** timestamp: what comes in, the time in front of it: "[Sat Nov 21 01:33:14 2026] hello". */
#include "handlers.h"
#include <socketserver/socketserver.h>
#include <stdio.h>
#include <time.h>

#define MAX_READ 1024

/* The time as ctime(3) has it, but for the newline behind its 24 characters. */
static ssize_t send_stamped(struct ssv_stream *stream, char *data, size_t size)
{
	const time_t now = time(NULL);
	char date[26], stamp[32];
	const int length = snprintf(stamp, sizeof(stamp), "[%.24s] ", ctime_r(&now, date));
	const struct iovec parts[] = {{stamp, (size_t)length}, {data, size}};

	return ssv_stream_writev(stream, parts, 2);
}

static int timestamp_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[MAX_READ];
	ssize_t n;

	while ((n = ssv_stream_read(stream, data, sizeof(data))) > 0) {
		n = send_stamped(stream, data, (size_t)n);
		if (n < 0)
			break;
	}
	return (int)n;
}

/* What does not fit into one read is lost; nothing is a reason to answer, too. */
static int timestamp_datagram_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[MAX_READ];
	ssize_t n = ssv_stream_read(stream, data, sizeof(data));

	return (int)(n < 0 ? n : send_stamped(stream, data, (size_t)n));
}

static int timestamp_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error)
{
	(void)state;
	(void)servers;
	(void)count;
	(void)error;
	tzset(); /* TZ: ctime_r() need not look at it */
	return 0;
}

static const struct ssv_handler_ops timestamp_handler = {
	.handle = timestamp_handle,
	.rbufsize = MAX_READ,
};
static const struct ssv_handler_ops timestamp_datagram_handler = {
	.handle = timestamp_datagram_handle};

const struct ssv_handler_descriptor timestamp_descriptor = {
	.abi = SSV_ABI,
	.name = "timestamp",
	.help = "sends back what it gets behind the time",
	.transports = "tcp unix udp unixgram",
	.modes = "sync threading forking",
	.ops = &timestamp_handler,
	.datagram_ops = &timestamp_datagram_handler,
	.open = timestamp_open,
};
