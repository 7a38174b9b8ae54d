#include "worker.h"

#include "accept_error.h"
#include "backoff.h"
#include "clock.h"
#include "loop.h"
#include "serving.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

/* Larger than the frames that a compiler may be told not to probe: address space alone. */
#define GUARD_SIZE (64UL * 1024)

#define MANY 16  /* tries in vain */
#define CROWD 16 /* packets */

/* --- lists of workers, under the lock --- */

static void push(struct ssv_worker **list, struct ssv_worker *worker)
{
	worker->next = *list;
	worker->listed = true;
	*list = worker;
}

static void take_out(struct ssv_worker **list, struct ssv_worker *worker)
{
	while (*list != worker)
		list = &(*list)->next;
	*list = worker->next;
	worker->listed = false;
}

struct ssv_worker *ssv_worker_pop(struct ssv_worker **list)
{
	struct ssv_worker *worker = *list;

	if (worker != NULL) {
		take_out(list, worker);
		pthread_cond_signal(&worker->wake);
	}
	return worker;
}

void ssv_workers_wake(struct ssv_threading_mixin *threading)
{
	struct ssv_worker *worker;

	for (worker = threading->idle; worker != NULL; worker = worker->next)
		pthread_cond_signal(&worker->wake);
	for (worker = threading->holding; worker != NULL; worker = worker->next)
		pthread_cond_signal(&worker->wake);
	pthread_cond_broadcast(&threading->changed);
}

/* --- starting threads --- */

static void *work_alone(void *context);
static void *work_for(void *context);

/* What a thread is started with, if there is a request for it. */
struct start {
	struct ssv_threading_mixin *threading;
	struct ssv_request request;
};

/* The host's signals are the host's: a worker takes none but those of its own faults. */
static int block_signals(pthread_attr_t *attributes)
{
	const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t signals;

	sigfillset(&signals);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&signals, faults[i]);
	return pthread_attr_setsigmask_np(attributes, &signals);
}

static int create(void *(*run)(void *), void *context, size_t stack_size)
{
	size_t least = (size_t)PTHREAD_STACK_MIN;
	pthread_attr_t attributes;
	pthread_t thread;
	int error = pthread_attr_init(&attributes);

	if (error != 0)
		return -error;
	error = block_signals(&attributes);
	if (error == 0)
		error = pthread_attr_setstacksize(
			&attributes, stack_size < least ? least : stack_size);
	if (error == 0)
		error = pthread_attr_setguardsize(&attributes, GUARD_SIZE);
	if (error == 0)
		error = pthread_create(&thread, &attributes, run, context);
	pthread_attr_destroy(&attributes);
	return -error;
}

static int start_for(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	struct start *start = calloc(1, sizeof(*start));
	int rc;

	if (start == NULL)
		return -ENOMEM;
	start->threading = threading;
	ssv_request_init(&start->request, threading->layer.server);
	ssv_request_move(&start->request, request);
	rc = create(work_for, start, threading->stack_size);
	if (rc < 0) {
		ssv_request_move(request, &start->request);
		free(start);
	}
	return rc;
}

int ssv_worker_start(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	int rc = request != NULL ? start_for(threading, request)
				 : create(work_alone, threading, threading->stack_size);

	if (rc < 0)
		return rc;
	ssv_running_note_process(threading->layer.server);
	threading->threads++;
	threading->coming += request == NULL;
	return 0;
}

int ssv_worker_start_or_rest(struct ssv_threading_mixin *threading)
{
	int rc = ssv_backoff_is_over(&threading->starts) ? ssv_worker_start(threading, NULL)
							 : -ENOMEM;

	if (rc >= 0)
		ssv_backoff_reset(&threading->starts);
	else if (ssv_backoff_rest(&threading->starts))
		ssv_server_report(threading->layer.server, SSV_LOG_WARNING, NULL,
			"no further thread for now", rc);
	return rc;
}

bool ssv_worker_is_missed(const struct ssv_threading_mixin *threading)
{
	return threading->leading && threading->waiting + threading->coming == 0;
}

void ssv_worker_add_waiter(struct ssv_threading_mixin *threading)
{
	const bool full = threading->threads >= ssv_worker_limit(threading);
	struct ssv_worker *worker;

	if (!ssv_worker_is_missed(threading))
		return;
	worker = ssv_worker_pop(&threading->idle);
	if (worker != NULL) {
		worker->coming = true;
		threading->coming++;
	} else if (full ? threading->refuse : ssv_worker_start_or_rest(threading) < 0) {
		ssv_loop_wake(threading->layer.server); /* see tend() in threading_mixin.c */
	}
}

/* --- the life of a thread --- */

/* Without the lock. What get_request() says; it may be -EAGAIN. */
static int poll_for_request(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;
	struct ssv_server *server = threading->layer.server;
	struct pollfd polled[] = {
		{.fd = ssv_server_fileno(server), .events = POLLIN},
		{.fd = threading->stop_fd, .events = POLLIN},
	};

	if (poll(polled, 2, -1) < 0)
		return -errno;
	if (polled[0].revents == 0)
		return -EAGAIN;
	worker->request.polled = true;
	return ssv_server_get_request(server, &worker->request);
}

/* A stream's accept4 waits in any case. And where nothing was there for some time, a try is rare.
 */
static bool may_be_there(struct ssv_worker *worker)
{
	const struct ssv_server *server = worker->threading->layer.server;

	return !ssv_transport_is_stream(server->server_address.transport) &&
	       (worker->vain < MANY || worker->vain % MANY == 0);
}

/* Without the lock. What get_request() says; and whether the request had to be waited for. */
static int wait_for_request(struct ssv_worker *worker, bool *waited)
{
	struct ssv_server *server = worker->threading->layer.server;
	int rc = -EAGAIN;

	*waited = true;
	if (worker->threading->polling)
		return poll_for_request(worker);
	if (may_be_there(worker)) {
		worker->request.polled = true;
		rc = ssv_server_get_request(server, &worker->request);
	}
	*waited = rc == -EAGAIN && worker->request.stream == NULL;
	worker->vain = *waited ? worker->vain + 1 : 0;
	worker->request.polled = false;
	return *waited ? ssv_server_get_request(server, &worker->request) : rc;
}

/*
 * Under the lock. Where packets come faster than they can be processed, each that comes would wake
 * one who waits, although somebody is at work who would get it anyway.
 */
static void note_crowd(struct ssv_threading_mixin *threading, bool waited)
{
	if (!waited && threading->crowd < 2 * CROWD)
		threading->crowd++;
	if (waited)
		threading->crowd -= threading->crowd < CROWD / 2 ? threading->crowd : CROWD / 2;
}

/* Under the lock. */
static bool may_wait(const struct ssv_threading_mixin *threading)
{
	const int limit = threading->crowd >= CROWD ? 1 : threading->waiting_limit;

	return threading->leading && threading->waiting < limit;
}

/* Under the lock. Nobody gets requests any more, and serve_forever() returns why. */
static void end_serving(struct ssv_threading_mixin *threading, int error)
{
	threading->error = error;
	threading->leading = false;
	ssv_loop_wake(threading->layer.server);
}

/* Under the lock. */
static void listener_failed(struct ssv_threading_mixin *threading, int error)
{
	enum ssv_accept_error kind = ssv_accept_error(error);

	if (kind == SSV_ACCEPT_NOTHING || threading->closing)
		return;
	if (kind == SSV_ACCEPT_FATAL || error == SSV_EXIT) {
		end_serving(threading, error);
		return;
	}
	if (kind == SSV_ACCEPT_TRANSIENT && ++threading->failures <= SSV_MAX_TRANSIENT_FAILURES)
		return;
	if (ssv_backoff_rest(&threading->requests))
		ssv_server_report(threading->layer.server, SSV_LOG_WARNING, NULL,
			"no request can be taken for now", error);
	ssv_wait_until(&threading->changed, &threading->lock, threading->requests.until);
}

/* Under the lock. Whether the request is the worker's to process. */
static bool may_process(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	if (!threading->open && !threading->closing) {
		push(&threading->holding, worker);
		ssv_loop_wake(threading->layer.server);
		while (worker->listed && !threading->open && !threading->closing)
			ssv_wait_until(&worker->wake, &threading->lock, SSV_NEVER);
		if (worker->listed)
			take_out(&threading->holding, worker);
	}
	return worker->request.stream != NULL && !threading->cut;
}

/* Without the lock. What came too late, or (an error) what a layer would not have. */
static void get_rid(struct ssv_worker *worker, int error)
{
	struct ssv_server *server = worker->threading->layer.server;

	if (worker->request.stream != NULL)
		ssv_server_close_request(server, &worker->request);
	if (error < 0)
		ssv_server_report(
			server, SSV_LOG_DEBUG, &worker->request, "get_request failed", error);
}

/* Without the lock. */
static void finish(struct ssv_worker *worker)
{
	ssv_serving_finish(worker->threading->layer.server, &worker->request);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL); /* a handler may have changed it */
	worker->request.taken = false;
}

/* Without the lock. 0, or SSV_EXIT. */
static int process(struct ssv_worker *worker)
{
	int rc = ssv_serving_dispatch(worker->threading->layer.server, &worker->request);

	if (worker->request.taken)
		finish(worker);
	return rc;
}

/* Under the lock. */
static void end_work(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	threading->busy--;
	worker->working = false;
	if (threading->requests.rests > 0)
		pthread_cond_broadcast(&threading->changed); /* a descriptor is free again */
}

/* Under the lock, which is given up meanwhile. Waits for a request and processes it. */
static void lead(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;
	bool mine, waited;
	int rc;

	threading->waiting++;
	pthread_mutex_unlock(&threading->lock);
	rc = wait_for_request(worker, &waited);
	pthread_mutex_lock(&threading->lock);
	threading->waiting--;
	note_crowd(threading, waited);
	if (rc < 0 && worker->request.stream == NULL) {
		listener_failed(threading, rc);
		return;
	}
	threading->failures = 0;
	ssv_backoff_reset(&threading->requests);
	threading->busy++;
	ssv_worker_add_waiter(threading);
	mine = rc >= 0 && may_process(worker);
	threading->busy -= !mine && worker->request.stream != NULL;
	worker->working = mine;
	pthread_mutex_unlock(&threading->lock);
	if (mine)
		rc = process(worker);
	else
		get_rid(worker, rc);
	pthread_mutex_lock(&threading->lock);
	if (mine)
		end_work(worker);
	if (rc == SSV_EXIT)
		end_serving(threading, rc);
}

/* Under the lock, which is given up meanwhile. */
static void process_taken(struct ssv_worker *worker)
{
	worker->threading->busy++;
	worker->working = true;
	pthread_mutex_unlock(&worker->threading->lock);
	finish(worker);
	pthread_mutex_lock(&worker->threading->lock);
	end_work(worker);
}

/* Under the lock. */
static void arrive(struct ssv_worker *worker)
{
	worker->threading->coming -= worker->coming;
	worker->coming = false;
}

/* Under the lock. Waits for work; false when none came for so long that it is one too many. */
static bool idle(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;
	int64_t until = ssv_until(threading->idle_timeout);

	push(&threading->idle, worker);
	threading->reserved = false;
	ssv_serving_given_back(threading->layer.server);
	while (worker->listed && !threading->closing && ssv_ms_until(until) != 0)
		ssv_wait_until(&worker->wake, &threading->lock, until);
	arrive(worker);
	if (!worker->listed)
		return true;
	take_out(&threading->idle, worker);
	return false;
}

/* Under the lock. Each joins the one that ended before it, so that close need join but the last. */
static void end(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;
	bool has_ended = threading->has_ended;
	pthread_t ended = threading->ended;

	threading->has_ended = true;
	threading->ended = pthread_self();
	threading->threads--;
	threading->ending++;
	pthread_mutex_unlock(&threading->lock);
	if (has_ended)
		pthread_join(ended, NULL);
	ssv_request_free(&worker->request);
	pthread_mutex_lock(&threading->lock);
	threading->ending--;
	ssv_worker_add_waiter(threading); /* a handler has ended who was to be it */
	ssv_serving_given_back(threading->layer.server);
	pthread_cond_broadcast(&threading->changed);
	pthread_mutex_unlock(&threading->lock);
}

/* Under the lock. */
static bool take_handed(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	if (threading->handed.stream == NULL)
		return false;
	ssv_request_move(&worker->request, &threading->handed);
	worker->request.taken = true;
	threading->reserved = false;
	ssv_serving_given_back(threading->layer.server);
	ssv_worker_add_waiter(threading); /* it may have been on its way to be it */
	return true;
}

/* Begins without the lock, and returns under it. A handler has ended the thread: its client is let
 * go, and what it counted for. */
static void abandon(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	ssv_serving_abandon(threading->layer.server, &worker->request);
	pthread_mutex_lock(&threading->lock);
	threading->busy--;
	pthread_cond_broadcast(&threading->changed);
}

/* Under the lock, unless it was working. */
static void leave(void *context)
{
	struct ssv_worker *worker = context;

	if (worker->working)
		abandon(worker);
	ssv_running_depart(&worker->stay);
	end(worker);
}

/* Under the lock, which is given up meanwhile. Until the thread is not needed any more. */
static void serve(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	for (;;) {
		if (worker->request.taken || take_handed(worker))
			process_taken(worker);
		else if (threading->closing)
			break;
		else if (may_wait(threading))
			lead(worker);
		else if (!idle(worker))
			break;
	}
}

static void work(struct ssv_worker *worker)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	ssv_running_visit(worker->threading->layer.server, &worker->stay, &worker->request);
	pthread_cleanup_push(leave, worker); /* also where a handler ends the thread */
	pthread_mutex_lock(&worker->threading->lock);
	arrive(worker);
	serve(worker);
	pthread_cleanup_pop(1);
}

static void init(struct ssv_worker *worker, struct ssv_threading_mixin *threading)
{
	worker->threading = threading;
	worker->listed = worker->working = worker->coming = false;
	worker->vain = 0;
	pthread_cond_init(&worker->wake, NULL);
	ssv_request_init(&worker->request, threading->layer.server);
	worker->request.may_wait = true;
}

/* A worker lies on the stack of its thread, in a page that is there anyhow. */
static void *work_alone(void *context)
{
	struct ssv_worker worker;

	init(&worker, context);
	worker.coming = true;
	work(&worker);
	return NULL;
}

static void *work_for(void *context)
{
	struct start *start = context;
	struct ssv_worker worker;

	init(&worker, start->threading);
	ssv_request_move(&worker.request, &start->request);
	worker.request.taken = true;
	free(start);
	work(&worker);
	return NULL;
}
