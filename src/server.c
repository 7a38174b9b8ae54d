#include "server.h"

#include "backoff.h"
#include "clock.h"
#include "descriptor.h"
#include "loop.h"
#include "open_servers.h"
#include "report.h"
#include "request.h"
#include "running.h"
#include "serving.h"
#include "stop_signals.h"
#include "tally.h"

#include <errno.h>
#include <socketserver/server_group.h>

static struct ssv_log log_to_stderr = {.write = ssv_log_to_stderr, .level = SSV_LOG_WARNING};

/* --- the methods of the chain --- */

int ssv_server_fileno(struct ssv_server *server)
{
	return ssv_super_fileno(&server->mro);
}

int ssv_server_serve_forever(struct ssv_server *server)
{
	return ssv_super_serve_forever(&server->mro);
}

int ssv_server_service_actions(struct ssv_server *server)
{
	return ssv_super_service_actions(&server->mro);
}

int ssv_server_handle_timeout(struct ssv_server *server)
{
	return ssv_super_handle_timeout(&server->mro);
}

int ssv_server_get_request(struct ssv_server *server, struct ssv_request *request)
{
	return ssv_super_get_request(&server->mro, request);
}

int ssv_server_verify_request(struct ssv_server *server, struct ssv_request *request)
{
	return ssv_super_verify_request(&server->mro, request);
}

int ssv_server_process_request(struct ssv_server *server, struct ssv_request *request)
{
	return ssv_super_process_request(&server->mro, request);
}

int ssv_server_finish_request(struct ssv_server *server, struct ssv_request *request)
{
	return ssv_super_finish_request(&server->mro, request);
}

void ssv_server_shutdown_request(struct ssv_server *server, struct ssv_request *request)
{
	ssv_request_set_stage(request, "shutdown_request");
	ssv_super_shutdown_request(&server->mro, request);
}

void ssv_server_close_request(struct ssv_server *server, struct ssv_request *request)
{
	ssv_super_close_request(&server->mro, request);
}

static bool has_hung_up(int error)
{
	return error == -EPIPE || error == -ECONNRESET;
}

void ssv_server_handle_error(struct ssv_server *server, struct ssv_request *request, int error)
{
	struct ssv_counters *counters = &server->tally->counters;

	ssv_count(&counters->failed, 1);
	if (error == -ETIMEDOUT)
		ssv_count(&counters->timed_out, 1);
	if (has_hung_up(error))
		ssv_count(&counters->hung_up, 1);
	ssv_super_handle_error(&server->mro, request, error);
}

/* --- BaseServer's own --- */

static int base_serve_forever(struct ssv_layer *layer)
{
	int rc = ssv_serving_run(layer, ssv_serving_loop, true);

	return rc == -ECANCELED ? 0 : rc;
}

static int base_unsupported(struct ssv_layer *layer)
{
	(void)layer;
	return -EOPNOTSUPP;
}

static int base_nothing(struct ssv_layer *layer)
{
	(void)layer;
	return 0;
}

static int base_close(struct ssv_layer *layer)
{
	struct ssv_server *server = layer->server;

	ssv_open_servers_close(server);
	if (server->adopted)
		server->shared = false;
	server->adopted = false;
	return 0;
}

static int base_fileno(struct ssv_layer *layer)
{
	return layer->server->fd;
}

static int base_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)layer;
	(void)request;
	return -ENOSYS;
}

static int base_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)layer;
	(void)request;
	return 1;
}

static int base_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	int rc = ssv_server_finish_request(layer->server, request);

	if (rc >= 0)
		ssv_server_shutdown_request(layer->server, request);
	return rc < 0 ? rc : 0;
}

static int base_finish_request(struct ssv_layer *layer, struct ssv_request *request)
{
	return ssv_handler_run(layer->server->handler, layer->server->base_handler, request);
}

static void base_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	ssv_server_close_request(layer->server, request);
}

static void base_close_request(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)layer;
	ssv_request_close(request);
}

static void base_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	bool gone = has_hung_up(error) || error == -ETIMEDOUT;

	ssv_server_report(layer->server, gone ? SSV_LOG_DEBUG : SSV_LOG_ERROR, request,
		request->stage, error);
}

static const struct ssv_layer_ops base_ops = {
	.bind = base_unsupported,
	.activate = base_nothing,
	.close = base_close,
	.fileno = base_fileno,
	.serve_forever = base_serve_forever,
	.service_actions = base_nothing,
	.handle_timeout = base_nothing,
	.get_request = base_get_request,
	.verify_request = base_verify_request,
	.process_request = base_process_request,
	.finish_request = base_finish_request,
	.shutdown_request = base_shutdown_request,
	.close_request = base_close_request,
	.handle_error = base_handle_error,
};

static const struct ssv_handler_ops no_base_handler = {0};

/* --- from init to close --- */

void ssv_server_link(
	struct ssv_server *server, struct ssv_layer *layer, const struct ssv_layer_ops *ops)
{
	*layer = (struct ssv_layer){.ops = ops, .next = server->mro.next, .server = server};
	server->mro.next = layer;
}

void ssv_server_init(struct ssv_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler)
{
	*server = (struct ssv_server){
		.mro = {.server = server},
		.handler = handler,
		.base_handler = &no_base_handler,
		.server_address = *at,
		.log = &log_to_stderr,
		.timeout = SSV_FOREVER,
		.poll_interval = SSV_FOREVER,
		.grace = SSV_FOREVER,
		.abort_timeout = 1000,
		.fd = -1,
		.poll_fd = -1,
		.wake_fd = -1,
		.backoff.until = SSV_NEVER,
		.next_service = SSV_NEVER,
		.close_until = SSV_NEVER,
		.abort_until = SSV_NEVER,
	};
	ssv_limits_init(&server->limits);
	ssv_tally_init(server);
	pthread_mutex_init(&server->turn, NULL);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	ssv_request_init(&server->request, server);
	ssv_server_link(server, &server->layer, &base_ops);
}

int ssv_server_bind(struct ssv_server *server)
{
	int rc = server->active ? -EBUSY : ssv_loop_open(server);

	if (rc >= 0)
		rc = ssv_super_bind(&server->mro);
	if (rc < 0)
		return rc;
	server->cookie = ssv_descriptor_cookie(server->fd);
	ssv_open_servers_add(server);
	return rc;
}

int ssv_server_activate(struct ssv_server *server)
{
	int rc = server->active ? -EBUSY : ssv_super_activate(&server->mro);

	if (rc < 0)
		return rc;
	rc = ssv_serving_watch_listener(server);
	server->active = rc == 0;
	if (server->poll_interval > 0)
		server->next_service = ssv_until(server->poll_interval);
	return rc;
}

int ssv_server_open(struct ssv_server *server)
{
	int rc;

	if (server->active)
		return -EBUSY;
	rc = ssv_server_bind(server);
	if (rc >= 0)
		rc = ssv_server_activate(server);
	if (rc < 0)
		ssv_server_close(server);
	return rc;
}

int ssv_server_close_chain(struct ssv_server *server)
{
	int rc = ssv_super_close(&server->mro);

	if (rc > 0)
		return rc;
	if (rc < 0)
		ssv_server_report(server, SSV_LOG_ERROR, NULL, "close failed", rc);
	ssv_stop_signals_forget(server);
	ssv_loop_close(server);
	ssv_request_free(&server->request);
	ssv_report_rest(server);
	ssv_running_reset(server);
	server->ready = server->woken = server->resting = false;
	server->failures = 0;
	ssv_backoff_reset(&server->backoff);
	server->next_service = SSV_NEVER;
	return 0;
}

int ssv_server_close(struct ssv_server *server)
{
	return ssv_close_all(&server, 1);
}
