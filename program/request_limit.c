#include "request_limit.h"
#include <errno.h>
#include <socketserver/container_of.h>

static struct request_limit *limit_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct request_limit, layer);
}

/* Full: the listener rests until something has ended. */
static int limit_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct request_limit *limit = limit_of(layer);
	int rc;

	if (limit->left == 0)
		return -EBUSY;
	rc = ssv_super_get_request(layer, request);
	if (rc == 0)
		limit->left--;
	return rc;
}

/* Called after each request, and each end of one. */
static int limit_service_actions(struct ssv_layer *layer)
{
	struct ssv_counters counters;

	if (limit_of(layer)->left == 0) {
		ssv_server_counters(layer->server, &counters);
		if (counters.active == 0)
			ssv_server_request_stop(layer->server);
	}
	return ssv_super_service_actions(layer);
}

static const struct ssv_layer_ops limit_ops = {
	.get_request = limit_get_request,
	.service_actions = limit_service_actions,
};

void request_limit_init(struct request_limit *limit, struct ssv_server *server, int requests)
{
	limit->left = requests;
	ssv_server_link(server, &limit->layer, &limit_ops);
}
