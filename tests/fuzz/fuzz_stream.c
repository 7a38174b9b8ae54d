/* What a stream's reader and writer promise, against a naive reader that has all of it at once:
 * in which pieces it comes makes no difference. */
#include "pieces.h"

#include <errno.h>
#include <socketserver/frame.h>
#include <string.h>

#define MAX_OPERATIONS 256

static struct pieces pieces;
static struct ssv_stream *const stream = &pieces.stream;

static struct input rest;     /* what the naive reader has not read yet */
static struct text written;   /* what ought to arrive */
static char delimiter[5];     /* of a message, … */
static size_t delimiter_size; /* … which may have NULs in it for read_until() alone */

/* These may be called again after a time-out: nothing is lost. */
#define PERSIST(n, call)                                                                           \
	do                                                                                         \
		(n) = (call);                                                                      \
	while ((n) == -ETIMEDOUT)

static void expect_next(const char *data, size_t size)
{
	struct input next = input_bytes(&rest, size);

	EXPECT(next.size == size);
	EXPECT(size == 0 || memcmp(data, next.data, size) == 0);
}

/* The memory is the caller's: whatever is done to it does not change what follows. */
static void expect_handed_out(char *data, size_t size)
{
	EXPECT(data[size] == '\0');
	expect_next(data, size);
	memset(data, '#', size);
}

/* --- the operations; false where they ask to close the stream --- */

static bool read_some(size_t size)
{
	char *data = malloc(size);
	ssize_t n;

	PERSIST(n, ssv_stream_read(stream, data, size));
	EXPECT(n >= 0 && (size_t)n <= size);
	EXPECT((n == 0) == (size == 0 || rest.size == 0));
	expect_next(data, (size_t)n);
	free(data);
	return true;
}

static bool read_exact(size_t size)
{
	char *data = malloc(size);
	ssize_t n = ssv_stream_read_exact(stream, data, size);

	if (n >= 0)
		EXPECT((size_t)n == (rest.size == 0 ? 0 : size));
	else if (n == -EPROTO)
		EXPECT(rest.size > 0 && rest.size < size);
	else
		EXPECT(n == -ETIMEDOUT && pieces.failed);
	if (n > 0)
		expect_next(data, size);
	free(data);
	return n >= 0;
}

static void expect_until(ssize_t n, char *data, const char *end, size_t end_size)
{
	const char *found = rest.size == 0 ? NULL : memmem(rest.data, rest.size, end, end_size);
	size_t size = found == NULL ? rest.size : (size_t)(found - rest.data) + end_size;

	if (size > stream->limits.max_line) {
		EXPECT(n == -EMSGSIZE);
		return;
	}
	EXPECT(n == (ssize_t)size);
	expect_handed_out(data, size);
}

static bool read_line(size_t ignored)
{
	char *line;
	ssize_t n;

	(void)ignored;
	PERSIST(n, ssv_stream_readline(stream, &line));
	expect_until(n, line, "\n", 1);
	return true;
}

static bool read_until(size_t ignored)
{
	char *data;
	ssize_t n;

	(void)ignored;
	PERSIST(n, ssv_stream_read_until(stream, delimiter, delimiter_size, &data));
	if (delimiter_size == 0)
		EXPECT(n == -EINVAL);
	else
		expect_until(n, data, delimiter, delimiter_size);
	return true;
}

static bool peek(size_t ignored)
{
	char *data;
	ssize_t n;

	(void)ignored;
	PERSIST(n, ssv_stream_peek(stream, &data));
	EXPECT(n >= 0 && (size_t)n <= rest.size && (n > 0) == (rest.size > 0));
	EXPECT(n == 0 || memcmp(data, rest.data, (size_t)n) == 0);
	return true;
}

static int expected_of_frame(size_t *size)
{
	const unsigned char *head = (const unsigned char *)rest.data;

	if (rest.size == 0)
		return 0;
	if (rest.size < 4)
		return -EPROTO;
	*size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (*size > stream->limits.max_frame)
		return -EMSGSIZE;
	return rest.size - 4 < *size ? -EPROTO : 1;
}

static bool read_frame(size_t ignored)
{
	size_t size, should_size = 0;
	int rc, should = expected_of_frame(&should_size);
	char *data;

	(void)ignored;
	PERSIST(rc, ssv_frame_read(stream, &data, &size));
	EXPECT(rc == should);
	if (rc > 0) {
		EXPECT(size == should_size);
		input_bytes(&rest, 4);
		expect_handed_out(data, size);
	}
	return rc != -EPROTO;
}

static int expected_of_message(size_t *size)
{
	const char *found;

	if (delimiter[0] == '\0')
		return -EINVAL;
	if (rest.size == 0)
		return 0;
	found = memmem(rest.data, rest.size, delimiter, strlen(delimiter));
	*size = found == NULL ? rest.size : (size_t)(found - rest.data);
	if (*size + (found == NULL ? 0 : strlen(delimiter)) > stream->limits.max_line)
		return -EMSGSIZE;
	return found == NULL ? -EPROTO : 1;
}

static bool read_message(size_t ignored)
{
	size_t size, should_size = 0;
	int rc, should = expected_of_message(&should_size);
	char *data;

	(void)ignored;
	PERSIST(rc, ssv_frame_read_delimited(stream, delimiter, &data, &size));
	EXPECT(rc == should);
	if (rc > 0) {
		EXPECT(size == should_size);
		expect_handed_out(data, size);
		input_bytes(&rest, strlen(delimiter));
	}
	return rc != -EPROTO;
}

/* The writers take what is to be read next. */
static bool write_some(size_t size)
{
	const struct input next = rest;
	size_t n = size < next.size ? size : next.size, half = n / 2;
	const struct iovec parts[] = {
		{(void *)next.data, half}, {NULL, 0}, {(void *)(next.data + half), n - half}};

	EXPECT(ssv_stream_writev(stream, parts, 3) == (ssize_t)n);
	text_add(&written, next.data, n);
	return true;
}

static bool write_frame(size_t size)
{
	size_t n = size < rest.size ? size : rest.size;
	const unsigned char head[] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};
	ssize_t is = ssv_frame_write(stream, rest.data, n);

	if (n > stream->limits.max_frame) {
		EXPECT(is == -EMSGSIZE);
		return true;
	}
	EXPECT(is == (ssize_t)n);
	text_add(&written, head, sizeof(head));
	text_add(&written, rest.data, n);
	return true;
}

/* What a reader would make of it must be what was meant. */
static bool write_message(size_t size)
{
	size_t n = size < rest.size ? size : rest.size;
	ssize_t is = ssv_frame_write_delimited(stream, rest.data, n, delimiter);
	struct text message = {0};
	const char *found;

	text_add(&message, rest.data, n);
	text_add(&message, delimiter, strlen(delimiter));
	found = message.size == 0
			? NULL
			: memmem(message.data, message.size, delimiter, strlen(delimiter));
	if (delimiter[0] == '\0' || found != message.data + n)
		EXPECT(is == -EINVAL);
	else if (message.size > stream->limits.max_line)
		EXPECT(is == -EMSGSIZE);
	else
		EXPECT(is == (ssize_t)n);
	if (is >= 0)
		text_add(&written, message.data, message.size);
	text_free(&message);
	return true;
}

static bool (*const operations[])(size_t size) = {read_some, read_exact, read_line, read_until,
	peek, read_frame, read_message, write_some, write_frame, write_message};

#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* --- */

static bool operate(struct input script)
{
	struct input next = script;
	unsigned int byte;

	for (int i = 0; i < MAX_OPERATIONS && script.size > 0; i++) {
		if (next.size == 0)
			next = script;
		byte = input_byte(&next);
		if (!operations[byte % N_OPERATIONS](byte / N_OPERATIONS * 23))
			return false;
	}
	return true;
}

static void read_to_the_end(void)
{
	bool more;

	do {
		more = rest.size > 0;
		read_some(1000);
	} while (more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {(const char *)data, size}, script, end;
	size_t max_line = 1 + input_byte(&input) * 8, max_frame = input_byte(&input) * 8;
	size_t write_buffer = input_byte(&input) * 4;

	end = input_bytes(&input, input_byte(&input) % sizeof(delimiter));
	memset(delimiter, 0, sizeof(delimiter));
	memcpy(delimiter, end.data, end.size);
	delimiter_size = end.size;
	script = input_bytes(&input, input_byte(&input) % 64);
	pieces_open(&pieces, input);
	pieces.may_fail = pieces.slow = true;
	rest = pieces.rest;
	stream->limits.max_line = max_line;
	stream->limits.max_frame = max_frame;
	EXPECT(ssv_stream_set_write_buffer(stream, write_buffer) == 0);

	if (operate(script))
		read_to_the_end();
	EXPECT(ssv_stream_flush(stream) == 0);
	expect_same(&pieces.written, &written);
	text_free(&written);
	pieces_close(&pieces);
	return 0;
}
