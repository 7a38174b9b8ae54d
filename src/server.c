#include "server.h"

#include "accept_error.h"
#include "clock.h"
#include "loop.h"
#include "report.h"
#include "running.h"
#include "stop_signals.h"

#include <errno.h>
#include <socketserver/server_group.h>
#include <unistd.h>

#define MAX_BATCH 16              /* requests between two looks at the watches */
#define MAX_TRANSIENT_FAILURES 16 /* in a row, before the listener rests as in an overload */
#define MAX_REST_MS 1000

static struct ssv_log log_to_stderr = {.write = ssv_log_to_stderr, .level = SSV_LOG_WARNING};

/* --- the loop --- */

static int listener_ready(struct ssv_watch *watch)
{
	watch->server->ready = true;
	return 0;
}

/* Leaves the listener alone for 1 ms, 2 ms, … 1 s. It is the kernel's queue that waits meanwhile.
 */
static void rest(struct ssv_server *server)
{
	int milliseconds = server->rests < 10 ? 1 << server->rests : MAX_REST_MS;

	server->rests++;
	server->ready = false;
	ssv_server_unwatch(server, &server->listener);
	server->rest_until = ssv_until(milliseconds);
}

static void wake_up(struct ssv_server *server)
{
	server->ready = ssv_server_watch(server, &server->listener) == 0;
	server->rest_until = server->ready ? SSV_NEVER : ssv_until(MAX_REST_MS);
}

static bool is_overload(const struct ssv_server *server, enum ssv_accept_error kind)
{
	return kind == SSV_ACCEPT_OVERLOAD || server->failures > MAX_TRANSIENT_FAILURES;
}

/* 0: go on; else the error that ends the loop. */
static int listener_failed(struct ssv_server *server, int error)
{
	enum ssv_accept_error kind = ssv_accept_error(error);

	if (kind == SSV_ACCEPT_NOTHING) {
		server->ready = false;
		return 0;
	}
	if (kind == SSV_ACCEPT_FATAL) {
		ssv_server_report(
			server, SSV_LOG_ERROR, NULL, "the listener cannot be used", error);
		return error;
	}
	server->failures++;
	if (is_overload(server, kind)) {
		if (server->rests == 0)
			ssv_server_report(server, SSV_LOG_WARNING, NULL,
				"no request can be taken for now", error);
		rest(server);
	}
	return 0;
}

/* 0, or SSV_EXIT. The request is shut down. */
static int request_failed(struct ssv_server *server, struct ssv_request *request, int error)
{
	if (error != SSV_EXIT)
		ssv_server_handle_error(server, request, error);
	ssv_server_shutdown_request(server, request);
	return error == SSV_EXIT ? error : 0;
}

static int verify_and_process(struct ssv_server *server, struct ssv_request *request)
{
	int rc;

	request->stage = "verify_request";
	rc = ssv_server_verify_request(server, request);
	if (rc > 0) {
		request->stage = "process_request";
		rc = ssv_server_process_request(server, request);
	}
	if (rc < 0)
		return request_failed(server, request, rc);
	if (request->stream != NULL) /* turned away, or neither taken over nor shut down */
		ssv_server_shutdown_request(server, request);
	return 0;
}

/* 0: go on; else the error that ends the loop. */
static int get_request_failed(struct ssv_server *server, struct ssv_request *request, int error)
{
	if (request->stream == NULL && error != SSV_EXIT)
		return listener_failed(server, error);
	if (request->stream != NULL) /* it came, but a layer would not have it */
		ssv_server_close_request(server, request);
	ssv_server_report(server, SSV_LOG_DEBUG, request, "get_request failed", error);
	return error == SSV_EXIT ? error : 0;
}

/* What a pass of the loop did. */
enum { IDLE, BUSY, TAKEN };

static int take_request(struct ssv_server *server)
{
	struct ssv_request *request = &server->request;
	int rc = ssv_server_get_request(server, request);

	if (rc < 0) {
		rc = get_request_failed(server, request, rc);
		return rc < 0 ? rc : BUSY;
	}
	server->failures = server->rests = 0;
	rc = verify_and_process(server, request);
	return rc < 0 ? rc : TAKEN;
}

static int64_t earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* Waits, unless a request may be there, and takes it. IDLE: the time is over; or what ends the
 * loop. */
static int pass(struct ssv_server *server, int64_t until)
{
	int rc = IDLE;

	if (!server->ready)
		rc = ssv_loop_wait(server, earlier(until, server->rest_until)) /* 1 is BUSY */;
	if (ssv_ms_until(server->rest_until) == 0)
		wake_up(server);
	if (rc < 0 || !server->ready || ssv_running_is_stopping(server))
		return rc;
	return take_request(server);
}

static int service(struct ssv_server *server)
{
	int interval = server->poll_interval > 0 ? server->poll_interval : SSV_FOREVER;
	int rc = ssv_server_service_actions(server);

	server->next_service = ssv_until(interval);
	if (rc < 0 && rc != SSV_EXIT)
		ssv_server_report(server, SSV_LOG_ERROR, NULL, "service_actions failed", rc);
	return rc == SSV_EXIT ? rc : 0;
}

static int serve(struct ssv_server *server)
{
	unsigned int taken = 0;
	int rc = 0;

	while (rc >= 0 && !ssv_running_is_stopping(server)) {
		rc = pass(server, server->next_service);
		if (rc == TAKEN && ++taken % MAX_BATCH == 0)
			rc = ssv_loop_wait(server, SSV_NOW); /* the watches have their turn */
		if (rc >= 0)
			rc = service(server);
	}
	return rc < 0 ? rc : 0;
}

static int base_serve_forever(struct ssv_layer *layer)
{
	struct ssv_server *server = layer->server;
	struct ssv_stay stay;
	int rc;

	rc = ssv_running_enter(server, &stay);
	if (rc < 0)
		return rc == -ECANCELED ? 0 : rc;
	rc = serve(server);
	ssv_running_leave(&stay, true);
	return rc;
}

/* TAKEN; IDLE when the time is over; -ECANCELED; or the error that ends it. */
static int handle_one(struct ssv_server *server)
{
	int64_t until = ssv_until(server->timeout);
	int rc;

	do {
		if (ssv_running_is_stopping(server))
			return -ECANCELED;
		rc = pass(server, until);
	} while (rc == BUSY || (rc == IDLE && ssv_ms_until(until) != 0));
	return rc;
}

int ssv_server_handle_request(struct ssv_server *server)
{
	struct ssv_stay stay;
	int rc;

	rc = ssv_running_enter(server, &stay);
	if (rc < 0)
		return rc;
	rc = handle_one(server);
	if (rc == IDLE)
		rc = ssv_server_handle_timeout(server);
	ssv_running_leave(&stay, rc < 0);
	return rc == TAKEN ? 1 : rc;
}

int ssv_server_poll_fd(struct ssv_server *server)
{
	return server->poll_fd;
}

int ssv_server_poll_timeout(struct ssv_server *server)
{
	return ssv_ms_until(earlier(server->rest_until, server->next_service));
}

/* All that is there, but no more than a batch: how many requests; or the error that ends it. */
static int take_batch(struct ssv_server *server)
{
	int i, rc = BUSY, taken = 0;

	for (i = 0; rc > IDLE && i < MAX_BATCH && !ssv_running_is_stopping(server); i++) {
		rc = pass(server, SSV_NOW);
		taken += rc == TAKEN;
	}
	return rc < 0 ? rc : taken;
}

int ssv_server_step_inside(struct ssv_server *server)
{
	int taken = take_batch(server), rc;

	if (taken < 0)
		return taken;
	rc = service(server);
	if (rc < 0)
		return rc;
	return ssv_running_is_stopping(server) ? -ECANCELED : taken;
}

int ssv_server_step(struct ssv_server *server)
{
	struct ssv_stay stay;
	int rc;

	rc = ssv_running_enter(server, &stay);
	if (rc < 0)
		return rc;
	rc = ssv_server_step_inside(server);
	ssv_running_leave(&stay, rc < 0);
	return rc;
}

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
	ssv_super_shutdown_request(&server->mro, request);
}

void ssv_server_close_request(struct ssv_server *server, struct ssv_request *request)
{
	ssv_super_close_request(&server->mro, request);
}

void ssv_server_handle_error(struct ssv_server *server, struct ssv_request *request, int error)
{
	ssv_super_handle_error(&server->mro, request, error);
}

/* --- BaseServer's own --- */

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

	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
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
	bool gone = error == -EPIPE || error == -ECONNRESET || error == -ETIMEDOUT;

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
		.rest_until = SSV_NEVER,
		.next_service = SSV_NEVER,
	};
	ssv_limits_init(&server->limits);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	ssv_request_init(&server->request, server);
	ssv_server_link(server, &server->layer, &base_ops);
}

int ssv_server_bind(struct ssv_server *server)
{
	int rc = server->active ? -EBUSY : ssv_loop_open(server);

	return rc < 0 ? rc : ssv_super_bind(&server->mro);
}

int ssv_server_activate(struct ssv_server *server)
{
	int rc = server->active ? -EBUSY : ssv_super_activate(&server->mro);

	if (rc < 0)
		return rc;
	server->listener =
		(struct ssv_watch){.fd = ssv_server_fileno(server), .ready = listener_ready};
	rc = ssv_server_watch(server, &server->listener);
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

	if (rc != 0)
		return rc;
	ssv_stop_signals_forget(server);
	ssv_loop_close(server);
	ssv_request_free(&server->request);
	ssv_report_rest(server);
	ssv_running_reset(server);
	server->ready = false;
	server->failures = server->rests = 0;
	server->rest_until = server->next_service = SSV_NEVER;
	return 0;
}

int ssv_server_close(struct ssv_server *server)
{
	return ssv_close_all(&server, 1);
}
