/** upper: what comes in, with the letters a to z made capitals and every other byte as it was. */
#include "handlers.h"
#include <socketserver/socketserver.h>

static void make_upper(char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] >= 'a' && data[i] <= 'z')
			data[i] = (char)(data[i] - 'a' + 'A');
}

static int upper_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[16 * 1024];
	ssize_t n;

	do {
		n = ssv_stream_read(stream, data, sizeof(data));
		if (n > 0)
			make_upper(data, (size_t)n);
		if (n >= 0) /* nothing, too: of an empty datagram it is the answer */
			n = ssv_stream_write(stream, data, (size_t)n);
	} while (n > 0);
	return (int)n;
}

static const struct ssv_handler_ops upper_handler = {.handle = upper_handle};

const struct ssv_handler_descriptor upper_descriptor = {
	.abi = SSV_ABI,
	.name = "upper",
	.help = "sends back what it gets in ASCII capitals",
	.transports = "tcp unix udp unixgram",
	.modes = "sync threading forking",
	.ops = &upper_handler,
};
