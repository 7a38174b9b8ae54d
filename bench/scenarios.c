#include "scenarios.h"
#include <string.h>

const struct scenario scenarios[] = {
	{.name = "echo",
		.help = "a request after the other on each connection",
		.stream = true,
		.size = 64},
	{.name = "churn",
		.help = "a connection for each request: connect, there and back, close",
		.stream = true,
		.reconnect = true,
		.size = 64},
	{.name = "bulk",
		.help = "a connection for each large stream, echoed while it is sent",
		.stream = true,
		.reconnect = true,
		.size = 16 * 1024 * 1024},
	{.name = "idle",
		.help = "each connection gets one reply, and stays: the memory of --pid",
		.stream = true,
		.stay = true,
		.size = 64},
	{.name = "datagram",
		.help = "datagrams, --window of them in flight on each socket",
		.datagram = true,
		.size = 64},
	{.name = NULL},
};

const struct scenario *scenario_find(const char *name)
{
	for (const struct scenario *scenario = scenarios; scenario->name != NULL; scenario++)
		if (strcmp(scenario->name, name) == 0)
			return scenario;
	return NULL;
}
