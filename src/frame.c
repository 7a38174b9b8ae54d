#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <socketserver/frame.h>
#include <string.h>

ssize_t ssv_frame_write(struct ssv_stream *stream, const void *data, size_t size)
{
	uint32_t length = htonl((uint32_t)size);
	struct iovec parts[] = {
		{.iov_base = &length, .iov_len = sizeof(length)},
		{.iov_base = (void *)data, .iov_len = size},
	};
	ssize_t n;

	if (size > stream->limits.max_frame || size > UINT32_MAX)
		return -EMSGSIZE;
	n = ssv_stream_writev(stream, parts, 2);
	return n < 0 ? n : (ssize_t)size;
}

int ssv_frame_read(struct ssv_stream *stream, char **data, size_t *size)
{
	const size_t most = PTRDIFF_MAX - sizeof(uint32_t);
	uint32_t length;
	int rc = ssv_stream_gather(stream, sizeof(length));

	if (rc <= 0)
		return rc;
	memcpy(&length, stream->in.data + stream->in.start, sizeof(length));
	length = ntohl(length);
	if (length > stream->limits.max_frame || length > most)
		return -EMSGSIZE;
	rc = ssv_stream_gather(stream, sizeof(length) + length);
	if (rc <= 0)
		return rc;
	stream->in.start += sizeof(length);
	*size = (size_t)ssv_stream_hand_out(stream, length, data);
	return 1;
}

#define MAX_DELIMITER 32

/* Whether a reader would find the delimiter before the end of the message. */
static bool is_ambiguous(const char *data, size_t size, const char *delimiter, size_t length)
{
	char seam[2 * MAX_DELIMITER];
	size_t tail = size < length - 1 ? size : length - 1;

	if (size > 0 && memmem(data, size, delimiter, length) != NULL)
		return true;
	if (tail > 0)
		memcpy(seam, data + size - tail, tail);
	memcpy(seam + tail, delimiter, length);
	return (char *)memmem(seam, tail + length, delimiter, length) < seam + tail;
}

ssize_t ssv_frame_write_delimited(
	struct ssv_stream *stream, const void *data, size_t size, const char *delimiter)
{
	size_t length = strlen(delimiter);
	struct iovec parts[] = {
		{.iov_base = (void *)data, .iov_len = size},
		{.iov_base = (void *)delimiter, .iov_len = length},
	};
	ssize_t n;

	if (length == 0 || length > MAX_DELIMITER || is_ambiguous(data, size, delimiter, length))
		return -EINVAL;
	if (size + length > stream->limits.max_line)
		return -EMSGSIZE;
	n = ssv_stream_writev(stream, parts, 2);
	return n < 0 ? n : (ssize_t)size;
}

int ssv_frame_read_delimited(
	struct ssv_stream *stream, const char *delimiter, char **data, size_t *size)
{
	size_t length = strlen(delimiter);
	ssize_t n = ssv_stream_read_until(stream, delimiter, length, data);

	if (n <= 0)
		return (int)n;
	if ((size_t)n < length || memcmp(*data + n - length, delimiter, length) != 0)
		return -EPROTO;
	*size = (size_t)n - length;
	(*data)[*size] = '\0';
	return 1;
}
