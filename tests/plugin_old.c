/** A plug-in of another version, which is to be refused. */
#include <socketserver/socketserver.h>

static const struct ssv_handler_ops old_handler = {.handle = NULL};

SSV_API const struct ssv_handler_descriptor ssv_handler_plugin = {
	.abi = SSV_ABI + 1,
	.name = "old",
	.help = "does nothing",
	.transports = "tcp",
	.modes = "sync",
	.ops = &old_handler,
};
