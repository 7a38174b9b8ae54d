#include "pieces.h"

#include <errno.h>
#include <socketserver/container_of.h>

#define MAX_LENGTHS 15

static struct pieces *pieces_of(struct ssv_stream *stream)
{
	return ssv_container_of(stream, struct pieces, stream);
}

/* Short ones more often than long ones, of which the longest is 4,096. */
static size_t length_at(const struct pieces *pieces, size_t i)
{
	unsigned int byte;

	if (pieces->lengths.size == 0)
		return SIZE_MAX;
	byte = (unsigned char)pieces->lengths.data[i % pieces->lengths.size];
	return byte < 128 ? byte : (byte - 127) * 32;
}

static size_t at_least_one(size_t length)
{
	return length > 0 ? length : 1;
}

struct input pieces_take(struct pieces *pieces, size_t size)
{
	size_t length = at_least_one(length_at(pieces, pieces->reads++));

	return input_bytes(&pieces->rest, length < size ? length : size);
}

static ssize_t pieces_read(struct ssv_stream *stream, void *data, size_t size, int64_t until)
{
	struct pieces *pieces = pieces_of(stream);
	struct input piece;

	(void)until;
	pieces->failed =
		pieces->may_fail && !pieces->failed && length_at(pieces, pieces->reads) == 0;
	if (pieces->failed) {
		pieces->reads++;
		return -ETIMEDOUT;
	}
	piece = pieces_take(pieces, size);
	for (size_t i = 0; i < piece.size; i++)
		((char *)data)[i] = piece.data[i];
	return (ssize_t)piece.size;
}

static ssize_t pieces_write(
	struct ssv_stream *stream, const struct iovec *parts, int count, int64_t until)
{
	struct pieces *pieces = pieces_of(stream);
	size_t room = SIZE_MAX, before = pieces->written.size, n;

	if (pieces->slow)
		room = length_at(pieces, pieces->writes++);
	if (room == 0 && until == SSV_NOW)
		return -EAGAIN;
	room = at_least_one(room);
	for (int i = 0; i < count && room > 0; i++) {
		n = parts[i].iov_len < room ? parts[i].iov_len : room;
		text_add(&pieces->written, parts[i].iov_base, n);
		room -= n;
	}
	return (ssize_t)(pieces->written.size - before);
}

/* The end can be read, too. */
static int pieces_wait(struct ssv_stream *stream, int other, int64_t until)
{
	(void)stream;
	(void)other;
	(void)until;
	return SSV_WAIT_INPUT;
}

static int pieces_shutdown(struct ssv_stream *stream)
{
	(void)stream;
	return 0;
}

static void pieces_end(struct ssv_stream *stream)
{
	(void)stream;
}

static const struct ssv_stream_ops pieces_ops = {
	.read = pieces_read,
	.write = pieces_write,
	.wait = pieces_wait,
	.shutdown = pieces_shutdown,
	.close = pieces_end,
};

void pieces_open(struct pieces *pieces, struct input input)
{
	*pieces = (struct pieces){0};
	pieces->lengths = input_bytes(&input, input_byte(&input) & MAX_LENGTHS);
	pieces->rest = input;
	ssv_stream_open(&pieces->stream, -1, SSV_UNIX);
	pieces->stream.ops = &pieces_ops;
}

void pieces_close(struct pieces *pieces)
{
	ssv_stream_close(&pieces->stream);
	text_free(&pieces->written);
}
