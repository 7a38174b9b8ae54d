/** chat: a room, where what one says goes to all. */
#include "chat_datagram.h"
#include "handlers.h"
#include "is_local.h"
#include "keep_alive.h"
#include "peer_name.h"
#include "room.h"
#include "strip.h"
#include <errno.h>
#include <socketserver/socketserver.h>
#include <string.h>

/* What a member may be behind with: so much in the kernel, on our side. */
#define SEND_BUFFER (256 * 1024)

/* A member from before its first word until after its last one. */
static int chat_setup(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	const struct room_member member = {.stream = stream};
	const int size = SEND_BUFFER;

	setsockopt(ssv_stream_fileno(stream), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	keep_alive(stream);
	return room_join(handler->server->user, &member, SSV_FOREVER);
}

static int chat_finish(struct ssv_handler *handler)
{
	const struct room_member member = {.stream = handler->request->stream};

	room_leave(handler->server->user, &member);
	return 0;
}

/* Says each line that is not empty, unless it is /quit: false. */
static bool say_lines(struct ssv_handler *handler, const char *text, size_t size)
{
	const char *const end = text + size, *line_end;
	char name[SSV_ADDRESS_TEXT_SIZE];
	size_t length;

	peer_name(handler->request, name);
	for (; text < end; text = line_end + 1) {
		line_end = memchr(text, '\n', (size_t)(end - text));
		if (line_end == NULL)
			line_end = end;
		length = (size_t)(line_end - text);
		if (is_word(text, length, "/quit"))
			return false;
		if (length > 0)
			chat_say(handler, name, text, length);
	}
	return true;
}

static int chat_handle(struct ssv_handler *handler)
{
	char text[ROOM_TEXT_SIZE];
	ssize_t n;

	do
		n = ssv_stream_read(handler->request->stream, text, sizeof(text));
	while (n > 0 && say_lines(handler, text, (size_t)n));
	return (int)n;
}

static const struct ssv_handler_ops chat_handler = {
	.setup = chat_setup,
	.handle = chat_handle,
	.finish = chat_finish,
	.timeout = SSV_FOREVER, /* who only listens is welcome */
	.rbufsize = ROOM_TEXT_SIZE,
	.disable_nagle_algorithm = true,
};

/* Anybody can join in a victim's name, who is then sent all that is said. */
static int check_address(const struct ssv_address *at, const char **error)
{
	int local = at->transport == SSV_UDP ? is_local(at) : 1;

	if (local != 0)
		return local < 0 ? local : 0;
	*error = "who joins over UDP does not prove an address: take 127.0.0.1, [::1] or "
		 "localhost; for other hosts, tcp://";
	return -EACCES;
}

static int chat_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = check_address(&servers[i]->server_address, error);
	if (rc == 0)
		room_open(state);
	return rc;
}

static void chat_close(void *state)
{
	room_close(state);
}

const struct ssv_handler_descriptor chat_descriptor = {
	.abi = SSV_ABI,
	.name = "chat",
	.help = "what one says goes to all",
	.transports = "tcp unix udp unixgram",
	.modes = "threading", /* the others could not share the room, or would serve one member */
	.ops = &chat_handler,
	.datagram_modes = "sync threading", /* sync first: a speaker's words stay in order */
	.datagram_ops = &chat_datagram_handler,
	.because = "one process has the room, and serves all its members at once",
	.state_size = sizeof(struct room),
	.open = chat_open,
	.close = chat_close,
};
