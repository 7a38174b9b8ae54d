/** The first kind of stream: a plain socket. */
#ifndef SSV_SOCKET_STREAM_H
#define SSV_SOCKET_STREAM_H

#include <socketserver/stream.h>

extern const struct ssv_stream_ops ssv_socket_stream_ops;

/** After a shutdown: whether the peer's side has all that was written. A close destroys nothing
 * then. */
bool ssv_socket_delivered(const struct ssv_stream *stream);

#endif
