#include "clock.h"
#include "rate_table.h"
#include "source.h"

#include <errno.h>
#include <socketserver/admission_mixin.h>
#include <socketserver/container_of.h>

static struct ssv_admission_mixin *admission_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_admission_mixin, layer);
}

/* --- who --- */

/* The longest prefix among the blocks that have the client, or -1. */
static int longest_prefix(
	const struct ssv_cidr *blocks, size_t count, const struct ssv_address *client)
{
	int longest = -1;

	for (size_t i = 0; i < count; i++) {
		if ((int)blocks[i].length > longest && ssv_cidr_contains(&blocks[i], client))
			longest = (int)blocks[i].length;
	}
	return longest;
}

static bool is_allowed(
	const struct ssv_admission_mixin *admission, const struct ssv_address *client)
{
	int allowed, denied;

	if (admission->allow_count + admission->deny_count == 0 ||
		client->socket.any.sa_family == AF_UNIX)
		return true;
	allowed = longest_prefix(admission->allow, admission->allow_count, client);
	denied = longest_prefix(admission->deny, admission->deny_count, client);
	if (allowed < 0 && denied < 0)
		return admission->allow_count == 0;
	return allowed > denied;
}

/* --- how often --- */

static bool is_within_rate(
	const struct ssv_admission_mixin *admission, const struct ssv_source *source)
{
	const int burst = admission->burst > 0 ? admission->burst : admission->rate;
	const struct ssv_rate rate = {admission->rate, burst};

	return ssv_rate_table_take(admission->sources, source, sizeof(*source), &rate, ssv_now());
}

/* --- how many --- */

/* Under the server's lock. Of that source, or, where it is NULL, of all. */
static int count_admitted(const struct ssv_server *server, const struct ssv_source *source)
{
	const struct ssv_request *request;
	int n = 0;

	for (request = server->live; request != NULL; request = request->next) {
		n += request->admitted &&
		     (source == NULL || ssv_source_is_equal(source, &request->source));
	}
	return n;
}

/* Under the server's lock. */
static bool is_full(const struct ssv_admission_mixin *admission)
{
	return admission->max_connections > 0 &&
	       count_admitted(admission->layer.server, NULL) >= admission->max_connections;
}

/* Under the server's lock. NULL, or what is full. */
static const char *what_is_full(
	const struct ssv_admission_mixin *admission, const struct ssv_source *source)
{
	if (is_full(admission))
		return "refused: max_connections are open";
	if (admission->max_per_address > 0 && source != NULL &&
		count_admitted(admission->layer.server, source) >= admission->max_per_address)
		return "refused: max_per_address are open";
	return NULL;
}

/* From now on it counts. NULL, or why not. */
static const char *admit(const struct ssv_admission_mixin *admission, struct ssv_request *request,
	const struct ssv_source *source)
{
	struct ssv_server *server = request->server;
	const char *full;

	if (admission->max_connections == 0 && admission->max_per_address == 0)
		return NULL;
	pthread_mutex_lock(&server->lock);
	full = what_is_full(admission, source);
	if (full == NULL) {
		request->admitted = true;
		request->source = source != NULL ? *source : (struct ssv_source){0};
	}
	pthread_mutex_unlock(&server->lock);
	return full;
}

/* --- the layer --- */

/* NULL where nobody asks, or can tell. */
static const struct ssv_source *source_of(const struct ssv_admission_mixin *admission,
	const struct ssv_request *request, struct ssv_source *memory)
{
	const bool matters = admission->rate > 0 || admission->max_per_address > 0;

	return matters && ssv_source_of(request, memory) ? memory : NULL;
}

static int refuse(struct ssv_request *request, const char *why)
{
	ssv_server_report(request->server, SSV_LOG_DEBUG, request, why, 0);
	return 0;
}

static int admission_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_admission_mixin *admission = admission_of(layer);
	struct ssv_source memory;
	const struct ssv_source *source;
	const char *full;
	int rc;

	if (!is_allowed(admission, &request->client_address))
		return refuse(request, "refused: that address may not connect");
	source = source_of(admission, request, &memory);
	if (admission->rate > 0 && source != NULL && !is_within_rate(admission, source))
		return refuse(request, "refused: too many a second from that address");
	rc = ssv_super_verify_request(layer, request);
	if (rc <= 0)
		return rc;
	full = admit(admission, request, source);
	return full == NULL ? rc : refuse(request, full);
}

static int admission_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	bool full;

	pthread_mutex_lock(&layer->server->lock);
	full = is_full(admission_of(layer));
	pthread_mutex_unlock(&layer->server->lock);
	return full ? -EBUSY : ssv_super_get_request(layer, request);
}

static int admission_close(struct ssv_layer *layer)
{
	struct ssv_admission_mixin *admission = admission_of(layer);
	int rc = ssv_super_close(layer);

	if (rc != 0)
		return rc;
	ssv_rate_table_free(admission->sources);
	admission->sources = NULL;
	return 0;
}

static int admission_bind(struct ssv_layer *layer);

static const struct ssv_layer_ops admission_ops = {
	.bind = admission_bind,
	.close = admission_close,
	.verify_request = admission_verify_request,
};

/* With it no threads wait for requests side by side, who would be more than may come. */
static const struct ssv_layer_ops waiting_admission_ops = {
	.bind = admission_bind,
	.close = admission_close,
	.get_request = admission_get_request,
	.verify_request = admission_verify_request,
};

static int admission_bind(struct ssv_layer *layer)
{
	struct ssv_admission_mixin *admission = admission_of(layer);
	const bool waits = admission->max_connections > 0 && !admission->refuse;

	layer->ops = waits ? &waiting_admission_ops : &admission_ops;
	if (admission->rate > 0 && admission->sources == NULL) {
		admission->sources = ssv_rate_table_new();
		if (admission->sources == NULL)
			return -errno;
	}
	return ssv_super_bind(layer);
}

void ssv_admission_mixin_init(struct ssv_admission_mixin *admission, struct ssv_server *server)
{
	*admission = (struct ssv_admission_mixin){0};
	ssv_server_link(server, &admission->layer, &admission_ops);
}
