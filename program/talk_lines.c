#include "ways.h"

static void lines_take_line(struct conversation *conversation, char *line, size_t size)
{
	bool is_stream = conversation_is_stream(conversation);

	if (size > 0 || !is_stream)
		conversation_send(conversation, line, size, is_stream);
}

/* What a datagram says is a line, or some. A stream has no borders where one could be added. */
void lines_take_reply(struct conversation *conversation, char *data, size_t size)
{
	if (!conversation_is_stream(conversation))
		conversation_end_line(conversation);
	conversation_show(conversation, data, size);
}

const struct way lines_way = {
	.name = "lines",
	.handler = "echo",
	.take_line = lines_take_line,
	.take_reply = lines_take_reply,
	.is_one_text = true,
};
