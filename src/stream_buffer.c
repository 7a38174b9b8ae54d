#include "stream_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ssv_buffer_enlarge(struct ssv_stream_buffer *buffer, size_t size)
{
	size_t larger = buffer->size * 2 > size + 1 ? buffer->size * 2 : size + 1;
	char *data;

	if (size >= PTRDIFF_MAX)
		return -ENOMEM;
	if (buffer->start > 0) {
		memmove(buffer->data, buffer->data + buffer->start, ssv_buffer_length(buffer));
		buffer->end -= buffer->start;
		buffer->start = 0;
	}
	if (buffer->size > size)
		return 0;
	data = realloc(buffer->data, larger);
	if (data == NULL)
		return -ENOMEM;
	buffer->data = data;
	buffer->size = larger;
	return 0;
}

void ssv_buffer_append(struct ssv_stream_buffer *buffer, const struct iovec *part)
{
	if (part->iov_len > 0)
		memcpy(buffer->data + buffer->end, part->iov_base, part->iov_len);
	buffer->end += part->iov_len;
}

size_t ssv_buffer_take(struct ssv_stream_buffer *buffer, void *data, size_t size)
{
	size_t n = ssv_buffer_length(buffer) < size ? ssv_buffer_length(buffer) : size;

	if (n > 0)
		memcpy(data, buffer->data + buffer->start, n);
	buffer->start += n;
	return n;
}

void ssv_buffer_free(struct ssv_stream_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct ssv_stream_buffer){0};
}
