/** The other side: a stream to a server. */
#ifndef SOCKETSERVER_CLIENT_H
#define SOCKETSERVER_CLIENT_H

#include <socketserver/stream.h>

SSV_BEGIN_DECLS

/**
 * Connects to an address as ssv_address_parse() reads it, trying each address of a name in turn,
 * and opens `stream` on it, the same that a handler has; close it with ssv_stream_close(). A Unix
 * datagram client gets a name of its own from the kernel, so that the server can answer.
 *
 * All attempts together take at most `timeout` milliseconds (SSV_FOREVER: as long as the kernel
 * tries), the look-up of a name not counted. Returns 0, or: -EINVAL or -ENAMETOOLONG (not an
 * address; ssv_address_parse() says why), -ENXIO (the name cannot be resolved), -ETIMEDOUT, or what
 * connect(2) says; `stream` is untouched then. From any thread, but not in a signal handler.
 * (socket.create_connection() in Python.)
 */
SSV_API int ssv_connect(struct ssv_stream *stream, const char *address, int timeout);

SSV_END_DECLS

#endif
