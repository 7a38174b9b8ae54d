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

/* Of what follows without a pause, too, the rest is dropped: it is no question of its own. */
static bool is_there_more(struct ssv_stream *stream)
{
	char rest[8 * EXEC_COMMAND_SIZE];

	return ssv_stream_wait(stream, -1, 0) > 0 &&
	       ssv_stream_read(stream, rest, sizeof(rest)) > 0;
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

/* Its length, then, when the client has acknowledged that, the reply itself. */
static ssize_t send_in_two_steps(struct ssv_stream *stream, const struct exec_reply *reply)
{
	char acknowledgement[EXEC_COMMAND_SIZE];
	ssize_t n = ssv_stream_printf(stream, "%zu", reply->size);

	if (n > 0)
		n = ssv_stream_read(stream, acknowledgement, sizeof(acknowledgement));
	return n > 0 ? ssv_stream_write(stream, reply->text, reply->size) : n;
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
		if (n == 0 && settings->raw)
			n = ssv_stream_write(stream, reply.text, reply.size);
		else if (n == 0)
			n = send_in_two_steps(stream, &reply);
		exec_reply_free(&reply);
		if (n <= 0)
			break;
	}
	return (int)n;
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
