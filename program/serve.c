#include "serve.h"
#include "activation.h"
#include "complain.h"
#include "config.h"
#include "explain.h"
#include "inheritance.h"
#include "listeners.h"
#include "log_output.h"
#include "output.h"
#include "registry.h"
#include "serve_settings.h"
#include "service.h"
#include "stats.h"
#include "stopper.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct serve {
	struct serve_settings settings;
	struct listeners listeners;
	struct log_output log;
	struct stopper stopper;
	struct stats stats;
	struct service service;
	struct config config;
	int argument_count; /* of the command line, the command being the first */
	char **arguments;
};

static int open_handler(struct serve *serve)
{
	const struct ssv_handler_descriptor *handler = serve->listeners.handler;
	const char *error = NULL;
	int rc;

	if (handler->open == NULL)
		return 0;
	rc = handler->open(
		serve->listeners.state, serve->listeners.servers, serve->listeners.count, &error);
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

/* Who started us without a standard output (EBADF) does not want to know; who has had an answer
 * from our predecessor may not listen any more. */
static int announce(struct serve *serve)
{
	char text[SSV_ADDRESS_TEXT_SIZE];
	int rc;

	if (serve->listeners.is_connection)
		return 0; /* standard output may be what the client gets */
	for (size_t i = 0; i < serve->listeners.count; i++)
		printf("listening on %s (%s)\n",
			ssv_address_format(&serve->listeners.servers[i]->server_address, text),
			serve->listeners.list[i].mode);
	if (serve->stats.server != NULL)
		printf("stats on %s\n",
			ssv_address_format(&serve->stats.server->server_address, text));
	rc = output_flush();
	return rc < 0 && rc != -EBADF && !inheritance_exists() ? explain_output(rc) : 0;
}

static int serve_requests(struct serve *serve)
{
	stopper_ready(&serve->stopper);
	if (serve->listeners.count == 1)
		return ssv_server_serve_forever(serve->listeners.servers[0]);
	return ssv_serve_all(serve->listeners.servers, serve->listeners.count);
}

static int open_all(struct serve *serve)
{
	int status = service_before_open(&serve->service);

	if (status == 0)
		status = listeners_open(&serve->listeners);
	config_say_where(serve->settings.stats);
	if (status == 0)
		status = stats_open(&serve->stats, serve->listeners.handler->name, &serve->log.log);
	config_say_where(NULL);
	if (status == 0)
		status = service_after_open(
			&serve->service, serve->listeners.list, serve->listeners.count);
	return status;
}

/* All that can go wrong before the first request; only then are a predecessor's duties ours. */
static int become_ready(struct serve *serve)
{
	int status = open_all(serve);

	if (status == 0)
		status = stats_start(&serve->stats);
	if (status == 0)
		status = service_write_pid(&serve->service);
	if (status == 0)
		status = announce(serve);
	if (status != 0)
		return status;
	if (serve->stats.server != NULL)
		service_add(&serve->service, serve->stats.name, serve->stats.server,
			stats_file(&serve->stats));
	if (log_output_is_formatted(&serve->log))
		complain_to(&serve->log.log);
	service_ready(serve->listeners.list, serve->listeners.count);
	stats_take_over(&serve->stats);
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
		serve->listeners.handler->name, strerror(-rc));
	return EXIT_FAILURE;
}

static int start_stopper(struct serve *serve)
{
	const struct service_settings *service = &serve->settings.service;
	int rc = stopper_start(&serve->stopper, serve->listeners.servers, serve->listeners.count,
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
	if (serve->listeners.handler->close != NULL)
		serve->listeners.handler->close(serve->listeners.state);
	return status;
}

static int find_handler(struct serve *serve, const char *name)
{
	int status = registry_find(name, &serve->listeners.handler);

	if (status != 0)
		return status;
	if (serve->listeners.handler->state_size > 0)
		serve->listeners.state = calloc(1, serve->listeners.handler->state_size);
	if (serve->listeners.state != NULL || serve->listeners.handler->state_size == 0)
		return 0;
	return complain_memory();
}

static int check_handover(const struct serve *serve)
{
	const char *why = serve->listeners.handler->no_handover;

	if (!serve->settings.service.handover)
		return 0;
	if (why != NULL)
		return complain_usage("%s cannot be handed over: --handover: %s",
			serve->listeners.handler->name, why);
	if (serve->settings.requests > 0)
		return complain_usage("--requests with --handover: a successor would count anew: "
				      "leave one out");
	return 0;
}

/* What was passed and is not served is most likely a mistake; but it may be another's to serve. */
static void complain_left(void)
{
	const struct passed_socket *left = activation_left();

	if (left != NULL)
		complain("passed, but not served: fd:%d%s%s: no address takes it", left->number,
			left->name[0] != '\0' ? " " : "", left->name);
}

static int add_addresses(struct serve *serve, int count, char **addresses)
{
	int status = listeners_add(&serve->listeners, count, addresses);

	if (status == 0)
		complain_left();
	return status;
}

static int check_inetd(const struct serve *serve, int count, char **addresses)
{
	int i = 0;

	while (i < count && (!serve->settings.service.inetd || activation_is_address(addresses[i])))
		i++;
	if (i == count)
		return 0;
	config_say_where(addresses[i]);
	return complain_usage("an address with --inetd: %s: standard input is what it serves: "
			      "leave one out",
		addresses[i]);
}

static int prepare_service(struct serve *serve)
{
	struct serve_settings *settings = &serve->settings;
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

static int init_stats(struct serve *serve)
{
	const struct serve_settings *settings = &serve->settings;
	int status;

	config_say_where(settings->stats);
	status = stats_init(&serve->stats, settings->stats, settings->stats_public,
		serve->listeners.list, serve->listeners.count);
	config_say_where(NULL);
	if (status == 0)
		stats_give_file(
			&serve->stats, settings->listener.file_user, settings->listener.file_group);
	return status;
}

/* Of the command line, or else the file's. */
static int serve_addresses(struct serve *serve, int count, char **addresses)
{
	int status;

	if (count == 0) {
		count = serve->config.address_count;
		addresses = serve->config.addresses;
	}
	serve->log.log.level = serve->settings.verbose ? SSV_LOG_DEBUG : SSV_LOG_INFO;
	config_say_where(serve->settings.log.to);
	status = log_output_open(&serve->log, &serve->settings.log);
	config_say_where(NULL);
	if (status == 0)
		status = serve_settings_check(&serve->settings);
	if (status == 0)
		status = check_inetd(serve, count, addresses);
	if (status == 0)
		status = prepare_service(serve);
	if (status == 0)
		status = add_addresses(serve, count, addresses);
	if (status == 0 && serve->settings.stats != NULL)
		status = init_stats(serve);
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
	struct options options = {
		.specs = serve_options,
		.settings = &serve->settings,
		.own = serve->listeners.handler->options,
		.state = serve->listeners.state,
		.only = only_config ? "config" : NULL,
	};

	return options_parse(&options, count, arguments, false);
}

static int apply_config(struct serve *serve)
{
	struct options options = {
		.specs = serve_options,
		.settings = &serve->settings,
		.own = serve->listeners.handler->options,
		.state = serve->listeners.state,
	};

	return config_apply(&serve->config, &options);
}

/* The options in front of the handler: where they end, or minus an exit status. */
static int parse_first_options(struct serve *serve, const char *only)
{
	struct options options = {
		.specs = serve_options,
		.settings = &serve->settings,
		.only = only,
		.handlers = registry_built_in,
	};

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
	if (serve_settings_want_help(&serve->settings))
		return serve_settings_print_help(&serve->settings, serve->listeners.handler);
	return serve_addresses(serve, count - first, arguments + first);
}

/* A wrong one, too: the path of a plug-in has no colon in front of its first slash. */
static bool is_address(const char *text)
{
	return text[strcspn(text, ":/")] == ':';
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
	config_say_where(name);
	status = find_handler(serve, name);
	config_say_where(NULL);
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
	return serve_settings_want_help(&serve->settings) && first == serve->argument_count &&
			       serve->config.handler == NULL
		       ? serve_settings_print_help(&serve->settings, serve->listeners.handler)
		       : find_and_serve(serve, first);
}

/* Before anything is said. As getopt_long() takes it, shortened or not. */
static bool is_inetds(int count, char **arguments)
{
	for (int i = 1; i < count && strcmp(arguments[i], "--") != 0; i++)
		if (strlen(arguments[i]) > strlen("--") &&
			strncmp("--inetd", arguments[i], strlen(arguments[i])) == 0)
			return true;
	return false;
}

int serve_main(int count, char **arguments)
{
	struct serve serve = {
		.listeners = {.settings = &serve.settings, .log = &serve.log.log},
		.argument_count = count,
		.arguments = arguments,
	};
	int status;

	complain_for("serve");
	if (is_inetds(count, arguments))
		activation_spare_client();
	serve_settings_init(&serve.settings);
	status = serve_command(&serve);
	stats_close(&serve.stats);
	complain_to(NULL);
	config_free(&serve.config);
	log_output_close(&serve.log);
	listeners_free(&serve.listeners);
	free(serve.listeners.state);
	return status;
}
