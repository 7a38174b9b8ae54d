#include "conversation.h"
#include "../handlers/monotonic.h"
#include "complain.h"
#include "explain.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_REPLY_WAIT 1000 /* ms */

bool conversation_is_stream(const struct conversation *conversation)
{
	return ssv_transport_is_stream(conversation->at.transport);
}

/* --- the end --- */

void conversation_end(struct conversation *conversation, int status)
{
	terminal_close(conversation->lines.terminal);
	conversation->lines.terminal = NULL;
	if (conversation->way->take_line != NULL && conversation->screen.is_terminal)
		screen_end_line(&conversation->screen);
	else
		screen_flush(&conversation->screen);
	conversation->status = status;
	conversation->ended = true;
}

void conversation_fail(struct conversation *conversation, int error)
{
	conversation_end(conversation, EXIT_FAILURE);
	explain_connect(error, &conversation->at, conversation->way->handler);
}

/* Its reader has had enough: end as other filters do, without a word. */
static int end_by_sigpipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	return 128 + SIGPIPE;
}

static void fail_output(struct conversation *conversation, int error)
{
	conversation_end(conversation, EXIT_FAILURE);
	conversation->status = error == -EPIPE ? end_by_sigpipe() : explain_output(error);
}

static void fail_input(struct conversation *conversation, int error)
{
	conversation_end(conversation, EXIT_FAILURE);
	complain("cannot read: standard input: %s: give a file, a pipe or a terminal",
		strerror(-error));
}

void conversation_refuse_line(struct conversation *conversation)
{
	if (conversation->lines.terminal != NULL)
		conversation_end_line(conversation);
	else
		conversation_end(conversation, EXIT_FAILURE);
}

static void refuse_long_line(struct conversation *conversation)
{
	conversation_refuse_line(conversation);
	complain("line too long: standard input: at most %d bytes, or --as raw", LINES_MAX);
}

/* A server that has read enough and said so may well break off what we still send: EPIPE. */
static void end_of_stream(struct conversation *conversation)
{
	int error = conversation->send_error;

	if (error < 0 && error != -EPIPE)
		conversation_fail(conversation, error);
	else if (conversation->way->stream_ended != NULL)
		conversation->way->stream_ended(conversation);
	else
		conversation_end(conversation, EXIT_SUCCESS);
}

/* --- what is shown --- */

static bool wants_input(const struct conversation *conversation)
{
	return !conversation->ended && !conversation->input_ended && !conversation->sending &&
	       !conversation->busy;
}

void conversation_show(struct conversation *conversation, char *data, size_t size)
{
	int rc = 0;

	terminal_hide(conversation->lines.terminal);
	conversation->unsettled = true;
	if (terminal_follows(conversation->lines.terminal))
		rc = screen_resume_line(&conversation->screen);
	if (rc == 0)
		rc = screen_show(&conversation->screen, data, size);
	if (rc < 0)
		fail_output(conversation, rc);
}

void conversation_end_line(struct conversation *conversation)
{
	int rc;

	terminal_hide(conversation->lines.terminal);
	rc = screen_end_line(&conversation->screen);
	if (rc < 0)
		fail_output(conversation, rc);
}

static void break_line(struct conversation *conversation)
{
	int rc = screen_break_line(&conversation->screen);

	if (rc < 0)
		fail_output(conversation, rc);
}

static void end_text(struct conversation *conversation)
{
	if (conversation->way->is_one_text && conversation_is_stream(conversation))
		break_line(conversation);
	else
		conversation_end_line(conversation);
}

/* On a terminal, what was shown without a newline gets one before the prompt comes. */
static void show_prompt(struct conversation *conversation)
{
	if (conversation->unsettled && conversation->screen.is_terminal)
		end_text(conversation);
	conversation->unsettled = false;
	terminal_show(conversation->lines.terminal);
}

static bool is_settled(struct conversation *conversation)
{
	return !conversation->unsettled || ssv_stream_wait(&conversation->stream, -1, 0) == 0;
}

/* The prompt is there while lines are taken, unless more of a reply is. */
static void settle(struct conversation *conversation)
{
	if (conversation->busy || conversation->input_ended)
		terminal_hide(conversation->lines.terminal);
	else if (is_settled(conversation))
		show_prompt(conversation);
}

static void receive(struct conversation *conversation)
{
	char *data = conversation->reply;
	ssize_t n = ssv_stream_read(&conversation->stream, data, CONVERSATION_REPLY_SIZE);

	if (n < 0)
		conversation_fail(conversation, (int)n);
	else if (n == 0 && conversation_is_stream(conversation))
		end_of_stream(conversation);
	else
		conversation->way->take_reply(conversation, data, (size_t)n);
	if (conversation->end_at != CONVERSATION_NEVER && !conversation->last)
		conversation->end_at = monotonic_ms() + LAST_REPLY_WAIT;
}

/* --- what is sent --- */

void conversation_end_input(struct conversation *conversation)
{
	conversation->input_ended = true;
	conversation->sending = false;
	if (!conversation_is_stream(conversation) || conversation->last)
		conversation->end_at = monotonic_ms() + LAST_REPLY_WAIT;
	if (conversation_is_stream(conversation))
		ssv_stream_shutdown(&conversation->stream);
}

void conversation_send(
	struct conversation *conversation, const char *data, size_t size, bool newline)
{
	memcpy(conversation->piece, data, size);
	if (newline)
		conversation->piece[size++] = '\n';
	conversation->start = 0;
	conversation->end = size;
	conversation->sending = true;
}

void conversation_send_last(
	struct conversation *conversation, const char *data, size_t size, bool newline)
{
	conversation_send(conversation, data, size, newline);
	conversation->last = true;
}

/* After an error, what the server has said before it is still to be read. */
static void stop_sending(struct conversation *conversation, int error)
{
	if (!conversation_is_stream(conversation)) {
		conversation_fail(conversation, error);
		return;
	}
	conversation->send_error = error;
	conversation_end_input(conversation);
}

/* An empty piece is a datagram, too. */
static void send_piece(struct conversation *conversation)
{
	ssize_t n = ssv_stream_try_write(&conversation->stream,
		conversation->piece + conversation->start, conversation->end - conversation->start);

	if (n == -EAGAIN)
		return;
	if (n < 0) {
		stop_sending(conversation, (int)n);
		return;
	}
	conversation->start += (size_t)n;
	conversation->sending = conversation->start < conversation->end;
	if (!conversation->sending && conversation->last)
		conversation_end_input(conversation);
}

/* --- what is read --- */

static void end_of_input(struct conversation *conversation)
{
	terminal_hide(conversation->lines.terminal);
	if (conversation->way->input_ended != NULL)
		conversation->way->input_ended(conversation);
	else
		conversation_end_input(conversation);
}

static void take_bytes(struct conversation *conversation)
{
	ssize_t n = read(STDIN_FILENO, conversation->piece, LINES_MAX);

	conversation->start = 0;
	conversation->end = n > 0 ? (size_t)n : 0;
	conversation->sending = n > 0;
	if (n == 0)
		end_of_input(conversation);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail_input(conversation, -errno);
}

/* What was read already; lines that are not to be sent do not end it. */
static void take_lines(struct conversation *conversation)
{
	size_t size;
	char *line;

	while (wants_input(conversation)) {
		line = lines_next(&conversation->lines, &size);
		if (line != NULL)
			conversation->way->take_line(conversation, line, size);
		else if (conversation->lines.ended)
			end_of_input(conversation);
		else
			return;
	}
}

static void take_input(struct conversation *conversation)
{
	int rc;

	if (conversation->way->take_line == NULL) {
		take_bytes(conversation);
		return;
	}
	show_prompt(conversation); /* a key that is typed shows behind it */
	rc = lines_read(&conversation->lines);
	if (rc == -EMSGSIZE)
		refuse_long_line(conversation);
	else if (rc < 0)
		fail_input(conversation, rc);
}

/* --- the loop --- */

static int time_left(const struct conversation *conversation)
{
	int64_t end = conversation->end_at, left;

	if (conversation->alarm_at < end)
		end = conversation->alarm_at;
	if (end == CONVERSATION_NEVER)
		return SSV_FOREVER;
	left = end - monotonic_ms();
	return left > 0 ? (int)left : 0;
}

static void keep_time(struct conversation *conversation)
{
	int64_t now = monotonic_ms();

	if (now >= conversation->alarm_at)
		conversation->way->ring(conversation);
	if (now >= conversation->end_at && !conversation->ended)
		conversation_end(conversation, EXIT_SUCCESS);
}

/* Waits until the server takes more, or says something. */
static void wait_to_send(struct conversation *conversation)
{
	struct pollfd server = {.fd = conversation->stream.fd, .events = POLLIN | POLLOUT};

	if (poll(&server, 1, time_left(conversation)) < 0 && errno != EINTR)
		conversation_fail(conversation, -errno);
}

/* While a piece is not sent, no more input is taken; but replies are, or both sides could wait for
 * the other to read. */
static void wait_and_move(struct conversation *conversation)
{
	bool sending = conversation->sending;
	int ready = ssv_stream_wait(&conversation->stream,
		wants_input(conversation) ? terminal_descriptor(conversation->lines.terminal) : -1,
		sending ? 0 : time_left(conversation));

	if (ready < 0)
		conversation_fail(conversation, ready);
	else if (ready == 0 && sending)
		wait_to_send(conversation);
	if (ready > 0 && (ready & SSV_WAIT_INPUT))
		receive(conversation);
	if (!conversation->ended && ready > 0 && (ready & SSV_WAIT_OTHER))
		take_input(conversation);
	if (!conversation->ended && conversation->sending)
		send_piece(conversation);
}

static void step(struct conversation *conversation)
{
	if (conversation->way->take_line != NULL) {
		take_lines(conversation);
		settle(conversation);
	}
	if (!conversation->ended)
		wait_and_move(conversation);
	if (!conversation->ended)
		keep_time(conversation);
}

int conversation_run(struct conversation *conversation)
{
	conversation->alarm_at = conversation->end_at = CONVERSATION_NEVER;
	if (conversation->way->take_line != NULL)
		conversation->lines.terminal = terminal_open();
	if (conversation->way->start != NULL)
		conversation->way->start(conversation);
	while (!conversation->ended)
		step(conversation);
	ssv_stream_close(&conversation->stream);
	return conversation->status;
}
