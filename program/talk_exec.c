#include "../handlers/monotonic.h"
#include "complain.h"
#include "progress.h"
#include "ways.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Over a stream: the command; its output's length in decimal digits; an acknowledgement; the
 * output. In datagrams: the command; the output.
 */
#define READ_SIZE 1024 /* what the other side, too, reads at once */
#define ACKNOWLEDGEMENT "ok"
#define QUOTED 32 /* bytes of a wrong reply that are told */

static struct exchange {
	enum { NOTHING, LENGTH, OUTPUT, DATAGRAM } expected;
	uint64_t length, left;
	struct progress progress;
} exchange;

static void expect(struct conversation *conversation, int what)
{
	exchange.expected = what;
	conversation->busy = what != NOTHING;
	conversation->alarm_at = CONVERSATION_NEVER;
}

/* Ends it, so that the complaint that follows stands in a line of its own. */
static const char *give_up(struct conversation *conversation)
{
	static char text[SSV_ADDRESS_TEXT_SIZE];

	progress_end(&exchange.progress);
	conversation_end(conversation, EXIT_FAILURE);
	return ssv_address_format(&conversation->at, text);
}

static void exec_take_line(struct conversation *conversation, char *line, size_t size)
{
	bool is_stream = conversation_is_stream(conversation);
	char address[SSV_ADDRESS_TEXT_SIZE];

	if (size > READ_SIZE) {
		conversation_refuse_line(conversation);
		complain("command too long: %s: %zu bytes, and the server reads %d: shorten it",
			ssv_address_format(&conversation->at, address), size, READ_SIZE);
		return;
	}
	if (size == 0 && is_stream)
		return;
	conversation_send(conversation, line, size, false);
	expect(conversation, is_stream ? LENGTH : DATAGRAM);
	if (!is_stream && conversation->timeout != SSV_FOREVER)
		conversation->alarm_at = monotonic_ms() + conversation->timeout;
}

/* Digits, and nothing else; 0 or -EPROTO. */
static int parse_length(const char *data, size_t size, uint64_t *length)
{
	*length = 0;
	for (size_t i = 0; i < size; i++)
		if (data[i] < '0' || data[i] > '9' || __builtin_mul_overflow(*length, 10, length) ||
			__builtin_add_overflow(*length, data[i] - '0', length))
			return -EPROTO;
	return size > 0 && size <= READ_SIZE ? 0 : -EPROTO;
}

static void end_output(struct conversation *conversation)
{
	progress_end(&exchange.progress);
	expect(conversation, NOTHING);
}

static void take_length(struct conversation *conversation, const char *data, size_t size)
{
	int quoted = size < QUOTED ? (int)size : QUOTED;

	if (parse_length(data, size, &exchange.length) < 0) {
		complain("no exec server: %s: \"%.*s\" is no length of an output; try --as lines",
			give_up(conversation), quoted, data);
		return;
	}
	exchange.left = exchange.length;
	conversation_send(conversation, ACKNOWLEDGEMENT, strlen(ACKNOWLEDGEMENT), false);
	conversation_end_line(conversation);
	progress_start(&exchange.progress, exchange.length);
	expect(conversation, exchange.left > 0 ? OUTPUT : NOTHING);
}

static void take_output(struct conversation *conversation, char *data, size_t size)
{
	if (size > exchange.left) {
		complain("no exec server: %s: it sends more than the %" PRIu64 " bytes it told of",
			give_up(conversation), exchange.length);
		return;
	}
	exchange.left -= size;
	conversation_show(conversation, data, size);
	progress_show(&exchange.progress, exchange.length - exchange.left);
	if (exchange.left == 0)
		end_output(conversation);
}

static void take_answer(struct conversation *conversation, char *data, size_t size)
{
	lines_take_reply(conversation, data, size);
	expect(conversation, NOTHING);
}

/* What is not asked for: of a stream all order is lost, a datagram may be a late one. */
static void take_nothing(struct conversation *conversation)
{
	if (conversation_is_stream(conversation))
		complain(
			"no exec server: %s: it speaks without being asked", give_up(conversation));
}

static void exec_take_reply(struct conversation *conversation, char *data, size_t size)
{
	switch (exchange.expected) {
	case LENGTH:
		take_length(conversation, data, size);
		break;
	case OUTPUT:
		take_output(conversation, data, size);
		break;
	case DATAGRAM:
		take_answer(conversation, data, size);
		break;
	case NOTHING:
		take_nothing(conversation);
		break;
	}
}

static void exec_ring(struct conversation *conversation)
{
	complain("no answer in time: %s: it may be lost, or come later with a longer --timeout",
		give_up(conversation));
}

static void exec_stream_ended(struct conversation *conversation)
{
	const char *at = give_up(conversation);

	if (exchange.expected == OUTPUT)
		complain("connection ended: %s: %" PRIu64 " of %" PRIu64 " bytes of output came",
			at, exchange.length - exchange.left, exchange.length);
	else if (exchange.expected == LENGTH)
		complain("connection ended: %s: the last command has no answer", at);
	else
		complain("connection ended: %s: the server takes no more commands", at);
}

static void exec_input_ended(struct conversation *conversation)
{
	conversation_end(conversation, EXIT_SUCCESS);
}

const struct way exec_way = {
	.name = "exec",
	.handler = "exec",
	.take_line = exec_take_line,
	.take_reply = exec_take_reply,
	.ring = exec_ring,
	.input_ended = exec_input_ended,
	.stream_ended = exec_stream_ended,
};
