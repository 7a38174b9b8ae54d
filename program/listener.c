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

struct server_class {
	enum ssv_transport transport;
	const char *mode;
	struct ssv_server *(*init)(struct listener *listener, const struct ssv_address *at,
		const struct ssv_handler_ops *handler, const struct listener_settings *settings);
};

static const struct server_class classes[] = {
	{SSV_TCP, "sync", init_tcp},
};

int listener_init(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings)
{
	int rc = -EPROTONOSUPPORT;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (classes[i].transport != at->transport)
			continue;
		rc = -ENOSYS;
		if (strcmp(classes[i].mode, settings->mode) != 0)
			continue;
		listener->server = classes[i].init(listener, at, handler, settings);
		return 0;
	}
	return rc;
}
