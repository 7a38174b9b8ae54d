#include <socketserver/server.h>
#include <socketserver/stream_handler.h>

/* Unless the connection has inherited what this class wants: the handler may have been exchanged.
 */
static int set_nagle_algorithm(struct ssv_handler *handler)
{
	const bool disable = handler->ops->disable_nagle_algorithm;

	return disable == handler->server->nodelay
		       ? 0
		       : ssv_stream_set_nodelay(handler->request->stream, disable);
}

static int stream_handler_setup(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	const struct ssv_handler_ops *class = handler->ops;

	if (class->timeout != 0)
		stream->limits.timeout = class->timeout;
	if (class->rbufsize > 0)
		stream->read_size = class->rbufsize;
	stream->write_size = class->wbufsize;
	return set_nagle_algorithm(handler);
}

static int stream_handler_finish(struct ssv_handler *handler)
{
	return ssv_stream_flush(handler->request->stream);
}

const struct ssv_handler_ops ssv_stream_handler = {
	.setup = stream_handler_setup,
	.finish = stream_handler_finish,
};
