#include "serve.h"
#include "complain.h"
#include "explain.h"
#include "listener.h"
#include "log_output.h"
#include "options.h"
#include "output.h"
#include "registry.h"
#include "request_limit.h"
#include "stats.h"
#include "stopper.h"
#include "words.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PLACE "127.0.0.1:9999"

struct settings {
	struct listener_settings listener;
	int timeout, deadline, grace; /* ms; 0: none */
	int requests;                 /* 0: no end to them */
	bool public, verbose, help, help_all;
	const char *stats; /* an address, or NULL */
	bool stats_public;
	struct log_settings log;
};

struct serve {
	struct settings settings;
	const struct ssv_handler_descriptor *handler;
	void *state; /* the handler's */
	struct listener *listeners;
	struct ssv_server **servers;
	size_t count;
	struct log_output log;
	struct stopper stopper;
	struct stats stats;
	struct request_limit requests; /* of the one server, if there is one */
};

static const struct option_spec specs[] = {
	{"mode", "MODE", "sync, threading, forking (default: its first one)", option_set_text,
		offsetof(struct settings, listener.mode), 0, 0, 0},
	{"max-threads", "N", "threads of a threading server at a time (default 1024)",
		option_set_whole, offsetof(struct settings, listener.max_threads), 1, 65535, 0},
	{"stack-size", "KIB", "of each thread (default 256)", option_set_whole,
		offsetof(struct settings, listener.stack_size), 64, 1048576, 0},
	{"max-children", "N", "children of a forking server at a time (default 256)",
		option_set_whole, offsetof(struct settings, listener.max_children), 1, 65535, 0},
	{"backlog", "N", "connections that may wait in the kernel (default: its maximum)",
		option_set_whole, offsetof(struct settings, listener.backlog), 1, 65535, 0},
	{"max-connections", "N", "clients of one ADDRESS at a time (default: any)",
		option_set_whole, offsetof(struct settings, listener.max_connections), 1, 1000000,
		0},
	{"when-full", "wait|refuse", "what the next one has to do then (default wait)",
		option_set_choice, offsetof(struct settings, listener.when_full), 0, 0, 0},
	{"max-per-address", "N", "of those from one address; refuse more (default: any number)",
		option_set_whole, offsetof(struct settings, listener.max_per_address), 1, 1000000,
		0},
	{"rate", "N", "new ones a second from one address; refuse more (default: any number)",
		option_set_whole, offsetof(struct settings, listener.rate), 1, 1000000, 0},
	{"allow-from", "CIDR", "serve nobody but 10.0.0.0/8, or what else is given; repeatable",
		cidr_list_option, offsetof(struct settings, listener.allow), 0, 0, 0},
	{"deny-from", "CIDR", "refuse these; where both are given, the longer prefix decides",
		cidr_list_option, offsetof(struct settings, listener.deny), 0, 0, 0},
	{"udp-rate", "N", "packets a second from one source; 0: any number (default 20)",
		option_set_whole, offsetof(struct settings, listener.udp_rate), 0, 1000000, 0},
	{"public", NULL, "serve UDP also where other hosts can reach it", option_set_flag,
		offsetof(struct settings, public), 0, 0, 0},
	{"timeout", "SECONDS", "close silent clients; 0: never (default 300)", option_set_seconds,
		offsetof(struct settings, timeout), 0, OPTION_SECONDS_MAX, 0},
	{"deadline", "SECONDS", "close a client after so long; 0: never (the default)",
		option_set_seconds, offsetof(struct settings, deadline), 0, OPTION_SECONDS_MAX, 0},
	{"grace", "SECONDS", "let clients finish when told to stop (default 5)", option_set_seconds,
		offsetof(struct settings, grace), 0, OPTION_SECONDS_MAX, 0},
	{"requests", "N", "end after so many requests; one address alone (default: no end)",
		option_set_whole, offsetof(struct settings, requests), 1, INT_MAX, 0},
	{"stats", "ADDRESS", "tell `socketserver top` there what is going on", option_set_text,
		offsetof(struct settings, stats), 0, 0, 0},
	{"stats-public", NULL, "tell it also where other hosts can reach it", option_set_flag,
		offsetof(struct settings, stats_public), 0, 0, 0},
	{"log", "text|json", "the log as lines for people (the default) or programs",
		option_set_choice, offsetof(struct settings, log.format), 0, 0, 0},
	{"log-to", "PLACE", "stderr (the default), syslog, or syslog:PATH for its socket",
		option_set_text, offsetof(struct settings, log.to), 0, 0, 0},
	{"verbose", NULL, "log more of what happens", option_set_flag,
		offsetof(struct settings, verbose), 0, 0, 'v'},
	OPTION_HELP(struct settings, help),
	{"help-all", NULL, "show all options, and end", option_set_flag,
		offsetof(struct settings, help_all), 0, 0, 0},
	{.name = NULL},
};
const struct option_spec *const serve_options = specs;

static const char usual[] = "mode max-connections timeout grace public stats verbose help help-all";

static const char help_head[] =
	"usage: socketserver serve HANDLER [ADDRESS...] [options]\n"
	"\n"
	"Serves until SIGINT (Ctrl-C) or SIGTERM; a second one ends it at once.\n"
	"HANDLER is a name that `socketserver handlers` shows, or the path of a plug-in.\n"
	"ADDRESS is tcp://HOST:PORT, udp://HOST:PORT, unix:PATH or unixgram:PATH; port 0\n"
	"is any free one; default: " DEFAULT_PLACE " over the handler's first transport.\n"
	"\n"
	"Options, before or after the operands (a handler's own: after HANDLER):\n";

static const char help_examples[] =
	"\n"
	"Examples:\n"
	"  socketserver serve echo\n"
	"  socketserver serve upper tcp://:7000 --timeout 10 # every address of the host\n"
	"  socketserver serve ./hello.so --help              # and the plug-in's options\n";

static int print_help(const struct serve *serve)
{
	const struct ssv_handler_descriptor *handler = serve->handler;
	char modes[REGISTRY_MODES_SIZE];

	fputs(help_head, stdout);
	if (serve->settings.help_all)
		options_print_specs(specs);
	else
		options_print_these(specs, usual);
	if (handler != NULL) {
		printf("\n%s: %s; over %s; %s\n", handler->name, handler->help, handler->transports,
			registry_modes(handler, modes));
		options_print_own(handler->options);
	}
	fputs(help_examples, stdout);
	return output_finish();
}

static bool wants_help(const struct serve *serve)
{
	return serve->settings.help || serve->settings.help_all;
}

static void apply_settings(struct serve *serve, struct ssv_server *server)
{
	const struct settings *settings = &serve->settings;

	server->user = serve->state;
	server->log = &serve->log.log;
	server->limits.timeout = settings->timeout > 0 ? settings->timeout : SSV_FOREVER;
	server->limits.deadline = settings->deadline > 0 ? settings->deadline : SSV_FOREVER;
	server->grace = settings->grace;
}

/* Returns 0 or the exit status, as the next functions do. */
static int check_fit(const struct serve *serve, const struct ssv_address *at, const char *text)
{
	const struct ssv_handler_descriptor *handler = serve->handler;
	const char *mode = serve->settings.listener.mode;

	const char *transport = ssv_transport_name(at->transport);
	const char *modes = listener_modes(at, handler);
	const char *colon = handler->because != NULL ? ": " : "";
	const char *because = handler->because != NULL ? handler->because : "";

	if (!words_have(handler->transports, transport))
		complain("%s does not work over %s: %s: it works over %s%s%s", handler->name,
			transport, text, handler->transports, colon, because);
	else if (mode != NULL && !words_have("sync threading forking", mode))
		complain("unknown mode: %s: %s has %s over %s", mode, handler->name, modes,
			transport);
	else if (mode != NULL && !words_have(modes, mode))
		complain("%s does not work in mode %s over %s: it has %s%s%s", handler->name, mode,
			transport, modes, colon, because);
	else
		return 0;
	return EXIT_USAGE;
}

/* Anybody can send to it in another's name, who then gets the reply: it has to be meant. */
static int check_reach(const struct serve *serve, const struct ssv_address *at, const char *text)
{
	int rc;

	if (at->transport != SSV_UDP || serve->settings.public)
		return 0;
	rc = ssv_address_is_loopback(at);
	if (rc < 0)
		return explain_listen(rc, at);
	if (rc > 0)
		return 0;
	complain("other hosts can reach it: %s: take 127.0.0.1 or [::1] for UDP, or add --public",
		text);
	return EXIT_USAGE;
}

static int add_listener(struct serve *serve, const char *text)
{
	struct listener *listener = &serve->listeners[serve->count];
	struct ssv_address at;
	const char *error;
	int status;

	if (ssv_address_parse(&at, text, &error) < 0)
		return complain_usage("bad address: %s: %s", text, error);
	status = check_fit(serve, &at, text);
	if (status == 0)
		status = check_reach(serve, &at, text);
	if (status != 0)
		return status;
	listener_init(listener, &at, serve->handler, &serve->settings.listener);
	apply_settings(serve, listener->server);
	if (serve->settings.requests > 0)
		request_limit_init(&serve->requests, listener->server, serve->settings.requests);
	serve->servers[serve->count++] = listener->server;
	return 0;
}

static int add_default_listener(struct serve *serve)
{
	const char *transports = serve->handler->transports;
	char text[64];
	int length = (int)strcspn(transports, " ");

	if (strncmp(transports, "unix", 4) == 0)
		return complain_usage("no address: %s: give one, such as %.*s:/tmp/%s.sock",
			serve->handler->name, length, transports, serve->handler->name);
	snprintf(text, sizeof(text), "%.*s://" DEFAULT_PLACE, length, transports);
	return add_listener(serve, text);
}

static int add_listeners(struct serve *serve, int count, char **addresses)
{
	size_t n = count > 0 ? (size_t)count : 1;
	int status = 0;

	serve->listeners = calloc(n, sizeof(*serve->listeners));
	serve->servers = calloc(n, sizeof(*serve->servers));
	if (serve->listeners == NULL || serve->servers == NULL) {
		complain_memory();
		return EXIT_FAILURE; /* what the analyzer does not see behind the call */
	}
	if (count == 0)
		return add_default_listener(serve);
	for (int i = 0; i < count && status == 0; i++)
		status = add_listener(serve, addresses[i]);
	return status;
}

static int open_handler(struct serve *serve)
{
	const struct ssv_handler_descriptor *handler = serve->handler;
	const char *error = NULL;
	int rc;

	if (handler->open == NULL)
		return 0;
	rc = handler->open(serve->state, serve->servers, serve->count, &error);
	if (rc < 0)
		complain("handler did not open: %s: %s", handler->name,
			error != NULL ? error : strerror(-rc));
	if (rc == 0)
		return 0;
	return error != NULL ? EXIT_USAGE : EXIT_FAILURE; /* with words: it is not to be used so */
}

/* A name may stand for another address by now: its reach is checked once more. */
static int open_server(const struct serve *serve, struct ssv_server *server)
{
	const struct ssv_address at = server->server_address;
	char text[SSV_ADDRESS_TEXT_SIZE];
	int rc = ssv_server_open(server);

	if (rc < 0)
		return explain_listen(rc, &at);
	return check_reach(
		serve, &server->server_address, ssv_address_format(&server->server_address, text));
}

static int open_servers(struct serve *serve)
{
	int status = 0;

	for (size_t i = 0; i < serve->count && status == 0; i++)
		status = open_server(serve, serve->servers[i]);
	return status;
}

/* Who started us without a standard output (EBADF) does not want to know. */
static int announce(struct serve *serve)
{
	char text[SSV_ADDRESS_TEXT_SIZE];
	int rc, status;

	for (size_t i = 0; i < serve->count; i++)
		printf("listening on %s (%s)\n",
			ssv_address_format(&serve->servers[i]->server_address, text),
			serve->listeners[i].mode);
	status = stats_open(&serve->stats, serve->handler->name, &serve->log.log);
	if (status != 0)
		return status;
	rc = output_flush();
	return rc < 0 && rc != -EBADF ? explain_output(rc) : 0;
}

static int serve_requests(struct serve *serve)
{
	stopper_ready(&serve->stopper);
	if (serve->count == 1)
		return ssv_server_serve_forever(serve->servers[0]);
	return ssv_serve_all(serve->servers, serve->count);
}

static int open_and_serve(struct serve *serve)
{
	int rc = 0, status = open_servers(serve);
	bool stopped;

	if (status == 0)
		status = announce(serve);
	if (status == 0)
		status = stats_start(&serve->stats);
	if (status == 0)
		rc = serve_requests(serve);
	stopped = stopper_finish(&serve->stopper);
	if (rc == 0 || rc == SSV_EXIT || stopped)
		return status;
	complain("serving failed: %s: %s: start it again; --verbose may say why",
		serve->handler->name, strerror(-rc));
	return EXIT_FAILURE;
}

static int run(struct serve *serve)
{
	int rc, status;

	rc = stopper_start(&serve->stopper, serve->servers, serve->count);
	if (rc < 0) {
		complain("no thread for signals: %s: close some programs, or raise the limit with "
			 "ulimit -u",
			strerror(-rc));
		return EXIT_FAILURE;
	}
	status = open_handler(serve);
	if (status != 0) {
		stopper_finish(&serve->stopper);
		return status;
	}
	status = open_and_serve(serve);
	if (serve->handler->close != NULL)
		serve->handler->close(serve->state);
	return status;
}

static int find_handler(struct serve *serve, const char *name)
{
	int status = registry_find(name, &serve->handler);

	if (status != 0)
		return status;
	if (serve->handler->state_size > 0)
		serve->state = calloc(1, serve->handler->state_size);
	if (serve->state != NULL || serve->handler->state_size == 0)
		return 0;
	return complain_memory();
}

/* The handler is known, and is the first of the arguments. */
static int serve_handler(struct serve *serve, int count, char **arguments)
{
	struct options options = {specs, &serve->settings, serve->handler->options, serve->state};
	int first, status;

	first = options_parse(&options, count, arguments, false);
	if (first < 0)
		return -first;
	if (wants_help(serve))
		return print_help(serve);
	if (serve->settings.requests > 0 && count - first > 1)
		return complain_usage("too many addresses: %s: --requests counts those of one",
			arguments[first + 1]);
	serve->log.log.level = serve->settings.verbose ? SSV_LOG_DEBUG : SSV_LOG_INFO;
	status = log_output_open(&serve->log, &serve->settings.log);
	if (status == 0)
		status = add_listeners(serve, count - first, arguments + first);
	if (status == 0 && serve->settings.stats != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): serve_main() frees it */
		status = stats_init(&serve->stats, serve->settings.stats,
			serve->settings.stats_public, serve->listeners, serve->count);
	return status != 0 ? status : run(serve);
}

static int serve_command(struct serve *serve, int count, char **arguments)
{
	struct options options = {specs, &serve->settings, NULL, NULL};
	int first, status;

	first = options_parse(&options, count, arguments, true);
	if (first < 0)
		return -first;
	if (first == count && wants_help(serve))
		return print_help(serve);
	if (first == count)
		return complain_usage("no handler: serve: `socketserver handlers` lists them");
	status = find_handler(serve, arguments[first]);
	if (status != 0)
		return status;
	return serve_handler(serve, count - first, arguments + first);
}

int serve_main(int count, char **arguments)
{
	struct serve serve = {
		.settings = {.listener = {.max_threads = 1024,
				     .max_children = 256,
				     .stack_size = 256,
				     .udp_rate = 20},
			.timeout = 300 * 1000,
			.grace = 5 * 1000},
	};
	int status;

	status = serve_command(&serve, count, arguments);
	stats_close(&serve.stats);
	log_output_close(&serve.log);
	free(serve.listeners);
	free(serve.servers);
	free(serve.state);
	return status;
}
