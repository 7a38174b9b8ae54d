#include "chat_datagram.h"
#include "peer_name.h"
#include "room.h"
#include "strip.h"
#include <socketserver/socketserver.h>

#define STAY 10000 /* ms after a ping */

/* Which members of a Unix socket share; the kernel makes less of it (net.core.wmem_max). */
#define SEND_BUFFER (1024 * 1024)

void chat_say(const struct ssv_handler *handler, const char *name, const char *text, size_t length)
{
	if (room_say(handler->server->user, name, text, length) < 0)
		ssv_server_report(handler->server, SSV_LOG_WARNING, NULL,
			"some do not hear: members stay, and do not read", 0);
}

static struct room_member sender(const struct ssv_handler *handler)
{
	return (struct room_member){
		.address = handler->request->client_address,
		.fd = handler->server->fd,
	};
}

/* Who has no name cannot be sent to, and does not get in. */
static int join(struct ssv_handler *handler)
{
	const struct room_member member = sender(handler);
	const int size = SEND_BUFFER;

	if (!peer_has_name(handler->request))
		return 0;
	if (member.address.transport == SSV_UNIXGRAM)
		setsockopt(member.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return room_join(handler->server->user, &member, STAY);
}

static int leave(struct ssv_handler *handler)
{
	const struct room_member member = sender(handler);

	room_leave(handler->server->user, &member);
	return 0;
}

static int say(struct ssv_handler *handler, const char *text, size_t length)
{
	char name[SSV_ADDRESS_TEXT_SIZE];

	text = strip(text, &length);
	if (length > 0)
		chat_say(handler, peer_name(handler->request, name), text, length);
	return 0;
}

static int chat_datagram_handle(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;
	size_t length = request->packet_size;

	if (length > ROOM_TEXT_SIZE)
		length = ROOM_TEXT_SIZE;
	if (is_word(request->packet, length, "#ping#"))
		return join(handler);
	if (is_word(request->packet, length, "/quit"))
		return leave(handler);
	return say(handler, request->packet, length);
}

const struct ssv_handler_ops chat_datagram_handler = {.handle = chat_datagram_handle};
