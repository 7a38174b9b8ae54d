/** welcome: one line, and that was it. Anybody can try it with netcat or telnet. */
#include "handlers.h"
#include <errno.h>
#include <socketserver/socketserver.h>
#include <string.h>

#define MAX_TEXT 1022 /* with its CRLF one read of a client */

struct welcome {
	const char *text; /* NULL: the default */
};

static int welcome_handle(struct ssv_handler *handler)
{
	const struct welcome *welcome = handler->server->user;
	const char *text = welcome->text != NULL ? welcome->text : "welcome to socketserver!";

	return (int)ssv_stream_printf(handler->request->stream, "%s\r\n", text);
}

static int set_text(void *state, const char *value)
{
	struct welcome *welcome = state;

	if (strpbrk(value, "\r\n") != NULL || strlen(value) > MAX_TEXT)
		return -EINVAL;
	welcome->text = value;
	return 0;
}

static const struct ssv_handler_option options[] = {
	{"text", "LINE", "one line, at most 1022 bytes (default: welcome to socketserver!)",
		set_text},
	{.name = NULL},
};

static const struct ssv_handler_ops welcome_handler = {.handle = welcome_handle};

const struct ssv_handler_descriptor welcome_descriptor = {
	.abi = SSV_ABI,
	.name = "welcome",
	.help = "sends a line and hangs up",
	.transports = "tcp unix",
	.modes = "sync threading forking",
	.ops = &welcome_handler,
	.because = "it speaks before anybody has asked",
	.state_size = sizeof(struct welcome),
	.options = options,
};
