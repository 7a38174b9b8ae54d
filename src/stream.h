/** What a request needs of its stream beyond the public header. */
#ifndef SSV_STREAM_H
#define SSV_STREAM_H

#include "descriptor.h"

#include <socketserver/stream.h>

/** As ssv_stream_open(), with the limits given and in the memory that an earlier use has left. */
void ssv_stream_reopen(struct ssv_stream *stream, int fd, enum ssv_transport transport,
	const struct ssv_limits *limits);

/** Whether its descriptor is its own still: who knows the number may have closed it, and another
 * file have it by now. */
static inline bool ssv_stream_has_descriptor(const struct ssv_stream *stream)
{
	return ssv_descriptor_is(stream->fd, __atomic_load_n(&stream->cookie, __ATOMIC_RELAXED));
}

/** Closes the socket, and keeps the memory for ssv_stream_reopen(). Harmless twice. */
void ssv_stream_end(struct ssv_stream *stream);

/** When a call that may take so long has to give up: the deadline counts as well. */
int64_t ssv_stream_give_up_at(const struct ssv_stream *stream, int milliseconds);

/** Reads exactly what a length-prefixed message needs: `size` bytes are buffered afterwards. 1, or
 * as read_exact. */
int ssv_stream_gather(struct ssv_stream *stream, size_t size);

/** Takes `size` buffered bytes out of the stream and puts a NUL behind them, until the next read.
 */
ssize_t ssv_stream_hand_out(struct ssv_stream *stream, size_t size, char **data);

#endif
