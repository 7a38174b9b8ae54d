#include "request.h"

#include "clock.h"
#include "datagram_stream.h"
#include "live_requests.h"
#include "serving.h"
#include "stream.h"
#include "stream_buffer.h"

#include <errno.h>
#include <socketserver/server.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void ssv_request_init(struct ssv_request *request, struct ssv_server *server)
{
	*request = (struct ssv_request){.server = server, .socket.fd = -1};
}

static void fill(struct ssv_request *request, int fd, enum ssv_transport transport,
	const struct sockaddr *peer, socklen_t length)
{
	ssv_address_from_socket(&request->client_address, transport, peer, length);
	ssv_stream_reopen(&request->socket, fd, transport, &request->server->limits);
	request->stream = &request->socket;
	request->stage = "get_request";
	request->taken = request->admitted = false;
	request->opened = ssv_last_tick();
	request->child = 0;
	request->packet = NULL;
	request->packet_size = request->packet_length = 0;
}

void ssv_request_open(struct ssv_request *request, int fd, enum ssv_transport transport,
	const struct sockaddr *peer, socklen_t length)
{
	fill(request, fd, transport, peer, length);
	ssv_live_add(request);
}

void ssv_request_open_packet(
	struct ssv_request *request, socklen_t peer_length, size_t room, size_t length)
{
	const struct ssv_server *server = request->server;
	struct ssv_stream *stream = &request->socket;

	fill(request, server->fd, server->server_address.transport,
		&request->client_address.socket.any, peer_length);
	request->packet = stream->in.data;
	request->packet_size = length < room ? length : room;
	request->packet_length = length;
	request->reply.start = request->reply.end = 0;
	request->replying = false;
	stream->ops = &ssv_datagram_stream_ops;
	stream->in.end = stream->bytes_read = request->packet_size;
	stream->at_end = true;
	ssv_live_add(request);
}

void ssv_request_move(struct ssv_request *to, struct ssv_request *from)
{
	struct ssv_request memory = *to;

	memcpy(to, from, offsetof(struct ssv_request, next)); /* its links are others' to change */
	to->may_wait = memory.may_wait;
	if (to->stream == &from->socket)
		to->stream = &to->socket;
	if (to->stream != NULL)
		ssv_live_replace(from, to);
	*from = (struct ssv_request){.server = memory.server, .may_wait = from->may_wait};
	from->socket.fd = -1;
	from->socket.in = memory.socket.in;
	from->socket.out = memory.socket.out;
	from->reply = memory.reply;
	from->instance = memory.instance;
	from->instance_size = memory.instance_size;
}

void ssv_request_look_at_descriptor(struct ssv_request *request)
{
	const int fd = request->socket.fd;

	if (fd < 0 || ssv_stream_has_descriptor(&request->socket))
		return;
	ssv_server_report(request->server, SSV_LOG_ERROR, request,
		"a handler has closed its connection's descriptor", -EBADF);
	ssv_live_forget_descriptor(request);
}

void ssv_request_close(struct ssv_request *request)
{
	if (request->stream == NULL)
		return;
	ssv_live_finish(request); /* first: nobody may shut down a number that is closed already */
	ssv_stream_end(request->stream);
	request->stream = NULL;
	ssv_serving_given_back(request->server);
}

void ssv_request_free(struct ssv_request *request)
{
	ssv_request_close(request);
	ssv_stream_close(&request->socket);
	ssv_buffer_free(&request->reply);
	free(request->instance);
	request->instance = NULL;
	request->instance_size = 0;
}

void ssv_request_progress(const struct ssv_request *request, struct ssv_request_progress *progress)
{
	const struct ssv_stream *stream = request->stream;

	*progress = (struct ssv_request_progress){
		.stage = __atomic_load_n(&request->stage, __ATOMIC_RELAXED),
		.reading = __atomic_load_n(&stream->reading, __ATOMIC_RELAXED),
		.writing = __atomic_load_n(&stream->writing, __ATOMIC_RELAXED),
		.bytes_read = __atomic_load_n(&stream->bytes_read, __ATOMIC_RELAXED),
		.bytes_written = __atomic_load_n(&stream->bytes_written, __ATOMIC_RELAXED),
		.child = request->child,
	};
}

int ssv_request_credentials(const struct ssv_request *request, struct ssv_credentials *credentials)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (request->socket.transport != SSV_UNIX)
		return -EOPNOTSUPP;
	if (getsockopt(request->socket.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*credentials = (struct ssv_credentials){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
	return 0;
}
