/** A plug-in as a user writes one: greets, with options of its own. */
#include <errno.h>
#include <socketserver/socketserver.h>
#include <string.h>
#include <unistd.h>

struct hello {
	const char *greeting;
	bool opened, once, stuck;
};

static int set_greeting(void *state, const char *value)
{
	struct hello *hello = state;

	if (*value == '\0')
		return -EINVAL;
	hello->greeting = value;
	return 0;
}

static int set_once(void *state, const char *value)
{
	struct hello *hello = state;

	hello->once = value == NULL;
	return 0;
}

static int set_stuck(void *state, const char *value)
{
	struct hello *hello = state;

	hello->stuck = value == NULL;
	return 0;
}

static const struct ssv_handler_option hello_options[] = {
	{"greeting", "TEXT", "what to say, at least a letter (default hello)", set_greeting},
	{"once", NULL, "greet one client and end the server", set_once},
	{"stuck", NULL, "greet and never end, as a handler with a fault may", set_stuck},
	{.name = NULL},
};

static int hello_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error)
{
	struct hello *hello = state;

	if (hello->greeting == NULL)
		hello->greeting = "hello";
	if (strlen(hello->greeting) > 64)
		return -EINVAL;
	if (strchr(hello->greeting, '\n') != NULL) {
		*error = "the greeting must be one line";
		return -EINVAL;
	}
	hello->opened = count > 0 && servers[0]->user == state;
	return 0;
}

static void hello_close(void *state)
{
	struct hello *hello = state;

	hello->opened = false;
}

static int hello_handle(struct ssv_handler *handler)
{
	const struct hello *hello = handler->server->user;
	ssize_t n;

	if (!hello->opened)
		return -EBADF;
	n = ssv_stream_printf(handler->request->stream, "%s\n", hello->greeting);
	while (hello->stuck)
		pause();
	return hello->once ? SSV_EXIT : (int)n;
}

static int hello_datagram_handle(struct ssv_handler *handler)
{
	return (int)ssv_stream_printf(handler->request->stream, "packet");
}

static const struct ssv_handler_ops hello_handler = {.handle = hello_handle};
static const struct ssv_handler_ops hello_datagram_handler = {.handle = hello_datagram_handle};

SSV_API const struct ssv_handler_descriptor ssv_handler_plugin = {
	.abi = SSV_ABI,
	.name = "hello",
	.help = "greets",
	.transports = "tcp udp",
	.modes = "sync",
	.ops = &hello_handler,
	.datagram_modes = "threading sync",
	.datagram_ops = &hello_datagram_handler,
	.state_size = sizeof(struct hello),
	.options = hello_options,
	.open = hello_open,
	.close = hello_close,
};
