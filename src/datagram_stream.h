/** The second kind of stream, a request's own `socket`: reads a packet, and gathers the reply. */
#ifndef SSV_DATAGRAM_STREAM_H
#define SSV_DATAGRAM_STREAM_H

#include <socketserver/request.h>

extern const struct ssv_stream_ops ssv_datagram_stream_ops;

/** Sends the reply, if one was written, once; see datagram_handler.h. */
int ssv_datagram_stream_reply(struct ssv_request *request);

#endif
