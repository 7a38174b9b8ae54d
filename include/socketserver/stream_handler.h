/** class StreamRequestHandler: the base of all handlers on stream servers. */
#ifndef SOCKETSERVER_STREAM_HANDLER_H
#define SOCKETSERVER_STREAM_HANDLER_H

#include <socketserver/handler.h>

SSV_BEGIN_DECLS

/**
 * Its setup() puts the class attributes into effect on the stream, its finish() flushes it. A
 * stream server's init makes it the server's `base_handler`; a handler need not mention it.
 */
SSV_API extern const struct ssv_handler_ops ssv_stream_handler;

SSV_END_DECLS

#endif
