#include "backoff.h"
#include "clock.h"
#include "closing.h"
#include "descriptor.h"
#include "live_requests.h"
#include "loop.h"
#include "running.h"
#include "server_socket.h"
#include "serving.h"
#include "tally.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <socketserver/container_of.h>
#include <socketserver/threading_mixin.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ssv_threading_mixin *threading_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_threading_mixin, layer);
}

/* --- requests --- */

/* Under the lock. Takes what a thread got after the stop; that thread is there for it. */
static int take_held(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	struct ssv_worker *worker;

	if (threading->handed.stream != NULL)
		return -EBUSY;
	worker = ssv_worker_pop(&threading->holding);
	ssv_request_move(request, &worker->request);
	threading->busy--;
	threading->reserved = true;
	return 0;
}

/* Under the lock. 0: somebody will be there for the next request. Before it is accepted. */
static int reserve(struct ssv_threading_mixin *threading)
{
	int rc;

	if (threading->idle != NULL || threading->refuse)
		return 0;
	if (threading->reserved)
		return threading->handed.stream == NULL ? 0 : -EBUSY;
	if (threading->threads >= ssv_worker_limit(threading))
		return -EBUSY;
	rc = ssv_worker_start_or_rest(threading);
	threading->reserved = rc == 0;
	return rc < 0 ? -ENOMEM : 0; /* not the EAGAIN of a socket */
}

static int set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL), wanted;

	if (flags < 0)
		return -errno;
	wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return wanted != flags && fcntl(fd, F_SETFL, wanted) < 0 ? -errno : 0;
}

/* Under the lock. 0: the one who asks may accept. */
static int may_accept(struct ssv_threading_mixin *threading)
{
	if (threading->waiting > 0 && !threading->polling)
		return -EAGAIN; /* they get it, hold it, and say so */
	if (threading->blocking)
		set_blocking(threading->layer.server->fd, false);
	threading->blocking = false;
	return reserve(threading);
}

static int threading_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_threading_mixin *threading = threading_of(layer);
	bool held;
	int rc;

	if (request->may_wait)
		return ssv_super_get_request(layer, request);
	pthread_mutex_lock(&threading->lock);
	held = threading->holding != NULL && !threading->open;
	rc = held ? take_held(threading, request) : may_accept(threading);
	pthread_mutex_unlock(&threading->lock);
	return held || rc < 0 ? rc : ssv_super_get_request(layer, request);
}

/* Under the lock. */
static int hand_over(struct ssv_threading_mixin *threading, struct ssv_request *request)
{
	struct ssv_worker *worker = ssv_worker_pop(&threading->idle);

	if (worker != NULL) {
		ssv_request_move(&worker->request, request);
		worker->request.taken = true;
	} else if (threading->reserved && threading->handed.stream == NULL) {
		ssv_request_move(&threading->handed, request);
	} else if (threading->threads < ssv_worker_limit(threading)) {
		return ssv_worker_start(threading, request);
	} else {
		ssv_count(&threading->layer.server->tally->counters.refused,
			1); /* and it is shut down */
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
	request->taken = request->stream == NULL;
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

/* max_waiting, or an eighth of RLIMIT_NOFILE: accept4 takes its number before it waits. */
static int limit_of_waiting(const struct ssv_threading_mixin *threading)
{
	struct rlimit limit;
	rlim_t most = (rlim_t)(threading->max_waiting > 1 ? threading->max_waiting : 1);

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 8 < most)
		most = limit.rlim_cur / 8 > 0 ? limit.rlim_cur / 8 : 1;
	return (int)most;
}

/* What wakes those who wait: an eventfd beside their poll, or, of the socket in which the kernel
 * has them wait, a descriptor that no host closes. */
static int make_stop_fd(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	int fd = ssv_server_fileno(server);

	if (threading->stop_fd >= 0)
		return 0;
	threading->polling = server->shared || threading->refuse;
	if (threading->polling)
		fd = ssv_descriptor_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	else
		fd = ssv_descriptor_above_stdio(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
	threading->stop_fd = fd;
	return fd < 0 ? fd : 0;
}

/*
 * How they wait: in the kernel's accept, or in poll where the socket is not ours alone; then what
 * poll has told of may be another's by now, and nobody is to wait for the next one there.
 */
static int prepare(struct ssv_threading_mixin *threading)
{
	int rc = make_stop_fd(threading);

	if (rc < 0 || threading->layer.server->shared)
		return rc; /* how others wait for it is theirs */
	rc = set_blocking(ssv_server_fileno(threading->layer.server), !threading->polling);
	threading->blocking = rc == 0 && !threading->polling;
	return rc;
}

static int start_leading(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	int rc = prepare(threading);

	if (rc < 0)
		return rc;
	ssv_serving_hand_listener(server);
	pthread_mutex_lock(&threading->lock);
	threading->waiting_limit = limit_of_waiting(threading);
	threading->error = 0;
	threading->leading = threading->open = true;
	ssv_workers_wake(threading);
	ssv_worker_add_waiter(threading);
	pthread_mutex_unlock(&threading->lock);
	return 0;
}

static void stop_leading(void *context)
{
	struct ssv_threading_mixin *threading = context;

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
	if (threading->starts.rests > 0 && ssv_backoff_is_over(&threading->starts))
		ssv_worker_add_waiter(threading);
	if (threading->requests.rests > 0)
		pthread_cond_broadcast(
			&threading->changed); /* another server gave something back */
	chores->surplus = threading->refuse && threading->busy >= ssv_worker_limit(threading);
	chores->retry_at = ssv_worker_is_missed(threading) ? threading->starts.until : SSV_NEVER;
	error = threading->error;
	pthread_mutex_unlock(&threading->lock);
	return error;
}

/* The listener is watched for as long as there is a surplus, but for its rests. 0, or an error. */
static int refuse_surplus(struct ssv_server *server, bool surplus)
{
	const bool watched = server->listener.server != NULL, rests = server->backoff.rests > 0;

	if (surplus && !watched && ssv_backoff_is_over(&server->backoff)) {
		server->backoff.until = SSV_NEVER;
		ssv_serving_watch_listener(server);
	}
	if (!surplus && (watched || rests))
		ssv_serving_hand_listener(server);
	if (!surplus || !server->ready)
		return 0;
	server->ready = false;
	return ssv_serving_refuse(server);
}

static int loop(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	struct chores chores;
	int rc = 0;

	while (rc >= 0 && !ssv_running_is_stopping(server)) {
		rc = tend(threading, &chores);
		if (rc < 0)
			break;
		rc = refuse_surplus(server, chores.surplus);
		if (rc < 0)
			break;
		rc = ssv_loop_wait(
			server, ssv_earlier(ssv_earlier(chores.retry_at, server->backoff.until),
					server->next_service));
		if (rc >= 0)
			rc = ssv_serving_service(server);
	}
	return rc < 0 ? rc : 0;
}

static int serve(struct ssv_layer *layer)
{
	struct ssv_threading_mixin *threading = threading_of(layer);
	int rc = start_leading(threading);

	if (rc < 0)
		return rc;
	pthread_cleanup_push(stop_leading, threading); /* a watch may end the thread */
	rc = loop(threading);
	pthread_cleanup_pop(1);
	return rc;
}

static int threading_serve_forever(struct ssv_layer *layer)
{
	int rc;

	if (!is_concurrent(layer->server))
		return ssv_super_serve_forever(layer);
	rc = ssv_serving_run(layer, serve, true);
	return rc == -ECANCELED ? 0 : rc;
}

/* --- closing --- */

/* Under the lock. */
static int wait_for_end(struct ssv_threading_mixin *threading, int64_t until)
{
	while (threading->threads + threading->ending > 0 && ssv_ms_until(until) != 0)
		ssv_wait_until(&threading->changed, &threading->lock, until);
	return threading->threads + threading->ending;
}

/* Nobody takes a request any more, and those who wait for one are woken. */
static void end_waiting(struct ssv_threading_mixin *threading)
{
	pthread_mutex_lock(&threading->lock);
	threading->closing = true;
	threading->leading = threading->open = false;
	ssv_workers_wake(threading);
	pthread_mutex_unlock(&threading->lock);
	if (threading->polling && threading->stop_fd >= 0)
		eventfd_write(threading->stop_fd, 1);
	else if (threading->stop_fd >= 0)
		shutdown(threading->stop_fd, SHUT_RD);
	ssv_server_socket_stop_listening(threading->layer.server);
}

/* How many have not ended yet. */
static int end_threads(struct ssv_threading_mixin *threading)
{
	struct ssv_server *server = threading->layer.server;
	int left;

	if (!threading->block_on_close || threading->daemon_threads)
		ssv_closing_hurry(server);
	pthread_mutex_lock(&threading->lock);
	if (ssv_closing_cuts(server)) {
		threading->cut = true;
		ssv_live_abort(server);
	}
	left = wait_for_end(threading, ssv_closing_wait(server));
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
	threading->has_ended = threading->closing = threading->cut = false;
	threading->reserved = false;
	close_stop_fd(threading);
	ssv_request_free(&threading->handed);
	return ssv_super_close(layer);
}

/* None of the threads is here. */
static void threading_forsake(struct ssv_layer *layer)
{
	struct ssv_threading_mixin *threading = threading_of(layer);

	close_stop_fd(threading);
	pthread_mutex_init(&threading->lock, NULL);
	pthread_cond_init(&threading->changed, NULL);
	threading->idle = threading->holding = NULL;
	threading->threads = threading->ending = threading->coming = 0;
	threading->waiting = threading->busy = 0;
	threading->leading = threading->open = threading->reserved = threading->has_ended = false;
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
		.stack_size = 256UL * 1024,
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
