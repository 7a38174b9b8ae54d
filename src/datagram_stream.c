#include "datagram_stream.h"

#include "clock.h"
#include "socket_stream.h"
#include "stream.h"
#include "stream_buffer.h"

#include <errno.h>
#include <poll.h>
#include <socketserver/container_of.h>

#define MAX_REPLY 65507 /* what UDP takes over IPv4 */
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)

/* All of it is in the buffer from the start. */
static ssize_t datagram_read(struct ssv_stream *stream, void *data, size_t size, int64_t until)
{
	(void)stream;
	(void)data;
	(void)size;
	(void)until;
	return 0;
}

static size_t size_of(const struct iovec *parts, int count)
{
	size_t total = 0;

	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	return total;
}

static ssize_t datagram_write(
	struct ssv_stream *stream, const struct iovec *parts, int count, int64_t until)
{
	struct ssv_request *request = ssv_container_of(stream, struct ssv_request, socket);
	struct ssv_stream_buffer *reply = &request->reply;
	size_t total = size_of(parts, count);
	int rc;

	(void)until;
	if (request->client_address.length <= sizeof(sa_family_t))
		return (ssize_t)total; /* a Unix client without a name: nobody to answer */
	rc = ssv_buffer_reserve(reply, MAX_REPLY);
	if (rc < 0)
		return rc;
	if (total > MAX_REPLY - reply->end)
		return -EMSGSIZE;
	for (int i = 0; i < count; i++)
		ssv_buffer_append(reply, &parts[i]);
	request->replying = true;
	return (ssize_t)total;
}

/* The packet is there, or its end; so this is about `other`. */
static int datagram_wait(struct ssv_stream *stream, int other, int64_t until)
{
	return ssv_socket_stream_ops.wait(stream, other, until);
}

static int datagram_shutdown(struct ssv_stream *stream)
{
	(void)stream;
	return 0;
}

/* The socket is the server's. */
static void datagram_close(struct ssv_stream *stream)
{
	(void)stream;
}

const struct ssv_stream_ops ssv_datagram_stream_ops = {
	.read = datagram_read,
	.write = datagram_write,
	.wait = datagram_wait,
	.shutdown = datagram_shutdown,
	.close = datagram_close,
};

/* --- the reply --- */

static ssize_t send_plain(const struct ssv_request *request)
{
	const struct ssv_address *to = &request->client_address;

	return sendto(request->socket.fd, request->reply.data, request->reply.end, SEND_FLAGS,
		&to->socket.any, to->length);
}

/* From the address that was asked. */
static ssize_t send_asked(struct ssv_request *request)
{
	struct iovec part = {.iov_base = request->reply.data, .iov_len = request->reply.end};
	const struct msghdr message = {
		.msg_name = &request->client_address.socket,
		.msg_namelen = request->client_address.length,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = request->control,
		.msg_controllen = request->control_length,
	};

	return sendmsg(request->socket.fd, &message, SEND_FLAGS);
}

static int send_once(struct ssv_request *request)
{
	ssize_t n;

	do
		n = request->control_length > 0 ? send_asked(request) : send_plain(request);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The address that was asked may be one of many, a broadcast, which nothing can be sent from. */
static int send_from_there(struct ssv_request *request)
{
	int rc = send_once(request);

	if ((rc != -EINVAL && rc != -ENETUNREACH) || request->control_length == 0)
		return rc;
	request->control_length = 0;
	return send_once(request);
}

/* A Unix peer's full queue cannot be polled for: this looks again after 1, 2, 4 … ms. */
static void wait_for_room(const struct ssv_stream *stream, int64_t until, int *patience)
{
	struct pollfd room = {.fd = stream->fd, .events = POLLOUT};
	const bool is_local = stream->transport == SSV_UNIXGRAM;
	int64_t slice = is_local ? ssv_until(*patience) : until;

	if (*patience < 64)
		*patience *= 2;
	poll(&room, is_local ? 0 : 1, ssv_ms_until(ssv_earlier(slice, until)));
}

static int send_in_time(struct ssv_request *request)
{
	int rc = send_from_there(request), patience = 1;
	int64_t until;

	if (rc != -EAGAIN)
		return rc;
	until = ssv_stream_give_up_at(&request->socket, request->socket.limits.write_timeout);
	while (rc == -EAGAIN && ssv_ms_until(until) != 0) {
		wait_for_room(&request->socket, until, &patience);
		rc = send_from_there(request);
	}
	return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

int ssv_datagram_stream_reply(struct ssv_request *request)
{
	int rc = request->replying ? send_in_time(request) : 0;
	bool gone = rc == -ECONNREFUSED || rc == -ENOENT; /* a Unix client, or its file */

	request->replying = false;
	return gone ? -EPIPE : rc;
}
