#include "../handlers/monotonic.h"
#include "../handlers/strip.h"
#include "ways.h"
#include <errno.h>
#include <string.h>

#define PING "#ping#"
#define PING_INTERVAL 5000 /* ms; the room forgets a member after 10 s */
#define QUIT "/quit"

static void ping(struct conversation *conversation)
{
	ssize_t n = ssv_stream_try_write(&conversation->stream, PING, strlen(PING));

	conversation->alarm_at = monotonic_ms() + PING_INTERVAL;
	if (n < 0 && n != -EAGAIN)
		conversation_fail(conversation, (int)n);
}

static void chat_start(struct conversation *conversation)
{
	if (!conversation_is_stream(conversation))
		ping(conversation);
}

static void quit(struct conversation *conversation)
{
	conversation->alarm_at = CONVERSATION_NEVER;
	conversation_send_last(
		conversation, QUIT, strlen(QUIT), conversation_is_stream(conversation));
}

static void chat_take_line(struct conversation *conversation, char *line, size_t size)
{
	if (is_word(line, size, QUIT))
		quit(conversation);
	else if (size > 0)
		conversation_send(conversation, line, size, conversation_is_stream(conversation));
}

/* What stands below the speaker and the first line of a text begins with two spaces. */
static size_t indent(char *to, const char *data, size_t size)
{
	char *const start = to;
	int lines = 0;

	for (size_t i = 0; i < size; i++) {
		if (i > 0 && data[i - 1] == '\n' && ++lines > 1)
			to = stpcpy(to, "  ");
		*to++ = data[i];
	}
	return (size_t)(to - start);
}

/* A speaker may put a name and a text of somebody else's into a datagram. Over a stream no text has
 * more lines than one. */
static void chat_take_reply(struct conversation *conversation, char *data, size_t size)
{
	static char indented[3 * CONVERSATION_REPLY_SIZE];

	if (conversation_is_stream(conversation) || !conversation->screen.is_terminal)
		lines_take_reply(conversation, data, size);
	else
		lines_take_reply(conversation, indented, indent(indented, data, size));
}

/* A stream's end is known to the room, that of a datagram client is not. */
static void chat_input_ended(struct conversation *conversation)
{
	if (conversation_is_stream(conversation))
		conversation_end_input(conversation);
	else
		quit(conversation);
}

const struct way chat_way = {
	.name = "chat",
	.handler = "chat",
	.start = chat_start,
	.take_line = chat_take_line,
	.take_reply = chat_take_reply,
	.is_one_text = true,
	.ring = ping,
	.input_ended = chat_input_ended,
};
