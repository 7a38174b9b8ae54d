#include "running.h"
#include "stream.h"

#include <socketserver/server.h>
#include <stdlib.h>

void ssv_request_init(struct ssv_request *request, struct ssv_server *server)
{
	*request = (struct ssv_request){.server = server, .socket.fd = -1};
}

void ssv_request_open(struct ssv_request *request, int fd, enum ssv_transport transport,
	const struct sockaddr *peer, socklen_t length)
{
	ssv_address_from_socket(&request->client_address, transport, peer, length);
	ssv_stream_reopen(&request->socket, fd, transport, &request->server->limits);
	request->stream = &request->socket;
	request->stage = NULL;
	ssv_live_add(request);
}

void ssv_request_move(struct ssv_request *to, struct ssv_request *from)
{
	struct ssv_request memory = *to;

	if (from->stream != NULL)
		ssv_live_remove(from);
	*to = *from;
	if (to->stream == &from->socket)
		to->stream = &to->socket;
	if (to->stream != NULL)
		ssv_live_add(to);
	ssv_request_init(from, memory.server);
	from->socket.in = memory.socket.in;
	from->socket.out = memory.socket.out;
	from->instance = memory.instance;
	from->instance_size = memory.instance_size;
}

void ssv_request_close(struct ssv_request *request)
{
	if (request->stream == NULL)
		return;
	ssv_live_remove(request); /* first: nobody may shut down a number that is closed already */
	ssv_stream_end(request->stream);
	request->stream = NULL;
}

void ssv_request_free(struct ssv_request *request)
{
	ssv_request_close(request);
	ssv_stream_close(&request->socket);
	free(request->instance);
	request->instance = NULL;
	request->instance_size = 0;
}
