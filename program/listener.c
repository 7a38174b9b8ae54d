#include "listener.h"
#include <errno.h>
#include <string.h>

static struct ssv_server *init_tcp(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	struct ssv_tcp_server *tcp = &listener->of.tcp;

	ssv_tcp_server_init(tcp, at, handler);
	if (settings->backlog > 0)
		tcp->request_queue_size = settings->backlog;
	return &tcp->base;
}

static struct ssv_server *init_udp(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	(void)settings;
	ssv_udp_server_init(&listener->of.udp, at, handler);
	return &listener->of.udp.base;
}

static struct ssv_server *init_unix(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	struct ssv_unix_stream_server *local = &listener->of.unix_stream;

	ssv_unix_stream_server_init(local, at, handler);
	if (settings->backlog > 0)
		local->request_queue_size = settings->backlog;
	return &local->base;
}

static struct ssv_server *init_unixgram(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	(void)settings;
	ssv_unix_datagram_server_init(&listener->of.unix_datagram, at, handler);
	return &listener->of.unix_datagram.base;
}

struct server_class {
	enum ssv_transport transport;
	const char *mode;
	struct ssv_server *(*init)(struct listener *listener, const struct ssv_address *at,
		const struct ssv_handler_ops *handler, const struct listener_settings *settings);
};

static const struct server_class classes[] = {
	{SSV_TCP, "sync", init_tcp},
	{SSV_UDP, "sync", init_udp},
	{SSV_UNIX, "sync", init_unix},
	{SSV_UNIXGRAM, "sync", init_unixgram},
};

int listener_init(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (classes[i].transport != at->transport ||
			strcmp(classes[i].mode, settings->mode) != 0)
			continue;
		listener->server = classes[i].init(listener, at, handler, settings);
		return 0;
	}
	return -ENOSYS;
}
