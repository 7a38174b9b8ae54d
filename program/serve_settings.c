#include "serve_settings.h"
#include "complain.h"
#include "config.h"
#include "output.h"
#include "registry.h"
#include <limits.h>
#include <stdio.h>

static int set_when_full(const struct option_spec *spec, void *at, const char *value)
{
	struct listener_settings *listener = at;

	listener->given_when_full = value;
	return option_set_choice(spec, &listener->when_full, value);
}

static int set_drain(const struct option_spec *spec, void *at, const char *value)
{
	struct service_settings *service = at;

	service->given_drain = value;
	return option_set_seconds(spec, &service->drain, value);
}

static const struct option_spec specs[] = {
	{"mode", "MODE", "sync, threading, forking (default: its first one)", option_set_text,
		offsetof(struct serve_settings, listener.mode), 0, 0, 0},
	{"max-threads", "N", "threads of a threading server at a time (default 1024)",
		option_set_whole, offsetof(struct serve_settings, listener.max_threads), 1, 65535,
		0},
	{"stack-size", "KIB", "of each thread (default 256)", option_set_whole,
		offsetof(struct serve_settings, listener.stack_size), 64, 1048576, 0},
	{"max-children", "N", "children of a forking server at a time (default 256)",
		option_set_whole, offsetof(struct serve_settings, listener.max_children), 1, 65535,
		0},
	{"backlog", "N", "connections that may wait in the kernel (default: its maximum)",
		option_set_whole, offsetof(struct serve_settings, listener.backlog), 1, 65535, 0},
	{"max-connections", "N", "clients of one ADDRESS at a time (default: any)",
		option_set_whole, offsetof(struct serve_settings, listener.max_connections), 1,
		1000000, 0},
	{"when-full", "wait|refuse", "what the next one has to do then (default wait)",
		set_when_full, offsetof(struct serve_settings, listener), 0, 0, 0},
	{"max-per-address", "N", "of those from one address; refuse more (default: any number)",
		option_set_whole, offsetof(struct serve_settings, listener.max_per_address), 1,
		1000000, 0},
	{"rate", "N", "new ones a second from one address; refuse more (default: any number)",
		option_set_whole, offsetof(struct serve_settings, listener.rate), 1, 1000000, 0},
	{"allow-from", "CIDR", "serve nobody but 10.0.0.0/8, or what else is given; repeatable",
		cidr_list_option, offsetof(struct serve_settings, listener.allow), 0, 0, 0},
	{"deny-from", "CIDR", "refuse these; where both are given, the longer prefix decides",
		cidr_list_option, offsetof(struct serve_settings, listener.deny), 0, 0, 0},
	{"udp-rate", "N", "packets a second from one source; 0: any number (default 20)",
		option_set_whole, offsetof(struct serve_settings, listener.udp_rate), 0, 1000000,
		0},
	{"public", NULL, "serve UDP also where other hosts can reach it", option_set_flag,
		offsetof(struct serve_settings, public), 0, 0, 0},
	{"timeout", "SECONDS", "close silent clients; 0: never (default 300)", option_set_seconds,
		offsetof(struct serve_settings, timeout), 0, OPTION_SECONDS_MAX, 0},
	{"deadline", "SECONDS", "close a client after so long; 0: never (the default)",
		option_set_seconds, offsetof(struct serve_settings, deadline), 0,
		OPTION_SECONDS_MAX, 0},
	{"grace", "SECONDS", "let clients finish when told to stop (default 5)", option_set_seconds,
		offsetof(struct serve_settings, grace), 0, OPTION_SECONDS_MAX, 0},
	{"requests", "N", "end after so many requests; one address alone (default: no end)",
		option_set_whole, offsetof(struct serve_settings, requests), 1, INT_MAX, 0},
	{"stats", "ADDRESS", "tell `socketserver top` there what is going on", option_set_text,
		offsetof(struct serve_settings, stats), 0, 0, 0},
	{"stats-public", NULL, "tell it also where other hosts can reach it", option_set_flag,
		offsetof(struct serve_settings, stats_public), 0, 0, 0},
	{"config", "FILE", "take options from a file, too", option_set_text_once,
		offsetof(struct serve_settings, config), 0, 0, 0},
	{"user", "USER", "become this user when all is bound", option_set_text,
		offsetof(struct serve_settings, service.user), 0, 0, 0},
	{"group", "GROUP", "and this group (default: the user's)", option_set_text,
		offsetof(struct serve_settings, service.group), 0, 0, 0},
	{"pid-file", "PATH", "write the process id to this file", option_set_text,
		offsetof(struct serve_settings, service.pid_file), 0, 0, 0},
	{"handover", NULL, "on SIGHUP, have the program anew take over", option_set_flag,
		offsetof(struct serve_settings, service.handover), 0, 0, 0},
	{"drain", "SECONDS", "let clients finish then; 0: no limit (default)", set_drain,
		offsetof(struct serve_settings, service), 0, OPTION_SECONDS_MAX, 0},
	{"inetd", NULL, "serve the socket that is standard input", option_set_flag,
		offsetof(struct serve_settings, service.inetd), 0, 0, 0},
	{"log", "text|json", "the log as lines for people (the default) or programs",
		option_set_choice, offsetof(struct serve_settings, log.format), 0, 0, 0},
	{"log-to", "PLACE", "stderr (the default), syslog, or syslog:PATH for its socket",
		option_set_text, offsetof(struct serve_settings, log.to), 0, 0, 0},
	{"verbose", NULL, "log more of what happens", option_set_flag,
		offsetof(struct serve_settings, verbose), 0, 0, 'v'},
	OPTION_HELP(struct serve_settings, help),
	{"help-all", NULL, "show all options, and end", option_set_flag,
		offsetof(struct serve_settings, help_all), 0, 0, 0},
	{.name = NULL},
};
const struct option_spec *const serve_options = specs;

static const char usual[] = "mode max-connections timeout grace public stats verbose help help-all";

static const char help_usage[] = "usage: socketserver serve HANDLER [ADDRESS...] [options]\n"
				 "\n";

static const char help_head[] =
	"Serves until SIGINT (Ctrl-C) or SIGTERM; a second one ends it at once.\n"
	"HANDLER is a name that `socketserver handlers` shows, or the path of a plug-in.\n"
	"ADDRESS is tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unixgram:PATH, fd:NAME;\n"
	"port 0: any free one; default: " SERVE_DEFAULT_PLACE " over HANDLER's first transport.\n"
	"\n"
	"Options, before or after the operands (a handler's own: after HANDLER):\n";

static const char help_rest[] = "\n"
				"socketserver serve --help: the options of every handler\n";

static const char help_examples[] =
	"\n"
	"Examples:\n"
	"  socketserver serve echo\n"
	"  socketserver serve upper tcp://:7000 --timeout 10 # every address of the host\n"
	"  socketserver serve ./hello.so --help              # the plug-in's own options\n";

void serve_settings_init(struct serve_settings *settings)
{
	*settings = (struct serve_settings){
		.listener = {.max_threads = 1024,
			.max_children = 256,
			.stack_size = 256,
			.udp_rate = 20,
			.file_user = (uid_t)-1,
			.file_group = (gid_t)-1},
		.timeout = 300 * 1000,
		.grace = 5 * 1000,
	};
}

static int complain_idle(const char *name, const char *value, const char *lacks)
{
	config_say_where(value);
	return complain_usage(
		"no %s: --%s %s does nothing without: add it, or leave it out", lacks, name, value);
}

int serve_settings_check(const struct serve_settings *settings)
{
	const struct listener_settings *listener = &settings->listener;
	const struct service_settings *service = &settings->service;

	if (listener->when_full != 0 && listener->max_connections == 0)
		return complain_idle("when-full", listener->given_when_full, "--max-connections");
	if (service->drain > 0 && !service->handover)
		return complain_idle("drain", service->given_drain, "--handover");
	return 0;
}

bool serve_settings_want_help(const struct serve_settings *settings)
{
	return settings->help || settings->help_all;
}

static void print_handler(const struct ssv_handler_descriptor *handler)
{
	char modes[REGISTRY_MODES_SIZE], text[512];

	snprintf(text, sizeof(text), "%s: %s; over %s; %s", handler->name, handler->help,
		handler->transports, registry_modes(handler, modes));
	options_print_text(text);
	options_print_own(handler->options);
}

static void print_handlers_help(const struct ssv_handler_descriptor *handler)
{
	fputs(help_usage, stdout);
	print_handler(handler);
	fputs(help_rest, stdout);
}

static void print_help(
	const struct serve_settings *settings, const struct ssv_handler_descriptor *handler)
{
	fputs(help_usage, stdout);
	fputs(help_head, stdout);
	if (settings->help_all)
		options_print_specs(specs);
	else
		options_print_these(specs, usual);
	if (handler != NULL) {
		putchar('\n');
		print_handler(handler);
	}
	fputs(help_examples, stdout);
}

int serve_settings_print_help(
	const struct serve_settings *settings, const struct ssv_handler_descriptor *handler)
{
	if (handler != NULL && !settings->help_all)
		print_handlers_help(handler);
	else
		print_help(settings, handler);
	return output_finish();
}
