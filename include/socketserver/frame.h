/**
 * Messages in a stream, kept apart: the cure for "sticky packets". A stream has no borders of its
 * own: what one side writes in one call the other may read in several, or with the next one behind
 * it.
 *
 * Threads and signals: as for the stream, see stream.h. (Python has no counterpart.)
 */
#ifndef SOCKETSERVER_FRAME_H
#define SOCKETSERVER_FRAME_H

#include <socketserver/stream.h>

SSV_BEGIN_DECLS

/**
 * Writes a frame: its length as four bytes, the highest first, then its bytes, in one piece.
 * Returns `size`; -EMSGSIZE for more than `limits.max_frame`; or an error of ssv_stream_write().
 */
SSV_API ssize_t ssv_frame_write(struct ssv_stream *stream, const void *data, size_t size);

/**
 * Reads a frame. Returns 1 and sets `data` and `size` (which may be 0); the bytes, with a NUL
 * behind them, are in the stream's memory, yours to change, and valid until the next read. Returns
 * 0 at the end of the stream, -EPROTO where it ends within a frame, and -EMSGSIZE, before any
 * memory is spent on it, for a length above `limits.max_frame`.
 */
SSV_API int ssv_frame_read(struct ssv_stream *stream, char **data, size_t *size);

/**
 * Writes a message and the delimiter (a text of 1 to 32 bytes) behind it, in one piece. Returns
 * `size`; -EINVAL where a reader would find the delimiter before the end of the message; -EMSGSIZE
 * for more than `limits.max_line`, the delimiter included.
 */
SSV_API ssize_t ssv_frame_write_delimited(
	struct ssv_stream *stream, const void *data, size_t size, const char *delimiter);

/** Reads a message up to the delimiter, which it takes off. Returns 1, 0, -EPROTO or -EMSGSIZE as
 * ssv_frame_read() does, with `limits.max_line`; -EINVAL for an empty delimiter. */
SSV_API int ssv_frame_read_delimited(
	struct ssv_stream *stream, const char *delimiter, char **data, size_t *size);

SSV_END_DECLS

#endif
