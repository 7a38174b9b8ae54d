/** echo: the bytes back as they come, until the client has sent its last one (RFC 862). */
#include "handlers.h"
#include <socketserver/socketserver.h>

static int echo_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[16 * 1024];
	ssize_t n;

	do {
		n = ssv_stream_read(stream, data, sizeof(data));
		if (n >= 0) /* nothing, too: of an empty datagram it is the answer */
			n = ssv_stream_write(stream, data, (size_t)n);
	} while (n > 0);
	return (int)n;
}

static const struct ssv_handler_ops echo_handler = {
	.handle = echo_handle,
	.disable_nagle_algorithm = true, /* or what is large waits for an acknowledgement */
};

const struct ssv_handler_descriptor echo_descriptor = {
	.abi = SSV_ABI,
	.name = "echo",
	.help = "sends back what it gets",
	.transports = "tcp unix udp unixgram",
	.modes = "sync threading forking",
	.ops = &echo_handler,
};
