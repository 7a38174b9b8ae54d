#include "listeners.h"
#include "activation.h"
#include "complain.h"
#include "config.h"
#include "explain.h"
#include "inheritance.h"
#include "reach.h"
#include "words.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void apply_settings(struct listeners *listeners, struct ssv_server *server)
{
	const struct serve_settings *settings = listeners->settings;

	server->user = listeners->state;
	server->log = listeners->log;
	server->limits.timeout = settings->timeout > 0 ? settings->timeout : SSV_FOREVER;
	server->limits.deadline = settings->deadline > 0 ? settings->deadline : SSV_FOREVER;
	server->grace = settings->grace;
}

/* Returns 0 or the exit status, as the next functions do. */
static int check_transport(
	const struct listeners *listeners, const struct ssv_address *at, const char *text)
{
	const struct ssv_handler_descriptor *handler = listeners->handler;
	const char *transport = ssv_transport_name(at->transport);

	if (words_have(handler->transports, transport))
		return 0;
	complain("%s does not work over %s: %s: it works over %s%s%s", handler->name, transport,
		text, handler->transports, handler->because != NULL ? ": " : "",
		handler->because != NULL ? handler->because : "");
	return EXIT_USAGE;
}

static int check_mode(const struct listeners *listeners, const struct ssv_address *at)
{
	const struct ssv_handler_descriptor *handler = listeners->handler;
	const char *mode = listeners->settings->listener.mode;
	const char *transport = ssv_transport_name(at->transport);
	const char *modes = listener_modes(at, handler);

	if (mode == NULL || words_have(modes, mode))
		return 0;
	config_say_where(mode);
	if (words_have("sync threading forking", mode))
		complain("%s does not work in --mode %s over %s: it has %s%s%s", handler->name,
			mode, transport, modes, handler->because != NULL ? ": " : "",
			handler->because != NULL ? handler->because : "");
	else
		complain("unknown mode: --mode %s: %s has %s over %s", mode, handler->name, modes,
			transport);
	return EXIT_USAGE;
}

/* Anybody can send to it in another's name, who then gets the reply: it has to be meant. */
static int check_reach(
	const struct listeners *listeners, const struct ssv_address *at, const char *text)
{
	if (at->transport != SSV_UDP || listeners->settings->public)
		return 0;
	return reach_check(at, "", text, "--public");
}

/* The next listener, for an address that fits; instead of one a connection, unless it is NULL. */
static int init_listener(struct listeners *listeners, const struct ssv_address *at,
	const char *text, struct connection *connection)
{
	struct listener *listener = &listeners->list[listeners->count];
	int status = check_transport(listeners, at, text);

	if (status == 0)
		status = check_mode(listeners, at);
	if (status == 0)
		status = check_reach(listeners, at, text);
	if (status != 0)
		return status;
	listener_init(listener, at, listeners->handler, &listeners->settings->listener, connection);
	apply_settings(listeners, listener->server);
	listeners->servers[listeners->count++] = listener->server;
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

static bool names_transport(const char *text)
{
	const size_t length = strcspn(text, ":");

	for (enum ssv_transport i = SSV_TCP; i <= SSV_UNIXGRAM; i++)
		if (strlen(ssv_transport_name(i)) == length &&
			strncmp(text, ssv_transport_name(i), length) == 0)
			return true;
	return false;
}

static int add_own(struct listeners *listeners, const char *text)
{
	char asked[SSV_ADDRESS_TEXT_SIZE];
	struct ssv_address at;
	const char *error;
	int status, fd;

	if (ssv_address_parse(&at, text, &error) < 0)
		return complain_usage("bad address: %s: %s%s", text, error,
			names_transport(text) ? "" : ", or fd: for a socket that was passed");
	status = init_listener(listeners, &at, text, NULL);
	if (status != 0)
		return status;
	fd = inheritance_take(ssv_address_format(&at, asked));
	return fd < 0 ? 0 : adopt(&listeners->list[listeners->count - 1], fd, text);
}

/* Its server has one request, and then ends. */
static int add_connection(
	struct listeners *listeners, const struct ssv_address *at, int fd, const char *text)
{
	if (listeners->is_connection)
		return complain_usage("a second connection: %s: one has to come alone", text);
	if (listeners->settings->service.handover)
		return complain_usage(
			"a connection: %s: it cannot be handed over: leave out --handover", text);
	if (listeners->settings->stats != NULL)
		return complain_usage(
			"a connection: %s: it is over before anybody asks: leave out --stats",
			text);
	listeners->connection.fd = fd;
	listeners->is_connection = true;
	return init_listener(listeners, at, text, &listeners->connection);
}

static int add_socket(
	struct listeners *listeners, const struct passed_socket *passed, const char *text)
{
	struct passed_kind kind;
	int rc = activation_look(passed->fd, &kind), status;

	if (rc < 0) {
		complain("socket not to be served: %s: %s: pass one of TCP, UDP or Unix", text,
			strerror(-rc));
		return EXIT_FAILURE;
	}
	status = kind.is_connection ? add_connection(listeners, &kind.at, passed->fd, text)
				    : init_listener(listeners, &kind.at, text, NULL);
	if (status != 0)
		return status;
	listeners->list[listeners->count - 1].was_passed = true;
	if (kind.is_connection)
		return 0;
	return adopt(&listeners->list[listeners->count - 1], passed->fd, text);
}

/* All of that name. */
static int add_passed(struct listeners *listeners, const char *text)
{
	const struct passed_socket *passed = activation_take(text);
	int status = 0;

	if (passed == NULL) {
		activation_complain(text);
		return EXIT_FAILURE;
	}
	for (; passed != NULL && status == 0; passed = activation_take(text))
		status = add_socket(listeners, passed, text);
	return status;
}

static int add_all_passed(struct listeners *listeners)
{
	char text[ACTIVATION_NAME_SIZE + 16];
	struct passed_socket *sockets;
	size_t count;
	int status = 0;

	sockets = activation_sockets(&count);
	for (size_t i = 0; i < count && status == 0; i++) {
		snprintf(text, sizeof(text), "fd:%d", sockets[i].number);
		sockets[i].taken = true;
		status = add_socket(listeners, &sockets[i], text);
	}
	return status;
}

static int add_listener(struct listeners *listeners, const char *text)
{
	return activation_is_address(text) ? add_passed(listeners, text) : add_own(listeners, text);
}

static int add_listeners(struct listeners *listeners, int count, char **addresses)
{
	int status = 0;

	for (int i = 0; i < count && status == 0; i++) {
		const size_t before = listeners->count;

		config_say_where(addresses[i]);
		status = add_listener(listeners, addresses[i]);
		for (size_t j = before; j < listeners->count; j++)
			listeners->list[j].given = addresses[i];
	}
	config_say_where(NULL);
	return status;
}

static int add_default_listener(struct listeners *listeners)
{
	const char *transports = listeners->handler->transports;
	char text[64];
	int length = (int)strcspn(transports, " ");

	if (strncmp(transports, "unix", 4) == 0)
		return complain_usage("no address: %s: give one, such as %.*s:/tmp/%s.sock",
			listeners->handler->name, length, transports, listeners->handler->name);
	snprintf(text, sizeof(text), "%.*s://" SERVE_DEFAULT_PLACE, length, transports);
	return add_listener(listeners, text);
}

/* As many as there can be. */
static int allocate_listeners(struct listeners *listeners, size_t count)
{
	listeners->list = calloc(count, sizeof(*listeners->list));
	listeners->servers = calloc(count, sizeof(*listeners->servers));
	if (listeners->list != NULL && listeners->servers != NULL)
		return 0;
	return complain_memory();
}

/* Once all are known: it is one that can be counted. */
static int limit_requests(struct listeners *listeners)
{
	const int requests = listeners->is_connection ? 1 : listeners->settings->requests;

	if (listeners->is_connection && listeners->count > 1)
		return complain_usage("a connection among other addresses: it has to come alone");
	if (requests > 0 && listeners->count > 1) {
		config_say_where(listeners->list[1].given);
		return complain_usage("too many addresses: %s: --requests counts those of one",
			listeners->list[1].asked);
	}
	if (requests > 0)
		request_limit_init(&listeners->requests, listeners->servers[0], requests);
	return 0;
}

int listeners_add(struct listeners *listeners, int count, char **addresses)
{
	size_t passed;
	int status;

	(void)activation_sockets(&passed);
	status = allocate_listeners(listeners, (size_t)count + ACTIVATION_MAX);
	if (status == 0 && count == 0)
		status = passed > 0 ? add_all_passed(listeners) : add_default_listener(listeners);
	if (status == 0)
		status = add_listeners(listeners, count, addresses);
	return status != 0 ? status : limit_requests(listeners);
}

/* Of the first of them, which are open. */
static bool is_served(const struct listeners *listeners, size_t count, const struct ssv_address *at)
{
	for (size_t i = 0; i < count; i++)
		if (listener_occupies(listeners->servers[i], at))
			return true;
	return false;
}

/* A name may stand for another address by now: its reach is checked once more. */
static int open_server(const struct listeners *listeners, size_t index)
{
	struct ssv_server *server = listeners->servers[index];
	const struct ssv_address at = server->server_address;
	char text[SSV_ADDRESS_TEXT_SIZE];
	int rc = ssv_server_open(server);

	if (rc == -EADDRINUSE && is_served(listeners, index, &at))
		return explain_served("", &at);
	if (rc < 0)
		return explain_listen(rc, "", &at);
	return check_reach(listeners, &server->server_address,
		ssv_address_format(&server->server_address, text));
}

int listeners_open(struct listeners *listeners)
{
	int status = 0;

	for (size_t i = 0; i < listeners->count && status == 0; i++) {
		config_say_where(listeners->list[i].given);
		status = open_server(listeners, i);
	}
	config_say_where(NULL);
	return status;
}

void listeners_free(struct listeners *listeners)
{
	free(listeners->list);
	free(listeners->servers);
}
