#include "accept_error.h"
#include "backoff.h"
#include "clock.h"
#include "descriptor.h"
#include "loop.h"
#include "running.h"
#include "serving.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <socketserver/container_of.h>
#include <socketserver/threading_mixin.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_TRANSIENT_FAILURES 16

/** A thread, and the one request that it has. */
struct ssv_worker {
	struct ssv_threading_mixin *threading;
	struct ssv_worker *next; /* on the list of idle or holding ones */
	struct ssv_request request;
	pthread_cond_t wake;
	bool listed;
};

static struct ssv_threading_mixin *threading_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_threading_mixin, layer);
}

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

/* The last one that came; its memory is the warmest. */
static struct ssv_worker *pop(struct ssv_worker **list)
{
	struct ssv_worker *worker = *list;

	if (worker != NULL) {
		take_out(list, worker);
		pthread_cond_signal(&worker->wake);
	}
	return worker;
}

/* Under the lock. Whether it was woken, and not by the time. */
static bool wait_on(pthread_cond_t *condition, struct ssv_threading_mixin *threading, int64_t until)
{
	struct timespec time = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};

	if (until == SSV_NEVER)
		return pthread_cond_wait(condition, &threading->lock) == 0;
	return pthread_cond_clockwait(condition, &threading->lock, CLOCK_MONOTONIC, &time) == 0;
}

/* --- starting threads --- */

static void *work(void *context);

/* The host's signals are the host's: a worker takes none but those of its own faults. */
static void block_signals(pthread_attr_t *attributes)
{
	const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t signals;

	sigfillset(&signals);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&signals, faults[i]);
	pthread_attr_setsigmask_np(attributes, &signals);
}

static int create(struct ssv_worker *worker, size_t stack_size)
{
	size_t least = (size_t)PTHREAD_STACK_MIN;
	pthread_attr_t attributes;
	pthread_t thread;
	int error = pthread_attr_init(&attributes);

	if (error != 0)
		return -error;
	block_signals(&attributes);
	error = pthread_attr_setstacksize(&attributes, stack_size < least ? least : stack_size);
	if (error == 0)
		error = pthread_create(&thread, &attributes, work, worker);
	pthread_attr_destroy(&attributes);
	return -error;
}

/* Under the lock. A new thread, with the request, if any, moved to it. 0 or a negative errno. */
static int start(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	struct ssv_worker *worker = calloc(1, sizeof(*worker));
	int rc;

	if (worker == NULL)
		return -ENOMEM;
	worker->threading = threading;
	pthread_cond_init(&worker->wake, NULL);
	ssv_request_init(&worker->request, threading->layer.server);
	worker->request.may_wait = true;
	if (request != NULL)
		ssv_request_move(&worker->request, request);
	worker->request.taken = request != NULL;
	rc = create(worker, threading->stack_size);
	if (rc < 0) {
		if (request != NULL)
			ssv_request_move(request, &worker->request);
		free(worker);
		return rc;
	}
	threading->threads++;
	return 0;
}

/* Under the lock. A thread that cannot be started is said once, and tried again later. */
static int start_or_rest(struct ssv_threading_mixin *threading)
{
	int rc = ssv_backoff_is_over(&threading->starts) ? start(threading, NULL) : -ENOMEM;

	if (rc >= 0)
		ssv_backoff_reset(&threading->starts);
	else if (ssv_backoff_rest(&threading->starts))
		ssv_server_report(threading->layer.server, SSV_LOG_WARNING, NULL,
			"no further thread for now", rc);
	return rc;
}

/* Under the lock. Sees to it that somebody waits for the next request, if there may be one more. */
static void add_waiter(struct ssv_threading_mixin *threading)
{
	bool full = threading->threads >= threading->max_threads;

	if (pop(&threading->idle) != NULL)
		return;
	if (full ? threading->refuse : start_or_rest(threading) < 0)
		ssv_loop_wake(threading->layer.server); /* see tend() */
}

/* --- a worker --- */

/* Whether its waiting threads are in poll, not in accept4: the socket must not be shut down then.
 */
static bool polls(const struct ssv_threading_mixin *threading)
{
	return threading->layer.server->shared || threading->refuse;
}

/* Without the lock. What get_request() says; for those who poll it may be -EAGAIN. */
static int wait_for_request(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;
	struct ssv_server *server = threading->layer.server;
	struct pollfd polled[] = {
		{.fd = ssv_server_fileno(server), .events = POLLIN},
		{.fd = threading->stop_fd, .events = POLLIN},
	};

	if (polls(threading) && poll(polled, 2, -1) < 0)
		return -errno;
	if (polls(threading) && polled[0].revents == 0)
		return -EAGAIN;
	return ssv_server_get_request(server, &worker->request);
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
	if (kind == SSV_ACCEPT_TRANSIENT && ++threading->failures <= MAX_TRANSIENT_FAILURES)
		return;
	if (ssv_backoff_rest(&threading->requests))
		ssv_server_report(threading->layer.server, SSV_LOG_WARNING, NULL,
			"no request can be taken for now", error);
	wait_on(&threading->changed, threading, threading->requests.until);
}

/* Under the lock. Whether the request is the worker's to process. */
static bool may_process(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	if (!threading->open && !threading->closing) {
		push(&threading->holding, worker);
		ssv_loop_wake(threading->layer.server);
		while (worker->listed && !threading->open && !threading->closing)
			wait_on(&worker->wake, threading, SSV_NEVER);
		if (worker->listed)
			take_out(&threading->holding, worker);
	}
	return threading->open && !threading->closing && worker->request.stream != NULL;
}

/* Without the lock. What came after the end, or (an error) what a layer would not have. */
static void get_rid(struct ssv_worker *worker, int error)
{
	struct ssv_server *server = worker->threading->layer.server;

	if (worker->request.stream != NULL)
		ssv_server_close_request(server, &worker->request);
	if (error < 0)
		ssv_server_report(
			server, SSV_LOG_DEBUG, &worker->request, "get_request failed", error);
}

/* Under the lock, which is given up meanwhile. Waits for a request and has it verified. */
static void lead(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;
	bool mine;
	int rc;

	threading->waiting++;
	pthread_mutex_unlock(&threading->lock);
	rc = wait_for_request(worker);
	pthread_mutex_lock(&threading->lock);
	threading->waiting--;
	if (rc < 0 && worker->request.stream == NULL) {
		listener_failed(threading, rc);
		return;
	}
	threading->failures = 0;
	ssv_backoff_reset(&threading->requests);
	if (threading->waiting == 0 && threading->leading)
		add_waiter(threading);
	mine = rc >= 0 && may_process(worker);
	pthread_mutex_unlock(&threading->lock);
	if (mine)
		rc = ssv_serving_dispatch(threading->layer.server, &worker->request);
	else
		get_rid(worker, rc);
	pthread_mutex_lock(&threading->lock);
	if (rc == SSV_EXIT)
		end_serving(threading, rc);
}

/* Under the lock, which is given up meanwhile. */
static void finish(struct ssv_worker *worker)
{
	struct ssv_threading_mixin *threading = worker->threading;

	pthread_mutex_unlock(&threading->lock);
	ssv_serving_finish(threading->layer.server, &worker->request);
	pthread_mutex_lock(&threading->lock);
	worker->request.taken = false;
	if (threading->requests.rests > 0)
		pthread_cond_broadcast(&threading->changed); /* a descriptor is free again */
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
		wait_on(&worker->wake, threading, until);
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
	pthread_mutex_unlock(&threading->lock);
	if (has_ended)
		pthread_join(ended, NULL);
	ssv_request_free(&worker->request);
	pthread_mutex_lock(&threading->lock);
	threading->threads--;
	ssv_serving_given_back(threading->layer.server);
	pthread_cond_broadcast(&threading->changed);
	pthread_mutex_unlock(&threading->lock);
	free(worker);
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
	return true;
}

static void *work(void *context)
{
	struct ssv_worker *worker = context;
	struct ssv_threading_mixin *threading = worker->threading;
	struct ssv_stay stay;

	ssv_running_visit(threading->layer.server, &stay);
	pthread_mutex_lock(&threading->lock);
	for (;;) {
		if (worker->request.taken || take_handed(worker))
			finish(worker);
		else if (threading->closing)
			break;
		else if (threading->leading && threading->waiting < threading->may_wait)
			lead(worker);
		else if (!idle(worker))
			break;
	}
	ssv_running_depart(&stay);
	end(worker);
	return NULL;
}

/* --- the layer --- */

/* Under the lock. Takes what a thread got after the stop. */
static bool take_held(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	struct ssv_worker *worker = pop(&threading->holding);

	if (worker != NULL)
		ssv_request_move(request, &worker->request);
	return worker != NULL;
}

/* Under the lock. 0: somebody will be there for the next request. Before it is accepted. */
static int reserve(struct ssv_threading_mixin *threading)
{
	int rc;

	if (threading->idle != NULL || threading->refuse)
		return 0;
	if (threading->reserved)
		return threading->handed.stream == NULL ? 0 : -EBUSY;
	if (threading->threads >= threading->max_threads)
		return -EBUSY;
	rc = start_or_rest(threading);
	threading->reserved = rc == 0;
	return rc < 0 ? -ENOMEM : 0; /* not the EAGAIN of a socket */
}

/* Under the lock. 0: the one who asks may accept. */
static int may_accept(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	int flags = fcntl(server->fd, F_GETFL);

	if (threading->waiting > 0 && !polls(threading))
		return -EAGAIN; /* they get it, hold it, and say so */
	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		fcntl(server->fd, F_SETFL, flags | O_NONBLOCK);
	return reserve(threading);
}

static int threading_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_threading_mixin *threading = threading_of(layer);
	bool held;
	int rc = 0;

	if (request->may_wait)
		return ssv_super_get_request(layer, request);
	pthread_mutex_lock(&threading->lock);
	held = take_held(threading, request);
	if (!held)
		rc = may_accept(threading);
	pthread_mutex_unlock(&threading->lock);
	return held || rc < 0 ? rc : ssv_super_get_request(layer, request);
}

/* Under the lock. */
static int hand_over(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	struct ssv_worker *worker = pop(&threading->idle);

	if (worker != NULL) {
		ssv_request_move(&worker->request, request);
		worker->request.taken = true;
	} else if (threading->reserved) {
		ssv_request_move(&threading->handed, request);
	} else if (threading->threads < threading->max_threads) {
		return start(threading, request);
	} else {
		ssv_count(&threading->layer.server->counters->refused, 1); /* and it is shut down */
	}
	return 0;
}

static int threading_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_threading_mixin *threading = threading_of(layer);
	int rc = 0;

	if (request->may_wait) {
		request->taken = true; /* by the thread that got it */
		return 0;
	}
	pthread_mutex_lock(&threading->lock);
	rc = hand_over(threading, request);
	pthread_mutex_unlock(&threading->lock);
	return rc;
}

/* --- serving --- */

static bool is_concurrent(const struct ssv_server *server)
{
	const struct ssv_layer *layer;

	for (layer = server->mro.next; layer->next != NULL; layer = layer->next) {
		if (layer->ops->get_request != NULL && !layer->ops->concurrent_get_request)
			return false;
	}
	return true;
}

static int set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* 8, or an eighth of RLIMIT_NOFILE: accept4 takes its number before it waits. */
static int limit_of_waiting(const struct ssv_threading_mixin *threading)
{
	struct rlimit limit;
	rlim_t most = (rlim_t)(threading->max_waiting > 1 ? threading->max_waiting : 1);

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 8 < most)
		most = limit.rlim_cur / 8 > 0 ? limit.rlim_cur / 8 : 1;
	return (int)most;
}

/* How they wait: in the kernel's accept, or in poll where the socket is not ours alone. */
static int prepare(struct ssv_threading_mixin *threading)
{
	if (!polls(threading))
		return set_blocking(ssv_server_fileno(threading->layer.server), true);
	if (threading->stop_fd < 0)
		threading->stop_fd =
			ssv_descriptor_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	return threading->stop_fd < 0 ? -errno : 0;
}

/* Under the lock. */
static void wake_all(struct ssv_threading_mixin *threading)
{
	struct ssv_worker *worker;

	for (worker = threading->idle; worker != NULL; worker = worker->next)
		pthread_cond_signal(&worker->wake);
	for (worker = threading->holding; worker != NULL; worker = worker->next)
		pthread_cond_signal(&worker->wake);
	pthread_cond_broadcast(&threading->changed);
}

static int start_leading(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	int rc = prepare(threading);

	if (rc < 0)
		return rc;
	ssv_serving_hand_listener(server);
	pthread_mutex_lock(&threading->lock);
	threading->may_wait = limit_of_waiting(threading);
	threading->error = 0;
	threading->leading = threading->open = true;
	wake_all(threading);
	if (threading->waiting == 0)
		add_waiter(threading);
	pthread_mutex_unlock(&threading->lock);
	return 0;
}

static void stop_leading(struct ssv_threading_mixin *threading)
{
	pthread_mutex_lock(&threading->lock);
	threading->leading = threading->open = false;
	pthread_mutex_unlock(&threading->lock);
	ssv_serving_watch_listener(threading->layer.server);
}

/* What the threads leave to the one that serves. */
struct chores {
	bool surplus;     /* all are busy: what comes is to be turned away */
	int64_t retry_at; /* when a thread that could not be started is tried again */
};

/* 0, or why nobody gets requests any more. */
static int tend(struct ssv_threading_mixin *threading, struct chores *chores)
{
	int error;

	pthread_mutex_lock(&threading->lock);
	if (threading->leading && threading->waiting == 0 && threading->starts.rests > 0 &&
		ssv_backoff_is_over(&threading->starts))
		add_waiter(threading);
	chores->surplus = threading->refuse && threading->waiting == 0 && threading->idle == NULL &&
			  threading->threads >= threading->max_threads;
	chores->retry_at = threading->starts.until;
	error = threading->error;
	pthread_mutex_unlock(&threading->lock);
	return error;
}

/* The listener is watched for as long as there is a surplus. */
static void refuse_surplus(struct ssv_server *server, bool surplus)
{
	bool watched = server->listener.server != NULL;

	if (surplus && !watched)
		ssv_serving_watch_listener(server);
	if (!surplus && watched)
		ssv_serving_hand_listener(server);
	if (!surplus || !server->ready)
		return;
	server->ready = false;
	if (ssv_server_get_request(server, &server->request) == 0) {
		ssv_count(&server->counters->refused, 1);
		ssv_server_shutdown_request(server, &server->request);
	}
}

static int loop(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	struct chores chores;
	int64_t until;
	int rc = 0;

	while (rc >= 0 && !ssv_running_is_stopping(server)) {
		rc = tend(threading, &chores);
		if (rc < 0)
			break;
		refuse_surplus(server, chores.surplus);
		until = chores.retry_at < server->next_service ? chores.retry_at
							       : server->next_service;
		rc = ssv_loop_wait(server, until);
		if (rc >= 0)
			rc = ssv_serving_service(server);
	}
	return rc < 0 ? rc : 0;
}

static int threading_serve_forever(struct ssv_layer *layer)
{
	struct ssv_threading_mixin *threading = threading_of(layer);
	struct ssv_stay stay;
	int rc;

	if (!is_concurrent(layer->server))
		return ssv_super_serve_forever(layer);
	rc = ssv_running_enter(layer->server, &stay);
	if (rc < 0)
		return rc == -ECANCELED ? 0 : rc;
	rc = start_leading(threading);
	if (rc == 0) {
		rc = loop(threading);
		stop_leading(threading);
	}
	ssv_running_leave(&stay, true);
	return rc;
}

/* --- closing --- */

/* Under the lock. */
static int wait_for_end(struct ssv_threading_mixin *threading, int64_t until)
{
	while (threading->threads > 0 && ssv_ms_until(until) != 0)
		wait_on(&threading->changed, threading, until);
	return threading->threads;
}

/* Nobody takes a request any more, and those who wait for one are woken. */
static void end_waiting(struct ssv_threading_mixin *threading)
{
	pthread_mutex_lock(&threading->lock);
	threading->closing = true;
	threading->leading = threading->open = false;
	wake_all(threading);
	pthread_mutex_unlock(&threading->lock);
	if (threading->stop_fd >= 0)
		eventfd_write(threading->stop_fd, 1);
	if (!polls(threading))
		shutdown(ssv_server_fileno(threading->layer.server), SHUT_RD);
}

/* How many would not end. */
static int end_threads(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	bool patient = threading->block_on_close && !threading->daemon_threads;
	int left;

	pthread_mutex_lock(&threading->lock);
	left = wait_for_end(threading, patient ? server->close_until : SSV_NOW);
	if (left > 0) {
		ssv_live_abort(server);
		left = wait_for_end(threading, ssv_until(server->abort_timeout));
	}
	pthread_mutex_unlock(&threading->lock);
	return left;
}

static void close_stop_fd(struct ssv_threading_mixin *threading)
{
	if (threading->stop_fd >= 0)
		close(threading->stop_fd);
	threading->stop_fd = -1;
}

static int threading_close(struct ssv_layer *layer)
{
	struct ssv_threading_mixin *threading = threading_of(layer);
	int left;

	end_waiting(threading);
	left = end_threads(threading);
	if (left > 0)
		return left;
	if (threading->has_ended)
		pthread_join(threading->ended, NULL);
	threading->has_ended = threading->closing = threading->reserved = false;
	close_stop_fd(threading);
	ssv_request_free(&threading->handed);
	return ssv_super_close(layer);
}

static void threading_forsake(struct ssv_layer *layer)
{
	close_stop_fd(threading_of(layer));
}

static const struct ssv_layer_ops threading_ops = {
	.serve_forever = threading_serve_forever,
	.get_request = threading_get_request,
	.process_request = threading_process_request,
	.close = threading_close,
	.forsake = threading_forsake,
	.concurrent_get_request = true,
};

void ssv_threading_mixin_init(struct ssv_threading_mixin *threading, struct ssv_server *server)
{
	*threading = (struct ssv_threading_mixin){
		.max_threads = 1024,
		.max_waiting = 8,
		.idle_timeout = 10 * 1000,
		.stack_size = 256 * 1024,
		.block_on_close = true,
		.requests.until = SSV_NEVER,
		.starts.until = SSV_NEVER,
		.stop_fd = -1,
	};
	pthread_mutex_init(&threading->lock, NULL);
	pthread_cond_init(&threading->changed, NULL);
	ssv_request_init(&threading->handed, server);
	ssv_server_link(server, &threading->layer, &threading_ops);
}
