#include "listener.h"
#include "connection.h"
#include "stopper.h"
#include "words.h"
#include <string.h>
#include <sys/stat.h>

static struct ssv_server *init_tcp(struct ssv_tcp_server *tcp, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	ssv_tcp_server_init(tcp, at, handler);
	if (settings->backlog > 0)
		tcp->request_queue_size = settings->backlog;
	return &tcp->base;
}

static struct ssv_server *init_unix(struct ssv_unix_stream_server *local,
	const struct ssv_address *at, const struct ssv_handler_ops *handler,
	const struct listener_settings *settings)
{
	ssv_unix_stream_server_init(local, at, handler);
	if (settings->backlog > 0)
		local->request_queue_size = settings->backlog;
	return &local->base;
}

static struct ssv_server *init_udp(struct ssv_udp_server *udp, struct ssv_datagram_guard *guard,
	const struct ssv_address *at, const struct ssv_handler_ops *handler,
	const struct listener_settings *settings)
{
	ssv_udp_server_init(udp, at, handler);
	ssv_datagram_guard_init(guard, &udp->base);
	guard->rate = settings->udp_rate;
	return &udp->base;
}

static struct ssv_server *init_class(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	switch (at->transport) {
	case SSV_UDP:
		return init_udp(&listener->of.udp, &listener->guard, at, handler, settings);
	case SSV_UNIX:
		return init_unix(&listener->of.unix_stream, at, handler, settings);
	case SSV_UNIXGRAM:
		ssv_unix_datagram_server_init(&listener->of.unix_datagram, at, handler);
		return &listener->of.unix_datagram.base;
	case SSV_TCP:
	default:
		return init_tcp(&listener->of.tcp, at, handler, settings);
	}
}

static void init_threading(struct ssv_threading_mixin *threading, struct ssv_server *server,
	const struct listener_settings *settings)
{
	ssv_threading_mixin_init(threading, server);
	threading->max_threads = settings->max_threads;
	threading->stack_size = (size_t)settings->stack_size * 1024;
}

static void init_forking(struct ssv_forking_mixin *forking, struct ssv_server *server,
	const struct listener_settings *settings)
{
	ssv_forking_mixin_init(forking, server);
	forking->max_children = settings->max_children;
	forking->child_start = stopper_in_child;
}

/* Else each request would pass a layer that has nothing to say. */
static bool is_anything_limited(const struct listener_settings *settings)
{
	return settings->max_connections > 0 || settings->max_per_address > 0 ||
	       settings->rate > 0 || settings->allow.count > 0 || settings->deny.count > 0;
}

static void init_admission(struct ssv_admission_mixin *admission, struct ssv_server *server,
	const struct listener_settings *settings)
{
	ssv_admission_mixin_init(admission, server);
	admission->max_connections = settings->max_connections;
	admission->refuse = settings->when_full != 0;
	admission->max_per_address = settings->max_per_address;
	admission->rate = settings->rate;
	admission->allow = settings->allow.blocks;
	admission->allow_count = settings->allow.count;
	admission->deny = settings->deny.blocks;
	admission->deny_count = settings->deny.count;
}

static enum ssv_transport transport_of(const struct listener *listener)
{
	return listener->server->server_address.transport;
}

struct ssv_unix_socket *listener_file(struct listener *listener)
{
	switch (transport_of(listener)) {
	case SSV_UNIX:
		return &listener->of.unix_stream.file;
	case SSV_UNIXGRAM:
		return &listener->of.unix_datagram.file;
	case SSV_TCP:
	case SSV_UDP:
	default:
		return NULL;
	}
}

int listener_adopt(struct listener *listener, int fd)
{
	switch (transport_of(listener)) {
	case SSV_UDP:
		return ssv_udp_server_adopt(&listener->of.udp, fd);
	case SSV_UNIX:
		return ssv_unix_stream_server_adopt(&listener->of.unix_stream, fd);
	case SSV_UNIXGRAM:
		return ssv_unix_datagram_server_adopt(&listener->of.unix_datagram, fd);
	case SSV_TCP:
	default:
		return ssv_tcp_server_adopt(&listener->of.tcp, fd);
	}
}

static bool is_same_file(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool is_any(const struct ssv_address *at)
{
	return at->socket.any.sa_family == AF_INET6
		       ? IN6_IS_ADDR_UNSPECIFIED(&at->socket.in6.sin6_addr)
		       : at->socket.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* A name stands for some address of this host, or the port would not be in use. */
bool listener_occupies(const struct ssv_server *server, const struct ssv_address *at)
{
	const struct ssv_address *own = &server->server_address;
	char text[SSV_ADDRESS_TEXT_SIZE], own_text[SSV_ADDRESS_TEXT_SIZE];

	if (at->transport != own->transport)
		return false;
	if (strcmp(ssv_address_format(at, text), ssv_address_format(own, own_text)) == 0)
		return true;
	if (at->transport == SSV_UNIX || at->transport == SSV_UNIXGRAM)
		return is_same_file(at->socket.un.sun_path, own->socket.un.sun_path);
	return ssv_address_port(at) == ssv_address_port(own) &&
	       (at->name[0] != '\0' || is_any(at) || is_any(own));
}

static void init_socket(struct listener *listener, const struct listener_settings *settings)
{
	struct ssv_unix_socket *file = listener_file(listener);

	listener->server->shared = settings->may_be_handed_over;
	if (file == NULL)
		return;
	file->uid = settings->file_user;
	file->gid = settings->file_group;
}

const char *listener_modes(
	const struct ssv_address *at, const struct ssv_handler_descriptor *handler)
{
	bool datagram = !ssv_transport_is_stream(at->transport);

	return datagram && handler->datagram_modes != NULL ? handler->datagram_modes
							   : handler->modes;
}

static const struct ssv_handler_ops *ops_of(
	const struct ssv_address *at, const struct ssv_handler_descriptor *handler)
{
	bool datagram = !ssv_transport_is_stream(at->transport);

	return datagram && handler->datagram_ops != NULL ? handler->datagram_ops : handler->ops;
}

/* As a constant, which the first of `modes` is not: a text that goes on. */
static const char *first_of(const char *modes)
{
	if (words_begin_with(modes, "threading"))
		return "threading";
	return words_begin_with(modes, "forking") ? "forking" : "sync";
}

void listener_init(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_descriptor *handler, const struct listener_settings *settings,
	struct connection *connection)
{
	listener->mode =
		settings->mode != NULL ? settings->mode : first_of(listener_modes(at, handler));
	listener->server = init_class(listener, at, ops_of(at, handler), settings);
	if (connection != NULL)
		connection_link(connection, listener->server);
	if (strcmp(listener->mode, "threading") == 0)
		init_threading(&listener->mixin.threading, listener->server, settings);
	else if (strcmp(listener->mode, "forking") == 0)
		init_forking(&listener->mixin.forking, listener->server, settings);
	if (is_anything_limited(settings))
		init_admission(&listener->admission, listener->server, settings);
	init_socket(listener, settings);
	ssv_address_format(at, listener->asked);
}
