#include "talk.h"
#include "complain.h"
#include "explain.h"
#include "options.h"
#include "output.h"
#include "ways.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	const char *as; /* NULL: what suits standard input */
	int timeout;    /* ms; 0: none */
	bool help;
};

static const struct option_spec specs[] = {
	{"as", "WAY", "lines, exec, chat, raw (terminal: lines; else raw)", option_set_text,
		offsetof(struct settings, as), 0, 0, 0},
	{"timeout", "SECONDS",
		"longest wait to connect, or for exec's datagrams; 0: none (default 15)",
		option_set_seconds, offsetof(struct settings, timeout), 0, OPTION_SECONDS_MAX, 0},
	OPTION_HELP(struct settings, help),
	{.name = NULL},
};
const struct option_spec *const talk_options = specs;

static const char help_head[] =
	"usage: socketserver talk ADDRESS [options]\n"
	"\n"
	"Connects standard input and output to a server, until the server ends. With a\n"
	"datagram server (udp, unixgram) it ends one second after the last reply.\n"
	"\n"
	"Ways of talking:\n"
	"  raw    bytes as they are; each read of the input is a datagram\n"
	"  lines  line by line, edited on a terminal; a line is a datagram\n"
	"  chat   the same in a chat room, which it joins and stays in until /quit\n"
	"  exec   each line is a command for an exec server, and its output is shown\n"
	"On a terminal control characters are made visible, unless with --as raw.\n"
	"\n"
	"Options:\n";

static const char help_examples[] = "\n"
				    "Examples:\n"
				    "  socketserver talk tcp://127.0.0.1:9999\n"
				    "  printf hello | socketserver talk tcp://127.0.0.1:9999\n"
				    "  socketserver talk unix:/tmp/echo.sock <request >reply\n"
				    "  socketserver talk unix:/tmp/exec.sock --as exec\n";

static const struct way *const ways[] = {&lines_way, &exec_way, &chat_way, &raw_way};

static const struct way *find_way(const char *name)
{
	if (name == NULL)
		return isatty(STDIN_FILENO) ? &lines_way : &raw_way;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i]->name, name) == 0)
			return ways[i];
	return NULL;
}

static int talk_to(const char *address, const struct settings *settings)
{
	static struct conversation conversation;
	const char *error;
	int rc;

	conversation.way = find_way(settings->as);
	if (conversation.way == NULL)
		return complain_usage(
			"unknown way: --as %s: take lines, exec, chat or raw", settings->as);
	if (ssv_address_parse(&conversation.at, address, &error) < 0)
		return complain_usage("bad address: %s: %s", address, error);
	conversation.timeout = settings->timeout > 0 ? settings->timeout : SSV_FOREVER;
	rc = ssv_connect(&conversation.stream, address, conversation.timeout);
	if (rc < 0)
		return explain_connect(rc, &conversation.at, conversation.way->handler);
	screen_init(&conversation.screen, settings->as != NULL && conversation.way == &raw_way);
	return conversation_run(&conversation);
}

static int print_help(void)
{
	fputs(help_head, stdout);
	options_print_specs(specs);
	fputs(help_examples, stdout);
	return output_finish();
}

int talk_main(int count, char **arguments)
{
	struct settings settings = {.timeout = 15 * 1000};
	struct options options = {.specs = specs, .settings = &settings};
	int first;

	complain_for("talk");
	first = options_parse(&options, count, arguments, false);
	if (first < 0)
		return -first;
	if (settings.help)
		return print_help();
	if (first == count)
		return complain_usage("no address: talk: give one, such as tcp://127.0.0.1:9999");
	if (count - first > 1)
		return complain_usage("too many addresses: %s: give one", arguments[first + 1]);
	return talk_to(arguments[first], &settings);
}
