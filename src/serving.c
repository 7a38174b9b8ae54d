#include "serving.h"

#include "accept_error.h"
#include "backoff.h"
#include "child.h"
#include "clock.h"
#include "descriptor.h"
#include "loop.h"
#include "open_servers.h"
#include "request.h"
#include "running.h"
#include "tally.h"

#include <errno.h>
#include <poll.h>

#define MAX_BATCH 16 /* requests between two looks at the watches */

/* --- the listener, and its rests --- */

static int listener_ready(struct ssv_watch *watch)
{
	watch->server->ready = true;
	return 0;
}

int ssv_serving_watch_listener(struct ssv_server *server)
{
	int rc;

	server->listener.fd = ssv_server_fileno(server);
	server->listener.ready = listener_ready;
	rc = ssv_server_watch(server, &server->listener);
	if (rc == 0)
		__atomic_store_n(&server->resting, false, __ATOMIC_SEQ_CST);
	return rc;
}

void ssv_serving_unwatch_listener(struct ssv_server *server)
{
	server->ready = false;
	ssv_server_unwatch(server, &server->listener);
	__atomic_store_n(&server->resting, true, __ATOMIC_SEQ_CST);
}

void ssv_serving_hand_listener(struct ssv_server *server)
{
	ssv_serving_unwatch_listener(server);
	__atomic_store_n(&server->resting, false, __ATOMIC_SEQ_CST);
	ssv_backoff_reset(&server->backoff);
}

static void end_rest(struct ssv_server *server)
{
	server->backoff.until = SSV_NEVER;
	if (ssv_serving_watch_listener(server) == 0)
		return;
	ssv_serving_unwatch_listener(server);
	ssv_backoff_rest(&server->backoff);
}

/* Who waited for the listener by itself has the epoll wait for it from now on. */
static void give_listener_back(struct ssv_server *server)
{
	if (!server->resting && server->listener.server == NULL)
		end_rest(server);
}

void ssv_serving_given_back(struct ssv_server *server)
{
	if (__atomic_load_n(&server->resting, __ATOMIC_SEQ_CST))
		ssv_loop_wake(server);
	if (ssv_backoff_anybody())
		ssv_open_servers_wake();
}

/* Whoever wakes the loop knows why: of a request that waits, of something given back, of a stop. */
static bool is_woken(struct ssv_server *server)
{
	bool woken = server->woken;

	server->woken = false;
	return woken;
}

/* --- taking a request --- */

/* The listener is left alone: it is the kernel's queue that waits meanwhile. */
static void rest(struct ssv_server *server, int error)
{
	ssv_serving_unwatch_listener(server);
	if (ssv_backoff_rest(&server->backoff))
		ssv_server_report(server, SSV_LOG_WARNING, NULL, "no request can be taken for now",
			error == SSV_NO_PROCESS ? -EAGAIN : error);
}

/* Asks once more when it rests: before that, who gave something back did not wake it. */
static void rest_until_given_back(struct ssv_server *server)
{
	bool was_resting = server->resting;

	ssv_serving_unwatch_listener(server);
	server->backoff.until = SSV_NEVER;
	server->ready = !was_resting;
}

/* 0: go on; else the error that ends the loop. */
static int listener_failed(struct ssv_server *server, int error)
{
	enum ssv_accept_error kind = ssv_accept_error(error);

	if (kind == SSV_ACCEPT_NOTHING) {
		server->ready = false;
		if (server->resting)
			end_rest(server);
	} else if (kind == SSV_ACCEPT_FULL) {
		rest_until_given_back(server);
	} else if (kind == SSV_ACCEPT_FATAL) {
		ssv_server_report(
			server, SSV_LOG_ERROR, NULL, "the listener cannot be used", error);
		return error;
	} else if (kind == SSV_ACCEPT_OVERLOAD || ++server->failures > SSV_MAX_TRANSIENT_FAILURES) {
		rest(server, error);
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

static void begin_turn(struct ssv_server *server, const struct ssv_request *request)
{
	pthread_mutex_lock(&server->turn);
	__atomic_store_n(&server->turn_of, request, __ATOMIC_RELAXED);
}

static void end_turn(struct ssv_server *server)
{
	__atomic_store_n(&server->turn_of, NULL, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&server->turn);
}

void ssv_serving_abandon(struct ssv_server *server, struct ssv_request *request)
{
	const bool in_turn = __atomic_load_n(&server->turn_of, __ATOMIC_RELAXED) == request;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (in_turn)
		end_turn(server);
	if (request->stream != NULL) {
		ssv_server_report(server, SSV_LOG_ERROR, request, "a handler has ended its thread",
			-ECANCELED);
		ssv_server_handle_error(server, request, -ECANCELED);
		ssv_request_look_at_descriptor(request);
		ssv_server_shutdown_request(server, request);
	}
	if (in_turn && server->inherited)
		ssv_child_exit(1);
}

/* 1: it is to be shut down; 0: it has been taken over, or done; or an error. */
static int verify_and_process(struct ssv_server *server, struct ssv_request *request)
{
	int rc;

	ssv_request_set_stage(request, "verify_request");
	rc = ssv_server_verify_request(server, request);
	if (rc == 0)
		ssv_count(&server->tally->counters.refused, 1);
	if (rc > 0) {
		ssv_request_set_stage(request, "process_request");
		rc = ssv_server_process_request(server, request);
	}
	if (rc < 0)
		return rc;
	return request->stream != NULL && !request->taken;
}

int ssv_serving_dispatch(struct ssv_server *server, struct ssv_request *request)
{
	int rc;

	begin_turn(server, request);
	rc = verify_and_process(server, request);
	end_turn(server);
	if (rc < 0) {
		request->taken = false; /* a layer may have failed after a mix-in's method */
		return request_failed(server, request, rc);
	}
	if (rc > 0)
		ssv_server_shutdown_request(server, request);
	return 0;
}

int ssv_serving_finish(struct ssv_server *server, struct ssv_request *request)
{
	int rc = ssv_server_finish_request(server, request);

	if (rc < 0)
		return request_failed(server, request, rc);
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
	server->failures = 0;
	ssv_backoff_reset(&server->backoff);
	if (server->resting)
		end_rest(server);
	rc = ssv_serving_dispatch(server, request);
	return rc < 0 ? rc : TAKEN;
}

int ssv_serving_refuse(struct ssv_server *server)
{
	struct ssv_request *request = &server->request;
	int rc = ssv_server_get_request(server, request);

	if (rc < 0)
		return get_request_failed(server, request, rc);
	server->failures = 0;
	ssv_backoff_reset(&server->backoff);
	ssv_count(&server->tally->counters.refused, 1);
	ssv_server_shutdown_request(server, request);
	return 0;
}

/* --- the loop --- */

/* Somebody may have closed it, and another listener have its number. */
static bool is_ours(const struct ssv_server *server)
{
	return server->listener.fd != server->fd || ssv_descriptor_is(server->fd, server->cookie);
}

/*
 * 1: something was there; 0: the time is over, or look again; or an error. The loop of
 * serve_forever() does not watch its listener: whatever arrives there while requests are processed
 * would be told to epoll, one by one, at the cost of a lock and a list. It waits for it here,
 * unless it had to rest from it in this run.
 */
static int wait(struct ssv_server *server, int64_t until)
{
	struct pollfd polled[] = {
		{.fd = server->listener.fd, .events = POLLIN},
		{.fd = server->poll_fd, .events = POLLIN},
	};
	int n;

	if (server->resting || server->listener.server != NULL)
		return ssv_loop_wait(server, until);
	n = poll(polled, 2, ssv_ms_until(until));
	if (n < 0 && errno != EINTR)
		give_listener_back(server); /* what poll has no memory for, or not the numbers */
	if (n <= 0)
		return 0;
	if (polled[0].revents != 0 && !is_ours(server))
		return listener_failed(server, -EBADF);
	server->ready = polled[0].revents != 0;
	return polled[1].revents != 0 ? ssv_loop_wait(server, SSV_NOW) : n;
}

/* Waits, unless a request may be there, and takes it. IDLE: the time is over; or what ends it. */
static int pass(struct ssv_server *server, int64_t until)
{
	int rc = IDLE;

	if (!server->ready)
		rc = wait(server, ssv_earlier(until, server->backoff.until)); /* 1 is BUSY */
	if (is_woken(server) || ssv_ms_until(server->backoff.until) == 0)
		server->ready = true;
	if (rc < 0 || !server->ready || ssv_running_is_stopping(server))
		return rc;
	return take_request(server);
}

/* BaseServer's does nothing, and need not have its turn. */
static bool has_service_actions(const struct ssv_server *server)
{
	const struct ssv_layer *layer = server->mro.next;

	while (layer->ops->service_actions == NULL)
		layer = layer->next;
	return layer->next != NULL;
}

int ssv_serving_service(struct ssv_server *server)
{
	int interval = server->poll_interval > 0 ? server->poll_interval : SSV_FOREVER, rc = 0;

	if (has_service_actions(server)) {
		begin_turn(server, &server->request);
		rc = ssv_server_service_actions(server);
		end_turn(server);
	}
	server->next_service = ssv_until(interval);
	if (rc < 0 && rc != SSV_EXIT)
		ssv_server_report(server, SSV_LOG_ERROR, NULL, "service_actions failed", rc);
	return rc == SSV_EXIT ? rc : 0;
}

/* Whatever is called from in there has ended the thread. */
static void thread_ends(void *context)
{
	struct ssv_stay *stay = context;
	struct ssv_server *server = stay->server;

	ssv_serving_abandon(server, &server->request);
	give_listener_back(server);
	ssv_running_leave(stay, true);
}

int ssv_serving_run(struct ssv_layer *layer, int (*run)(struct ssv_layer *layer), bool ends)
{
	struct ssv_stay stay;
	int rc = ssv_running_enter(layer->server, &stay);

	if (rc < 0)
		return rc;
	if (ends)
		ssv_running_note_process(layer->server);
	pthread_cleanup_push(thread_ends, &stay);
	rc = run(layer);
	pthread_cleanup_pop(0);
	ssv_running_leave(&stay, ends || rc < 0);
	return rc;
}

/*
 * How requests come. To ask accept4() after each, when they come one by one, is in vain, and dear:
 * the kernel makes a socket and a file before it looks. Then each is waited for first, but for one
 * of a batch. To ask for a packet costs less than to wait. While a thread has a request there is
 * asked: a server that is full has to know that it is, to be told of the end.
 */
struct arrivals {
	const bool is_stream;
	unsigned int taken;
	unsigned int in_a_row; /* without a wait */
	bool one_by_one;
};

static void note_pass(struct arrivals *arrivals, const struct ssv_server *server, int rc)
{
	if (rc == TAKEN) {
		arrivals->taken++;
		if (++arrivals->in_a_row > 1)
			arrivals->one_by_one = false;
	} else if (rc == BUSY && !server->ready && arrivals->in_a_row > 0) {
		arrivals->one_by_one = arrivals->is_stream && arrivals->in_a_row == 1;
	}
}

static int pass_and_note(struct ssv_server *server, struct arrivals *arrivals)
{
	int rc;

	if (!server->ready)
		arrivals->in_a_row = 0;
	rc = pass(server, server->next_service);
	note_pass(arrivals, server, rc);
	if (rc == TAKEN && arrivals->taken % MAX_BATCH == 0)
		rc = ssv_loop_wait(server, SSV_NOW); /* the watches have their turn */
	else if (rc == TAKEN && arrivals->one_by_one && !server->request.taken)
		server->ready = false;
	return rc;
}

int ssv_serving_loop(struct ssv_layer *layer)
{
	struct ssv_server *server = layer->server;
	struct arrivals arrivals = {
		.is_stream = ssv_transport_is_stream(server->server_address.transport)};
	int rc = 0;

	ssv_serving_hand_listener(server);
	while (rc >= 0 && !ssv_running_is_stopping(server)) {
		rc = pass_and_note(server, &arrivals);
		if (rc >= 0)
			rc = ssv_serving_service(server);
	}
	give_listener_back(server);
	return rc < 0 ? rc : 0;
}

/* The watches have their turn though a request may be there: who calls is not to keep count. */
static int look(struct ssv_server *server)
{
	return server->ready ? ssv_loop_wait(server, SSV_NOW) : 0;
}

/* TAKEN; IDLE when the time is over; -ECANCELED; or the error that ends it. */
static int handle_one(struct ssv_server *server)
{
	int64_t until = ssv_until(server->timeout);
	int rc = look(server);

	while (rc >= 0) {
		if (ssv_running_is_stopping(server))
			return -ECANCELED;
		rc = pass(server, until);
		if (rc == TAKEN || (rc == IDLE && ssv_ms_until(until) == 0))
			break;
	}
	return rc;
}

static int handle_one_or_timeout(struct ssv_layer *layer)
{
	int rc = handle_one(layer->server);

	if (rc == IDLE)
		return ssv_server_handle_timeout(layer->server);
	return rc == TAKEN ? 1 : rc;
}

int ssv_server_handle_request(struct ssv_server *server)
{
	return ssv_serving_run(&server->mro, handle_one_or_timeout, false);
}

int ssv_server_poll_fd(struct ssv_server *server)
{
	return server->poll_fd;
}

int ssv_server_poll_timeout(struct ssv_server *server)
{
	return ssv_ms_until(ssv_earlier(server->backoff.until, server->next_service));
}

/* All that is there, but no more than a batch: how many requests; or the error that ends it. */
static int take_batch(struct ssv_server *server)
{
	int i, rc = look(server), taken = 0;

	if (rc == 0)
		rc = BUSY;
	for (i = 0; rc > IDLE && i < MAX_BATCH && !ssv_running_is_stopping(server); i++) {
		rc = pass(server, SSV_NOW);
		taken += rc == TAKEN;
	}
	return rc < 0 ? rc : taken;
}

int ssv_serving_step(struct ssv_layer *layer)
{
	struct ssv_server *server = layer->server;
	int taken = take_batch(server), rc;

	if (taken < 0)
		return taken;
	rc = ssv_serving_service(server);
	if (rc < 0)
		return rc;
	return ssv_running_is_stopping(server) ? -ECANCELED : taken;
}

int ssv_server_step(struct ssv_server *server)
{
	return ssv_serving_run(&server->mro, ssv_serving_step, false);
}
