/**
 * exec: runs commands that the operator allows, within limits, and sends back their output. A
 * demonstration: for real work there is ssh.
 *
 * What may be asked for, and under which limits: exec_settings.c. How a command is answered:
 * exec_answer.c; how it runs: command.c.
 */
#include "exec_answer.h"
#include "exec_settings.h"
#include "handlers.h"
#include "strip.h"
#include <socketserver/socketserver.h>
#include <string.h>

#define MOST_DROPPED (64UL * EXEC_COMMAND_SIZE)
#define PATIENCE 10000 /* ms, with a client that takes its reply, which is in memory meanwhile */

/* What follows without a pause is dropped: it would be taken for the acknowledgement. */
static bool is_there_more(struct ssv_stream *stream)
{
	char rest[EXEC_COMMAND_SIZE];
	size_t dropped = 0;

	while (dropped < MOST_DROPPED && ssv_stream_wait(stream, -1, 0) > 0 &&
		ssv_stream_read(stream, rest, sizeof(rest)) > 0)
		dropped += sizeof(rest);
	return dropped > 0;
}

static void strip_question(struct exec_question *question)
{
	const char *text = strip(question->text, &question->length);

	memmove(question->text, text, question->length);
	question->text[question->length] = '\0';
}

/* One read, white space around it dropped. Returns as ssv_stream_read(). */
static ssize_t read_question(struct ssv_stream *stream, struct exec_question *question)
{
	ssize_t n = ssv_stream_read(stream, question->text, EXEC_COMMAND_SIZE);

	if (n < 0)
		return n;
	question->length = (size_t)n;
	question->too_long = n == EXEC_COMMAND_SIZE && is_there_more(stream);
	strip_question(question);
	return n;
}

static int earlier(int ms, int other)
{
	return ms < 0 || other < ms ? other : ms;
}

/* Its length, then, when the client has acknowledged that, the reply itself. */
static ssize_t send_in_two_steps(struct ssv_stream *stream, const struct exec_reply *reply)
{
	char acknowledgement[EXEC_COMMAND_SIZE];
	ssize_t n = ssv_stream_printf(stream, "%zu", reply->size);

	if (n > 0)
		n = ssv_stream_read(stream, acknowledgement, sizeof(acknowledgement));
	return n > 0 ? ssv_stream_write(stream, reply->text, reply->size) : n;
}

static ssize_t send_reply(struct ssv_stream *stream, const struct exec_reply *reply, bool raw)
{
	const struct ssv_limits before = stream->limits;
	ssize_t n;

	stream->limits.timeout = earlier(before.timeout, PATIENCE);
	stream->limits.write_timeout = earlier(before.write_timeout, PATIENCE);
	n = raw ? ssv_stream_write(stream, reply->text, reply->size)
		: send_in_two_steps(stream, reply);
	stream->limits = before;
	return n;
}

static int exec_handle(struct ssv_handler *handler)
{
	const struct exec_settings *settings = handler->server->user;
	const struct exec_manner manner = {settings->raw ? "OK" : "cmd has no output...", SIZE_MAX};
	struct ssv_stream *stream = handler->request->stream;
	struct exec_question question;
	struct exec_reply reply;
	ssize_t n;

	while ((n = read_question(stream, &question)) > 0) {
		n = exec_answer(handler, &question, &manner, &reply);
		if (n == 0)
			n = send_reply(stream, &reply, settings->raw);
		exec_reply_free(&reply);
		if (n <= 0 || reply.is_last)
			break;
	}
	return n < 0 ? (int)n : 0;
}

static int exec_datagram_handle(struct ssv_handler *handler)
{
	const struct exec_settings *settings = handler->server->user;
	const struct exec_manner manner = {"ok", settings->max_reply};
	struct ssv_stream *stream = handler->request->stream;
	struct exec_question question;
	struct exec_reply reply;
	ssize_t n = read_question(stream, &question);

	if (n < 0)
		return (int)n;
	exec_answer(handler, &question, &manner, &reply);
	n = ssv_stream_write(stream, reply.text, reply.size);
	exec_reply_free(&reply);
	return (int)n;
}

static const struct ssv_handler_ops exec_handler = {.handle = exec_handle};
static const struct ssv_handler_ops exec_datagram_handler = {.handle = exec_datagram_handle};

const struct ssv_handler_descriptor exec_descriptor = {
	.abi = SSV_ABI,
	.name = "exec",
	.help = "runs allowed commands, for demonstration",
	.transports = "tcp unix udp unixgram",
	.modes = "threading sync forking",
	.ops = &exec_handler,
	.datagram_ops = &exec_datagram_handler,
	.state_size = sizeof(struct exec_settings),
	.options = exec_options,
	.open = exec_settings_open,
	.close = exec_settings_close,
};
