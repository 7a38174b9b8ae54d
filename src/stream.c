#include "stream.h"

#include "clock.h"
#include "descriptor.h"
#include "socket_stream.h"
#include "stream_buffer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_READ_SIZE 8192
#define MAX_DATAGRAM 65535
#define MAX_KEPT 65536 /* bytes: a buffer that one request made larger is not kept for the next */
#define MAX_PARTS 8

/* Member by member, since each request passes here; `held` means nothing while nothing is. */
void ssv_stream_reopen(struct ssv_stream *stream, int fd, enum ssv_transport transport,
	const struct ssv_limits *limits)
{
	stream->ops = &ssv_socket_stream_ops;
	stream->transport = transport;
	stream->limits = *limits;
	stream->fd = fd;
	stream->cookie = 0;
	stream->in.start = stream->in.end = 0;
	stream->read_size = ssv_transport_is_stream(transport) ? DEFAULT_READ_SIZE : MAX_DATAGRAM;
	stream->deadline = ssv_until(limits->deadline);
	stream->receive_timeout = 0;
	stream->holding = stream->at_end = stream->reading = stream->writing = false;
	stream->out.start = stream->out.end = 0;
	stream->write_size = 0;
	stream->bytes_read = stream->bytes_written = 0;
}

void ssv_stream_open(struct ssv_stream *stream, int fd, enum ssv_transport transport)
{
	struct ssv_limits limits;

	*stream = (struct ssv_stream){0};
	ssv_limits_init(&limits);
	ssv_stream_reopen(stream, fd, transport, &limits);
}

int ssv_stream_fileno(struct ssv_stream *stream)
{
	if (stream->fd >= 0 && __atomic_load_n(&stream->cookie, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(
			&stream->cookie, ssv_descriptor_cookie(stream->fd), __ATOMIC_RELAXED);
	return stream->fd;
}

void ssv_stream_end(struct ssv_stream *stream)
{
	if (stream->fd >= 0)
		stream->ops->close(stream);
	stream->fd = -1;
	if (stream->in.size > MAX_KEPT)
		ssv_buffer_free(&stream->in);
	if (stream->out.size > MAX_KEPT)
		ssv_buffer_free(&stream->out);
}

void ssv_stream_close(struct ssv_stream *stream)
{
	ssv_stream_end(stream);
	ssv_buffer_free(&stream->in);
	ssv_buffer_free(&stream->out);
}

void ssv_stream_set_deadline(struct ssv_stream *stream, int milliseconds)
{
	stream->deadline = ssv_until(milliseconds);
}

int64_t ssv_stream_give_up_at(const struct ssv_stream *stream, int milliseconds)
{
	return ssv_earlier(ssv_until(milliseconds), stream->deadline);
}

static bool is_overdue(const struct ssv_stream *stream)
{
	return stream->deadline != SSV_NEVER && ssv_now() >= stream->deadline;
}

/* Others look at these meanwhile. */
static void count_bytes(uint64_t *counter, ssize_t n)
{
	__atomic_store_n(counter, *counter + (uint64_t)n, __ATOMIC_RELAXED);
}

static void set(bool *flag, bool on)
{
	__atomic_store_n(flag, on, __ATOMIC_RELAXED);
}

/* --- reading --- */

/* Puts the byte back that the NUL behind the last line has hidden. */
static void release(struct ssv_stream *stream)
{
	if (stream->holding)
		stream->in.data[stream->in.start] = stream->held;
	stream->holding = false;
}

static ssize_t receive(struct ssv_stream *stream, void *data, size_t size)
{
	ssize_t n;

	if (stream->at_end)
		return 0;
	if (is_overdue(stream))
		return -ETIMEDOUT;
	set(&stream->reading, true);
	n = stream->ops->read(
		stream, data, size, ssv_stream_give_up_at(stream, stream->limits.timeout));
	set(&stream->reading, false);
	if (n > 0)
		count_bytes(&stream->bytes_read, n);
	if (n == 0 && ssv_transport_is_stream(stream->transport))
		stream->at_end = true;
	return n;
}

/* Reads once, behind what is buffered. The count, 0 at the end of the stream. */
static ssize_t fill(struct ssv_stream *stream)
{
	struct ssv_stream_buffer *in = &stream->in;
	ssize_t n;
	int rc;

	if (stream->at_end)
		return 0;
	if (in->start == in->end)
		in->start = in->end = 0;
	rc = ssv_buffer_reserve(in, ssv_buffer_length(in) + stream->read_size);
	if (rc < 0)
		return rc;
	n = receive(stream, in->data + in->end, stream->read_size);
	if (n > 0)
		in->end += (size_t)n;
	return n;
}

ssize_t ssv_stream_read(struct ssv_stream *stream, void *data, size_t size)
{
	ssize_t n;

	release(stream);
	if (size == 0)
		return 0;
	if (ssv_buffer_length(&stream->in) == 0) {
		if (size >= stream->read_size || !ssv_transport_is_stream(stream->transport))
			return receive(stream, data, size);
		n = fill(stream);
		if (n <= 0)
			return n;
	}
	return (ssize_t)ssv_buffer_take(&stream->in, data, size);
}

ssize_t ssv_stream_read_exact(struct ssv_stream *stream, void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = ssv_stream_read(stream, (char *)data + done, size - done);
		if (n < 0)
			return n;
		if (n == 0)
			return done == 0 ? 0 : -EPROTO;
		done += (size_t)n;
	}
	return (ssize_t)size;
}

int ssv_stream_gather(struct ssv_stream *stream, size_t size)
{
	ssize_t n;

	release(stream);
	while (ssv_buffer_length(&stream->in) < size) {
		n = fill(stream);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return ssv_buffer_length(&stream->in) == 0 ? 0 : -EPROTO;
	}
	return 1;
}

ssize_t ssv_stream_hand_out(struct ssv_stream *stream, size_t size, char **data)
{
	struct ssv_stream_buffer *in = &stream->in;

	if (in->data == NULL) {
		stream->held = '\0';
		*data = &stream->held; /* nothing was ever read: an empty text */
		return 0;
	}
	*data = in->data + in->start;
	in->start += size;
	stream->holding = in->start < in->end;
	stream->held = in->data[in->start];
	in->data[in->start] = '\0';
	return (ssize_t)size;
}

ssize_t ssv_stream_read_until(
	struct ssv_stream *stream, const void *delimiter, size_t length, char **data)
{
	struct ssv_stream_buffer *in = &stream->in;
	size_t searched = 0, n;
	char *found;
	ssize_t rc;

	if (length == 0)
		return -EINVAL;
	release(stream);
	for (;;) {
		n = ssv_buffer_length(in) - searched;
		found = n == 0 ? NULL
			       : memmem(in->data + in->start + searched, n, delimiter, length);
		n = found == NULL ? ssv_buffer_length(in)
				  : (size_t)(found - in->data) - in->start + length;
		if (n > stream->limits.max_line)
			return -EMSGSIZE;
		if (found != NULL)
			return ssv_stream_hand_out(stream, n, data);
		searched = n < length ? 0 : n - length + 1;
		rc = fill(stream);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return ssv_stream_hand_out(stream, n, data);
	}
}

ssize_t ssv_stream_readline(struct ssv_stream *stream, char **line)
{
	return ssv_stream_read_until(stream, "\n", 1, line);
}

ssize_t ssv_stream_peek(struct ssv_stream *stream, char **data)
{
	ssize_t n;

	release(stream);
	if (ssv_buffer_length(&stream->in) == 0) {
		n = fill(stream);
		if (n <= 0)
			return n;
	}
	*data = stream->in.data + stream->in.start;
	return (ssize_t)ssv_buffer_length(&stream->in);
}

int ssv_stream_wait(struct ssv_stream *stream, int other, int timeout)
{
	const bool have = ssv_buffer_length(&stream->in) > 0 || stream->at_end;
	int rc;

	if (have && other < 0)
		return SSV_WAIT_INPUT;
	if (!have && is_overdue(stream))
		return -ETIMEDOUT;
	set(&stream->reading, true);
	rc = stream->ops->wait(
		stream, other, have ? SSV_NOW : ssv_stream_give_up_at(stream, timeout));
	set(&stream->reading, false);
	if (have)
		return rc < 0 ? rc : rc | SSV_WAIT_INPUT;
	return rc == 0 && is_overdue(stream) ? -ETIMEDOUT : rc;
}

/* --- writing --- */

/* Takes `written` bytes off the front of `parts`; how many parts are left, *parts being the first.
 */
static int advance(struct iovec **parts, int count, size_t written)
{
	while (count > 0 && written >= (*parts)->iov_len) {
		written -= (*parts)->iov_len;
		(*parts)++;
		count--;
	}
	if (count > 0) {
		(*parts)->iov_base = (char *)(*parts)->iov_base + written;
		(*parts)->iov_len -= written;
	}
	return count;
}

/* Sends all of it. The clock is only asked where the first attempt does not take everything. */
static int send_parts(struct ssv_stream *stream, struct iovec *parts, int left)
{
	int64_t until = SSV_NOW;
	ssize_t n;

	while (left > 0) {
		n = stream->ops->write(stream, parts, left, until);
		if (n < 0 && !(n == -EAGAIN && until == SSV_NOW))
			return (int)n;
		if (n >= 0) {
			count_bytes(&stream->bytes_written, n);
			left = advance(&parts, left, (size_t)n);
		}
		if (left > 0 && until == SSV_NOW) {
			until = ssv_stream_give_up_at(stream, stream->limits.write_timeout);
			set(&stream->writing, true);
		}
	}
	return 0;
}

static int send_all(struct ssv_stream *stream, struct iovec *parts, int count)
{
	int rc = is_overdue(stream) ? -ETIMEDOUT : send_parts(stream, parts, count);

	set(&stream->writing, false);
	return rc;
}

static int send_gathered(struct ssv_stream *stream)
{
	struct ssv_stream_buffer *out = &stream->out;
	struct iovec part = {
		.iov_base = out->data + out->start,
		.iov_len = ssv_buffer_length(out),
	};

	out->start = out->end = 0;
	return send_all(stream, &part, 1);
}

int ssv_stream_flush(struct ssv_stream *stream)
{
	return ssv_buffer_length(&stream->out) == 0 ? 0 : send_gathered(stream);
}

/* For parts that fit. A buffer that they fill is sent. */
static int gather_parts(struct ssv_stream *stream, const struct iovec *parts, int count)
{
	struct ssv_stream_buffer *out = &stream->out;
	int rc = ssv_buffer_reserve(out, stream->write_size), i;

	if (rc < 0)
		return rc;
	for (i = 0; i < count; i++)
		ssv_buffer_append(out, &parts[i]);
	return ssv_buffer_length(out) < stream->write_size ? 0 : ssv_stream_flush(stream);
}

/* Copies the parts that are not empty, unless all are; the number of bytes in all, or -EINVAL. */
static ssize_t copy_parts(struct iovec *copy, int *copied, const struct iovec *parts, int count)
{
	size_t total = 0;
	int i;

	if (count < 1 || count > MAX_PARTS)
		return -EINVAL;
	for (i = 0, *copied = 0; i < count; i++) {
		if (parts[i].iov_len > 0)
			copy[(*copied)++] = parts[i];
		total += parts[i].iov_len;
	}
	if (total == 0)
		copy[(*copied)++] = parts[0];
	return total > PTRDIFF_MAX ? -EINVAL : (ssize_t)total;
}

/* `parts` are the caller's own, and `total` bytes. */
static ssize_t write_parts(struct ssv_stream *stream, struct iovec *parts, int count, ssize_t total)
{
	int rc = 0;

	if (total < 0 || (total == 0 && ssv_transport_is_stream(stream->transport)))
		return total;
	if (total == 0 || ssv_buffer_length(&stream->out) + (size_t)total > stream->write_size)
		rc = ssv_stream_flush(stream);
	if (rc == 0 && total > 0 && (size_t)total < stream->write_size)
		rc = gather_parts(stream, parts, count);
	else if (rc == 0)
		rc = send_all(stream, parts, count);
	return rc < 0 ? rc : total;
}

ssize_t ssv_stream_writev(struct ssv_stream *stream, const struct iovec *parts, int count)
{
	struct iovec copy[MAX_PARTS];
	ssize_t total = copy_parts(copy, &count, parts, count);

	return write_parts(stream, copy, count, total);
}

ssize_t ssv_stream_write(struct ssv_stream *stream, const void *data, size_t size)
{
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};

	return write_parts(stream, &part, 1, size > PTRDIFF_MAX ? -EINVAL : (ssize_t)size);
}

ssize_t ssv_stream_vprintf(struct ssv_stream *stream, const char *format, va_list arguments)
{
	char *text;
	int length = vasprintf(&text, format, arguments);
	ssize_t n;

	if (length < 0)
		return errno == EOVERFLOW ? -EOVERFLOW : -ENOMEM;
	n = ssv_stream_write(stream, text, (size_t)length);
	free(text);
	return n;
}

ssize_t ssv_stream_printf(struct ssv_stream *stream, const char *format, ...)
{
	va_list arguments;
	ssize_t n;

	va_start(arguments, format);
	n = ssv_stream_vprintf(stream, format, arguments);
	va_end(arguments);
	return n;
}

/* Sends what goes at once of one part; the count, or -EAGAIN for nothing. */
static ssize_t send_some(struct ssv_stream *stream, const void *data, size_t size)
{
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	ssize_t n = stream->ops->write(stream, &part, 1, SSV_NOW);

	if (n > 0)
		count_bytes(&stream->bytes_written, n);
	return n;
}

ssize_t ssv_stream_try_write(struct ssv_stream *stream, const void *data, size_t size)
{
	struct ssv_stream_buffer *out = &stream->out;
	ssize_t n;

	if (is_overdue(stream))
		return -ETIMEDOUT;
	if (ssv_buffer_length(out) > 0) {
		n = send_some(stream, out->data + out->start, ssv_buffer_length(out));
		if (n < 0)
			return n;
		out->start += (size_t)n;
		if (ssv_buffer_length(out) > 0)
			return -EAGAIN;
	}
	return send_some(stream, data, size);
}

int ssv_stream_set_write_buffer(struct ssv_stream *stream, size_t size)
{
	int rc = ssv_stream_flush(stream);

	stream->write_size = size;
	return rc;
}

int ssv_stream_set_nodelay(struct ssv_stream *stream, bool nodelay)
{
	int value = nodelay;

	if (stream->transport != SSV_TCP)
		return 0;
	return setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)) < 0 ? -errno
											   : 0;
}

/* --- ending --- */

int ssv_stream_shutdown(struct ssv_stream *stream)
{
	int flushed = ssv_stream_flush(stream), rc = stream->ops->shutdown(stream);

	return flushed < 0 ? flushed : rc;
}

/* An acknowledgement wakes nobody: this looks again after 10, 20, 40 … ms, later every second. */
static int wait_for_peer(struct ssv_stream *stream, int64_t until, int *patience)
{
	int64_t slice = ssv_until(*patience);

	if (*patience < 1000)
		*patience *= 2;
	return stream->ops->wait(stream, -1, ssv_earlier(slice, until));
}

/* Throws input away until the peer hangs up; or has everything and, so far, has sent nothing. */
static void drain(struct ssv_stream *stream)
{
	int64_t until = ssv_stream_give_up_at(stream, stream->limits.linger_timeout);
	size_t left = stream->limits.linger_size;
	bool talks = false;
	int patience = 10;
	char unread[4096];
	ssize_t n;

	while (left > 0 && ssv_ms_until(until) != 0) {
		n = stream->ops->read(
			stream, unread, left < sizeof(unread) ? left : sizeof(unread), SSV_NOW);
		if (n > 0) {
			left -= (size_t)n;
			talks = true;
		} else if (n != -EAGAIN || (!talks && ssv_socket_delivered(stream)) ||
			   wait_for_peer(stream, until, &patience) < 0) {
			return;
		}
	}
}

void ssv_stream_linger(struct ssv_stream *stream)
{
	if (ssv_stream_shutdown(stream) < 0 || !ssv_transport_is_stream(stream->transport))
		return;
	if (stream->bytes_written > 0 && !stream->at_end)
		drain(stream);
}
