/** console: a telephone, with whoever calls at one end and the server's terminal at the other. */
#include "console.h"
#include "handlers.h"
#include "keep_alive.h"
#include <socketserver/socketserver.h>
#include <unistd.h>

#define READ_SIZE 1024

struct call {
	struct ssv_handler base;
	uint32_t before; /* the bytes shown last */
	int error;       /* of sending */
};

static struct attendant *attendant_of(const struct call *call)
{
	struct console *console = call->base.server->user;

	return &console->attendant;
}

/* What the caller sends now. Returns its length, 0 when they have hung up, an error, or SSV_EXIT.
 * What is no whole line gets a line of its own on a terminal. */
static ssize_t show_caller(struct call *call)
{
	char text[READ_SIZE];
	ssize_t n = ssv_stream_read(call->base.request->stream, text, sizeof(text));
	int rc;

	if (n <= 0)
		return n;
	rc = attendant_show(attendant_of(call), text, (size_t)n, &call->before);
	if (rc == 0 && text[n - 1] != '\n' && isatty(STDOUT_FILENO))
		rc = attendant_show(attendant_of(call), "\n", 1, &call->before);
	return rc < 0 ? rc : n;
}

static void send_line(void *context, const char *line, size_t length)
{
	struct call *call = context;
	ssize_t n = call->error;

	if (n == 0)
		n = ssv_stream_write(call->base.request->stream, line, length);
	if (n >= 0)
		return;
	call->error = (int)n;
	attendant_notice(attendant_of(call), "a line was not sent", call->error);
}

static int console_handle(struct ssv_handler *handler)
{
	struct call *call = ssv_container_of(handler, struct call, base);
	ssize_t heard = 1;
	int ready, typed = 0;

	keep_alive(handler->request->stream);
	while (heard > 0 && typed == 0 && call->error == 0) {
		ready = ssv_stream_wait(handler->request->stream, STDIN_FILENO, SSV_FOREVER);
		if (ready < 0)
			return ready;
		if (ready & SSV_WAIT_INPUT)
			heard = show_caller(call);
		if (ready & SSV_WAIT_OTHER)
			typed = attendant_read(attendant_of(call), send_line, call);
	}
	if (typed < 0 || heard < 0)
		return typed < 0 ? typed : (int)heard;
	return call->error;
}

static const struct ssv_handler_ops console_handler = {
	.size = sizeof(struct call),
	.handle = console_handle,
	.timeout = SSV_FOREVER, /* a silent call is a call */
	.rbufsize = READ_SIZE,
	.disable_nagle_algorithm = true,
};

static void take_idle_line(void *context, const char *line, size_t length)
{
	console_answer(context, line, length);
}

static int console_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error)
{
	struct console *console = state;

	(void)count;
	(void)error;
	return attendant_open(&console->attendant, servers[0], take_idle_line, console);
}

static void console_close(void *state)
{
	struct console *console = state;

	attendant_close(&console->attendant);
}

const struct ssv_handler_descriptor console_descriptor = {
	.abi = SSV_ABI,
	.name = "console",
	.help = "a telephone call with this terminal",
	.transports = "tcp unix udp unixgram",
	.modes = "sync", /* there is one terminal: one call at a time */
	.ops = &console_handler,
	.datagram_ops = &console_datagram_handler,
	.because = "there is one terminal, and one call at a time",
	.no_handover = "two processes cannot share the terminal",
	.state_size = sizeof(struct console),
	.open = console_open,
	.close = console_close,
};
