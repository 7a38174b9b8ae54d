#include "datagram_stream.h"

#include <socketserver/datagram_handler.h>

static int datagram_handler_finish(struct ssv_handler *handler)
{
	struct ssv_request *request = handler->request;
	int rc;

	if (handler->result < 0 && handler->result != SSV_EXIT)
		return 0;
	rc = ssv_stream_flush(request->stream);
	return rc < 0 ? rc : ssv_datagram_stream_reply(request);
}

const struct ssv_handler_ops ssv_datagram_handler = {.finish = datagram_handler_finish};
