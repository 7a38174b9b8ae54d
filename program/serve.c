#include "serve.h"
#include "activation.h"
#include "complain.h"
#include "config.h"
#include "connection.h"
#include "explain.h"
#include "inheritance.h"
#include "listener.h"
#include "log_output.h"
#include "options.h"
#include "output.h"
#include "registry.h"
#include "request_limit.h"
#include "service.h"
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
	struct service_settings service;
	const char *config; /* or NULL */
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
	struct connection connection;  /* instead of a listener, … */
	bool is_connection;            /* … if it is one */
	struct service service;
	struct config config;
	int argument_count; /* of the command line, the command being the first */
	char **arguments;
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
	{"config", "FILE", "take options from a file, too", option_set_text,
		offsetof(struct settings, config), 0, 0, 0},
	{"user", "USER", "become this user when all is bound", option_set_text,
		offsetof(struct settings, service.user), 0, 0, 0},
	{"group", "GROUP", "and this group (default: the user's)", option_set_text,
		offsetof(struct settings, service.group), 0, 0, 0},
	{"pid-file", "PATH", "write the process id to this file", option_set_text,
		offsetof(struct settings, service.pid_file), 0, 0, 0},
	{"handover", NULL, "on SIGHUP, have the program anew take over", option_set_flag,
		offsetof(struct settings, service.handover), 0, 0, 0},
	{"drain", "SECONDS", "let clients finish then; 0: no limit (default)", option_set_seconds,
		offsetof(struct settings, service.drain), 0, OPTION_SECONDS_MAX, 0},
	{"inetd", NULL, "serve the socket that is standard input", option_set_flag,
		offsetof(struct settings, service.inetd), 0, 0, 0},
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
	"ADDRESS is tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unixgram:PATH, fd:NAME;\n"
	"port 0: any free one; default: " DEFAULT_PLACE " over HANDLER's first transport.\n"
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

/* The next listener, for an address that fits. */
static int init_listener(struct serve *serve, const struct ssv_address *at, const char *text)
{
	struct listener *listener = &serve->listeners[serve->count];
	int status = check_fit(serve, at, text);

	if (status == 0)
		status = check_reach(serve, at, text);
	if (status != 0)
		return status;
	listener_init(listener, at, serve->handler, &serve->settings.listener);
	apply_settings(serve, listener->server);
	if (serve->settings.requests > 0)
		request_limit_init(&serve->requests, listener->server, serve->settings.requests);
	serve->servers[serve->count++] = listener->server;
	return 0;
}

static int adopt(struct listener *listener, int fd, const char *text)
{
	int rc = listener_adopt(listener, fd);

	if (rc == 0)
		return 0;
	complain("socket not to be served: %s: %s: pass one that is bound", text, strerror(-rc));
	return EXIT_FAILURE;
}

static int add_own(struct serve *serve, const char *text)
{
	char asked[SSV_ADDRESS_TEXT_SIZE];
	struct ssv_address at;
	const char *error;
	int status, fd;

	if (ssv_address_parse(&at, text, &error) < 0)
		return complain_usage("bad address: %s: %s", text, error);
	status = init_listener(serve, &at, text);
	if (status != 0)
		return status;
	fd = inheritance_take(ssv_address_format(&at, asked));
	if (fd < 0)
		return 0;
	serve->listeners[serve->count - 1].was_inherited = true;
	return adopt(&serve->listeners[serve->count - 1], fd, text);
}

/* Its server has one request, and then ends. */
static int add_connection(struct serve *serve, const struct passed_socket *passed, const char *text)
{
	struct ssv_server *server = serve->servers[serve->count - 1];

	if (serve->settings.service.handover)
		return complain_usage(
			"a connection: %s: it cannot be handed over: leave out --handover", text);
	connection_init(&serve->connection, server, passed->fd);
	request_limit_init(&serve->requests, server, 1);
	serve->is_connection = true;
	return 0;
}

static int add_socket(struct serve *serve, const struct passed_socket *passed, const char *text)
{
	struct passed_kind kind;
	int rc = activation_look(passed->fd, &kind), status;

	if (rc < 0) {
		complain("socket not to be served: %s: %s: pass one of TCP, UDP or Unix", text,
			strerror(-rc));
		return EXIT_FAILURE;
	}
	status = init_listener(serve, &kind.at, text);
	if (status != 0)
		return status;
	serve->listeners[serve->count - 1].was_passed = true;
	if (kind.is_connection)
		return add_connection(serve, passed, text);
	return adopt(&serve->listeners[serve->count - 1], passed->fd, text);
}

/* All of that name. */
static int add_passed(struct serve *serve, const char *text)
{
	const struct passed_socket *passed = activation_take(text);
	int status = 0;

	if (passed == NULL) {
		complain("no such socket: %s: none was passed under this name or number, or it is "
			 "served already",
			text);
		return EXIT_FAILURE;
	}
	for (; passed != NULL && status == 0; passed = activation_take(text))
		status = add_socket(serve, passed, text);
	return status;
}

static int add_all_passed(struct serve *serve)
{
	char text[ACTIVATION_NAME_SIZE + 16];
	const struct passed_socket *sockets;
	size_t count;
	int status = 0;

	sockets = activation_sockets(&count);
	for (size_t i = 0; i < count && status == 0; i++) {
		snprintf(text, sizeof(text), "fd:%d", sockets[i].number);
		status = add_passed(serve, text);
	}
	return status;
}

static int add_listener(struct serve *serve, const char *text)
{
	return activation_is_address(text) ? add_passed(serve, text) : add_own(serve, text);
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

/* As many as there can be. */
static int allocate_listeners(struct serve *serve, size_t count)
{
	serve->listeners = calloc(count, sizeof(*serve->listeners));
	serve->servers = calloc(count, sizeof(*serve->servers));
	if (serve->listeners != NULL && serve->servers != NULL)
		return 0;
	return complain_memory();
}

static int add_listeners(struct serve *serve, int count, char **addresses)
{
	size_t passed;
	int status;

	(void)activation_sockets(&passed);
	status = allocate_listeners(serve, (size_t)count + ACTIVATION_MAX);
	if (status == 0 && count == 0)
		status = passed > 0 ? add_all_passed(serve) : add_default_listener(serve);
	for (int i = 0; i < count && status == 0; i++)
		status = add_listener(serve, addresses[i]);
	if (status == 0 && serve->is_connection && serve->count > 1)
		return complain_usage("a connection among other addresses: it has to come alone");
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

/* As the user that it will serve as. */
static int open_handler_as_user(struct serve *serve)
{
	const struct privileges *privileges = &serve->service.privileges;
	int status = privileges_lend(privileges), back;

	if (status == 0)
		status = open_handler(serve);
	back = privileges_take_back(privileges);
	return status != 0 ? status : back;
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

/* Who started us without a standard output (EBADF) does not want to know; who has had an answer
 * from our predecessor may not listen any more. */
static int announce(struct serve *serve)
{
	char text[SSV_ADDRESS_TEXT_SIZE];
	int rc, status;

	if (serve->is_connection)
		return 0; /* standard output may be what the client gets */
	for (size_t i = 0; i < serve->count; i++)
		printf("listening on %s (%s)\n",
			ssv_address_format(&serve->servers[i]->server_address, text),
			serve->listeners[i].mode);
	status = stats_open(&serve->stats, serve->handler->name, &serve->log.log);
	if (status != 0)
		return status;
	rc = output_flush();
	return rc < 0 && rc != -EBADF && !inheritance_exists() ? explain_output(rc) : 0;
}

static int serve_requests(struct serve *serve)
{
	stopper_ready(&serve->stopper);
	if (serve->count == 1)
		return ssv_server_serve_forever(serve->servers[0]);
	return ssv_serve_all(serve->servers, serve->count);
}

/* All that can go wrong before the first request. */
static int become_ready(struct serve *serve)
{
	int status = service_before_open(&serve->service);

	if (status == 0)
		status = open_servers(serve);
	if (status == 0)
		status = service_after_open(&serve->service, serve->listeners, serve->count);
	if (status == 0)
		status = announce(serve);
	if (status == 0)
		status = stats_start(&serve->stats);
	if (status != 0)
		return status;
	if (serve->stats.server != NULL)
		service_add(&serve->service, serve->stats.name, serve->stats.server,
			stats_file(&serve->stats));
	service_ready();
	return 0;
}

static int open_and_serve(struct serve *serve)
{
	int rc = 0, status = become_ready(serve);
	bool stopped;

	if (status == 0)
		rc = serve_requests(serve);
	stopped = stopper_finish(&serve->stopper);
	if (rc == 0 || rc == SSV_EXIT || stopped)
		return status;
	complain("serving failed: %s: %s: start it again; --verbose may say why",
		serve->handler->name, strerror(-rc));
	return EXIT_FAILURE;
}

static int start_stopper(struct serve *serve)
{
	const struct service_settings *service = &serve->settings.service;
	int rc = stopper_start(&serve->stopper, serve->servers, serve->count,
		service->handover ? &serve->service.handover : NULL,
		service->drain > 0 ? service->drain : SSV_FOREVER);

	if (rc == 0)
		return 0;
	complain(
		"no thread for signals: %s: close some programs, or raise the limit with ulimit -u",
		strerror(-rc));
	return EXIT_FAILURE;
}

static int run(struct serve *serve)
{
	int status = start_stopper(serve);

	if (status != 0)
		return status;
	status = open_handler_as_user(serve);
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

static int check_handover(const struct serve *serve)
{
	const char *why = serve->handler->no_handover;

	if (!serve->settings.service.handover)
		return 0;
	if (why != NULL)
		return complain_usage(
			"%s cannot be handed over: --handover: %s", serve->handler->name, why);
	if (serve->settings.requests > 0)
		return complain_usage("--requests with --handover: a successor would count anew: "
				      "leave one out");
	return 0;
}

/* Of the command line, or else the file's. */
static int add_addresses(struct serve *serve, int count, char **addresses)
{
	if (count == 0) {
		count = serve->config.address_count;
		addresses = serve->config.addresses;
	}
	if (serve->settings.requests > 0 && count > 1)
		return complain_usage(
			"too many addresses: %s: --requests counts those of one", addresses[1]);
	return add_listeners(serve, count, addresses);
}

static int prepare_service(struct serve *serve)
{
	struct settings *settings = &serve->settings;
	int status = check_handover(serve);

	if (status == 0)
		status = service_open(settings->service.inetd);
	if (status == 0)
		status = service_prepare(&serve->service, &settings->service, serve->argument_count,
			serve->arguments);
	if (status != 0)
		return status;
	settings->listener.may_be_handed_over = settings->service.handover;
	if (serve->service.privileges.change) {
		settings->listener.file_user = serve->service.privileges.uid;
		settings->listener.file_group = serve->service.privileges.gid;
	}
	return 0;
}

static int serve_addresses(struct serve *serve, int count, char **addresses)
{
	int status;

	serve->log.log.level = serve->settings.verbose ? SSV_LOG_DEBUG : SSV_LOG_INFO;
	status = log_output_open(&serve->log, &serve->settings.log);
	if (status == 0)
		status = prepare_service(serve);
	if (status == 0)
		status = add_addresses(serve, count, addresses);
	if (status == 0 && serve->settings.stats != NULL)
		status = stats_init(&serve->stats, serve->settings.stats,
			serve->settings.stats_public, serve->listeners, serve->count);
	if (status == 0)
		status = run(serve);
	service_close(&serve->service);
	return status;
}

/* --- the command line, and a file --- */

/* What is set first is what the file says, so that the command line wins. */
static int parse_handlers_options(
	struct serve *serve, int count, char **arguments, bool only_config)
{
	struct options options = {specs, &serve->settings, serve->handler->options, serve->state,
		only_config ? "config" : NULL};

	return options_parse(&options, count, arguments, false);
}

static int apply_config(struct serve *serve)
{
	struct options options = {
		specs, &serve->settings, serve->handler->options, serve->state, NULL};

	return config_apply(&serve->config, &options);
}

/* The options in front of the handler: where they end, or minus an exit status. */
static int parse_first_options(struct serve *serve, const char *only)
{
	struct options options = {specs, &serve->settings, NULL, NULL, only};

	return options_parse(&options, serve->argument_count, serve->arguments, true);
}

static int read_config(struct serve *serve)
{
	if (serve->settings.config == NULL || serve->config.path != NULL)
		return 0;
	return config_read(&serve->config, serve->settings.config);
}

/* The handler is known; what is behind it are the arguments, the first not looked at. */
static int serve_handler(struct serve *serve, int count, char **arguments)
{
	int first = parse_handlers_options(serve, count, arguments, true), status;

	if (first < 0)
		return -first;
	status = read_config(serve);
	if (status == 0)
		status = apply_config(serve);
	if (status != 0)
		return status;
	first = parse_first_options(serve, NULL);
	if (first >= 0)
		first = parse_handlers_options(serve, count, arguments, false);
	if (first < 0)
		return -first;
	if (wants_help(serve))
		return print_help(serve);
	return serve_addresses(serve, count - first, arguments + first);
}

static bool is_address(const char *text)
{
	struct ssv_address at;

	return activation_is_address(text) || ssv_address_parse(&at, text, NULL) == 0;
}

/* Where the file names a handler, the first operand may be an address already. */
static int find_and_serve(struct serve *serve, int first)
{
	int count = serve->argument_count, status;
	char **arguments = serve->arguments;
	const char *name = serve->config.handler;

	if (first < count && (name == NULL || !is_address(arguments[first])))
		name = arguments[first];
	else
		first--; /* which is an option, or the command */
	if (name == NULL)
		return complain_usage("no handler: serve: `socketserver handlers` lists them");
	status = find_handler(serve, name);
	return status != 0 ? status : serve_handler(serve, count - first, arguments + first);
}

static int serve_command(struct serve *serve)
{
	int first = parse_first_options(serve, "config"), status;

	if (first < 0)
		return -first;
	status = read_config(serve);
	if (status != 0)
		return status;
	if (first == serve->argument_count && serve->config.handler == NULL)
		first = parse_first_options(serve, NULL); /* nothing but --help may be right */
	if (first < 0)
		return -first;
	return wants_help(serve) && first == serve->argument_count && serve->config.handler == NULL
		       ? print_help(serve)
		       : find_and_serve(serve, first);
}

int serve_main(int count, char **arguments)
{
	struct serve serve = {
		.settings = {.listener = {.max_threads = 1024,
				     .max_children = 256,
				     .stack_size = 256,
				     .udp_rate = 20,
				     .file_user = (uid_t)-1,
				     .file_group = (gid_t)-1},
			.timeout = 300 * 1000,
			.grace = 5 * 1000},
		.argument_count = count,
		.arguments = arguments,
	};
	int status;

	status = serve_command(&serve);
	stats_close(&serve.stats);
	config_free(&serve.config);
	log_output_close(&serve.log);
	free(serve.listeners);
	free(serve.servers);
	free(serve.state);
	return status;
}
