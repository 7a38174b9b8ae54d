/** The memory that a stream fills at one end and empties at the other. */
#ifndef SSV_STREAM_BUFFER_H
#define SSV_STREAM_BUFFER_H

#include <socketserver/stream.h>

/** How much there is in it. */
static inline size_t ssv_buffer_length(const struct ssv_stream_buffer *buffer)
{
	return buffer->end - buffer->start;
}

/** ssv_buffer_reserve() where there is no room yet. */
int ssv_buffer_enlarge(struct ssv_stream_buffer *buffer, size_t size);

/** Makes room for `size` bytes in all behind the start, and for a NUL behind them. 0 or -ENOMEM. */
static inline int ssv_buffer_reserve(struct ssv_stream_buffer *buffer, size_t size)
{
	return buffer->size - buffer->start > size ? 0 : ssv_buffer_enlarge(buffer, size);
}

/** Copies behind what there is; there must be room. */
void ssv_buffer_append(struct ssv_stream_buffer *buffer, const struct iovec *part);

/** Takes at most `size` bytes off the front; how many. */
size_t ssv_buffer_take(struct ssv_stream_buffer *buffer, void *data, size_t size);

/** Frees the memory and leaves an empty buffer. */
void ssv_buffer_free(struct ssv_stream_buffer *buffer);

#endif
