#include "console.h"
#include "peer_name.h"
#include <errno.h>
#include <socketserver/socketserver.h>
#include <string.h>

/* SENDER: LINE, for each line of it, so that nobody can make one up that another seems to send. */
static int show_line(struct console *console, const char *name, const char *line, size_t length)
{
	struct attendant *attendant = &console->attendant;
	uint32_t before = 0;

	if (attendant_show(attendant, name, strlen(name), &before) == SSV_EXIT ||
		attendant_show(attendant, ": ", 2, &before) == SSV_EXIT ||
		attendant_show(attendant, line, length, &before) == SSV_EXIT)
		return SSV_EXIT;
	return attendant_show(attendant, "\n", 1, &before);
}

static int show(struct console *console, const char *name, const char *text, size_t size)
{
	const char *const end = text + size, *line_end;
	int rc;

	do {
		line_end = memchr(text, '\n', (size_t)(end - text));
		if (line_end == NULL)
			line_end = end;
		rc = show_line(console, name, text, (size_t)(line_end - text));
		text = line_end + 1;
	} while (rc == 0 && text < end);
	return rc;
}

static int console_datagram_handle(struct ssv_handler *handler)
{
	struct console *console = handler->server->user;
	const struct ssv_request *request = handler->request;
	char name[SSV_ADDRESS_TEXT_SIZE];

	console->has_shown = true;
	console->last = request->client_address;
	console->fd = handler->server->fd;
	return show(console, peer_name(request, name), request->packet, request->packet_size);
}

const struct ssv_handler_ops console_datagram_handler = {.handle = console_datagram_handle};

void console_answer(struct console *console, const char *line, size_t length)
{
	const struct ssv_address *to = &console->last;

	if (!console->has_shown)
		attendant_notice(&console->attendant, "nobody is calling: a line was dropped", 0);
	else if (to->length <= sizeof(sa_family_t))
		attendant_notice(&console->attendant,
			"the sender has no name to answer to: a line was dropped", 0);
	else if (sendto(console->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL, &to->socket.any,
			 to->length) < 0)
		attendant_notice(&console->attendant, "a line was not sent", -errno);
}
