#include "child.h"
#include "clock.h"
#include "descriptor.h"
#include "open_servers.h"
#include "report.h"
#include "running.h"
#include "serving.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <socketserver/container_of.h>
#include <socketserver/forking_mixin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS (300 * 1000)
#define KILL_MS 1000       /* in which the kernel ends what it was told to */
#define MAX_PAUSE_MS 1000  /* between two looks at a child whose end nothing tells of */
#define MAX_HOLDS 11       /* rests of 1, 2, 4 … 1,000 ms after failures to fork */
#define NO_PROCESS -EUSERS /* what EAGAIN of fork(2) is called where that means "no request" */

static struct ssv_forking_mixin *forking_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_forking_mixin, layer);
}

/* --- the list of children, and their memory --- */

static struct ssv_child *take_spare(struct ssv_forking_mixin *forking)
{
	struct ssv_child *child = forking->spare;

	if (child == NULL)
		return calloc(1, sizeof(*child));
	forking->spare = child->next;
	return child;
}

static void put_spare(struct ssv_forking_mixin *forking, struct ssv_child *child)
{
	child->next = forking->spare;
	forking->spare = child;
}

static void free_spares(struct ssv_forking_mixin *forking)
{
	struct ssv_child *child;

	while (forking->spare != NULL) {
		child = take_spare(forking);
		free(child);
	}
}

static void link_child(struct ssv_forking_mixin *forking, struct ssv_child *child)
{
	pthread_mutex_lock(&forking->layer.server->lock);
	child->previous = NULL;
	child->next = forking->children;
	if (child->next != NULL)
		child->next->previous = child;
	forking->children = child;
	__atomic_add_fetch(&forking->active, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&forking->layer.server->lock);
}

static void unlink_child(struct ssv_forking_mixin *forking, struct ssv_child *child)
{
	pthread_mutex_lock(&forking->layer.server->lock);
	if (child->next != NULL)
		child->next->previous = child->previous;
	if (child->previous != NULL)
		child->previous->next = child->next;
	else
		forking->children = child->next;
	__atomic_sub_fetch(&forking->active, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&forking->layer.server->lock);
}

int ssv_forking_mixin_active_children(struct ssv_forking_mixin *forking)
{
	return __atomic_load_n(&forking->active, __ATOMIC_SEQ_CST);
}

int ssv_forking_mixin_each_child(struct ssv_forking_mixin *forking,
	int (*visit)(pid_t pid, const struct ssv_request *request, void *context), void *context)
{
	const struct ssv_child *child;
	int rc = 0;

	pthread_mutex_lock(&forking->layer.server->lock);
	for (child = forking->children; rc == 0 && child != NULL; child = child->next)
		rc = visit(child->pid, &child->request, context);
	pthread_mutex_unlock(&forking->layer.server->lock);
	return rc;
}

/* --- the end of a child --- */

static void report_child(const struct ssv_child *child, enum ssv_log_level level, const char *what,
	const char *name, int number)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %d, pid %d", name, number, (int)child->pid);
	ssv_report_text(child->request.server, level, &child->request, what, text);
}

/* A child that fails has said so itself. */
static void report_end(const struct ssv_child *child, int status)
{
	enum ssv_log_level level = child->ending ? SSV_LOG_DEBUG : SSV_LOG_WARNING;
	const char *name;

	if (status > 0 && WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		report_child(child, level, "a child was ended by a signal",
			name != NULL ? name : "signal", WTERMSIG(status));
	} else if (status > 0) {
		report_child(
			child, SSV_LOG_DEBUG, "a child has failed", "status", WEXITSTATUS(status));
	}
}

static void forget_child(struct ssv_forking_mixin *forking, struct ssv_child *child)
{
	if (child->watched)
		ssv_server_unwatch(forking->layer.server, &child->watch);
	ssv_child_close(child);
	ssv_live_remove(&child->request);
	unlink_child(forking, child);
	forking->untold -= !child->is_pidfd || !child->watched;
	forking->failures = forking->holds = 0;
}

/* Whether it is gone; then it is forgotten. */
static bool reap(struct ssv_child *child)
{
	struct ssv_forking_mixin *forking = child->forking;
	int status;

	if (!ssv_child_is_gone(child, &status))
		return false;
	report_end(child, status);
	forget_child(forking, child);
	if (forking->child_exited != NULL)
		forking->child_exited(forking, child->pid, status);
	put_spare(forking, child);
	ssv_serving_given_back(forking->layer.server);
	return true;
}

static int reap_all(struct ssv_forking_mixin *forking)
{
	struct ssv_child *child, *next;

	for (child = forking->children; child != NULL; child = next) {
		next = child->next;
		reap(child);
	}
	return forking->active;
}

/* --- looks at children, by the timer --- */

static void set_alarm(struct ssv_forking_mixin *forking, int64_t at)
{
	int64_t left = at == SSV_NEVER ? 0 : at - ssv_now();
	struct itimerspec time = {0};

	if (at != SSV_NEVER && left <= 0)
		left = 1;
	time.it_value.tv_sec = left / 1000000000;
	time.it_value.tv_nsec = left % 1000000000;
	timerfd_settime(forking->timer.fd, 0, &time, NULL);
	forking->alarm = at;
}

static void look_before(struct ssv_forking_mixin *forking, int64_t at)
{
	if (at < forking->alarm)
		set_alarm(forking, at);
}

/* It has ended or is about to: nothing will tell when, so look at it, 1 ms, 2 ms, … 1 s later. */
static void look_again(struct ssv_child *child)
{
	child->pause = child->pause == 0 ? 1 : 2 * child->pause;
	if (child->pause > MAX_PAUSE_MS)
		child->pause = MAX_PAUSE_MS;
	child->look = ssv_until(child->pause);
	look_before(child->forking, child->look);
}

static void kill_overdue(struct ssv_child *child)
{
	report_child(
		child, SSV_LOG_WARNING, "a child is killed at its deadline", "signal", SIGKILL);
	child->ending = true;
	child->deadline = SSV_NEVER;
	ssv_child_signal(child, SIGKILL);
}

static void look_at(struct ssv_child *child, int64_t now)
{
	if (ssv_earlier(child->deadline, child->look) > now || reap(child))
		return;
	if (child->deadline <= now)
		kill_overdue(child);
	if (child->look <= now)
		look_again(child);
}

static int timer_ready(struct ssv_watch *watch)
{
	struct ssv_forking_mixin *forking =
		ssv_container_of(watch, struct ssv_forking_mixin, timer);
	struct ssv_child *child, *next;
	int64_t now = ssv_now();

	set_alarm(forking, SSV_NEVER);
	for (child = forking->children; child != NULL; child = next) {
		next = child->next;
		look_at(child, now);
	}
	for (child = forking->children; child != NULL; child = child->next)
		look_before(forking, ssv_earlier(child->deadline, child->look));
	return 0;
}

/* Its end was told; where the kernel is not so far yet, it is looked for. */
static int child_ready(struct ssv_watch *watch)
{
	struct ssv_child *child = ssv_container_of(watch, struct ssv_child, watch);

	if (reap(child))
		return 0;
	ssv_server_unwatch(child->forking->layer.server, watch);
	child->watched = false;
	child->forking->untold += child->is_pidfd;
	look_again(child);
	return 0;
}

/* The child's own deadline comes first, so that its handler can end by itself. */
static int64_t kill_at(const struct ssv_request *request)
{
	int64_t deadline = request->stream->deadline;

	return deadline == SSV_NEVER ? SSV_NEVER : deadline + (deadline - request->opened) / 20;
}

static void follow(struct ssv_forking_mixin *forking, struct ssv_child *child, pid_t pid)
{
	ssv_child_follow(child, pid);
	child->watch.ready = child_ready;
	child->look = SSV_NEVER;
	link_child(forking, child);
	child->watched =
		child->watch.fd >= 0 && ssv_server_watch(forking->layer.server, &child->watch) == 0;
	forking->untold += !child->is_pidfd || !child->watched;
	if (!child->watched)
		look_again(child);
	look_before(forking, child->deadline);
}

/* --- in the child --- */

/* They are no children of a child. */
static void forking_forsake(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	struct ssv_child *child;

	while ((child = forking->children) != NULL) {
		forking->children = child->next;
		ssv_child_close(child);
		put_spare(forking, child);
	}
	forking->active = 0;
	if (forking->timer.fd >= 0)
		close(forking->timer.fd);
	forking->timer.fd = -1;
}

/* Of exit(3), before all that the host has registered. */
static void leave_exit(int status, void *context)
{
	(void)context;
	ssv_child_exit(status);
}

/* `child` is of no use in itself, but for its lifeline: that stays open until the end. */
static _Noreturn void run_child(
	struct ssv_forking_mixin *forking, struct ssv_request *request, struct ssv_child *child)
{
	struct ssv_server *server = request->server;
	int rc;

	if (child->watch.fd >= 0)
		close(child->watch.fd);
	put_spare(forking, child);
	on_exit(leave_exit, NULL);
	if (forking->child_start != NULL)
		forking->child_start(forking, request);
	rc = ssv_server_finish_request(server, request);
	if (rc < 0 && rc != SSV_EXIT)
		ssv_server_handle_error(server, request, rc);
	ssv_server_shutdown_request(server, request);
	if (forking->child_finish != NULL)
		forking->child_finish(forking, request);
	ssv_child_exit(rc < 0);
}

/* --- processing a request --- */

/* The more often in a row, the longer the listener rests before it takes the next one. */
static int fork_failed(struct ssv_forking_mixin *forking, int error)
{
	if (forking->failures < MAX_HOLDS)
		forking->failures++;
	forking->holds = forking->failures;
	forking->failure = error == -EAGAIN ? NO_PROCESS : error;
	ssv_count(&forking->layer.server->counters->refused, 1);
	return error;
}

/* In the parent. The child has the connection; what was read already, it counts. */
static void hand_over(struct ssv_forking_mixin *forking, struct ssv_request *request,
	struct ssv_child *child, pid_t pid)
{
	request->stream->bytes_read = request->stream->bytes_written = 0;
	ssv_server_close_request(forking->layer.server, request);
	follow(forking, child, pid);
	forking->failures = 0;
}

static int forking_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	struct ssv_child *child = take_spare(forking);
	pid_t pid;

	if (child == NULL)
		return fork_failed(forking, -ENOMEM);
	child->forking = forking;
	child->deadline = kill_at(request);
	ssv_child_prepare(child, request, forking->pipes);
	ssv_live_replace(request, &child->request);
	pid = ssv_open_servers_fork(layer->server);
	if (pid == 0)
		run_child(forking, request, child);
	if (pid > 0) {
		hand_over(forking, request, child, pid);
		return 0;
	}
	ssv_live_replace(&child->request, request);
	ssv_child_close(child);
	put_spare(forking, child);
	return fork_failed(forking, pid);
}

static int forking_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_forking_mixin *forking = forking_of(layer);

	if (forking->holds > 0) {
		forking->holds--;
		return forking->failure;
	}
	if (forking->active >= forking->max_children && forking->active > 0)
		return -EBUSY;
	return ssv_super_get_request(layer, request);
}

static int forking_service_actions(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);

	if (forking->untold > 0)
		reap_all(forking);
	return ssv_super_service_actions(layer);
}

static int forking_handle_timeout(struct ssv_layer *layer)
{
	reap_all(forking_of(layer));
	return ssv_super_handle_timeout(layer);
}

/* --- from activate to close --- */

/* Children count as well: in memory that they share. */
static int share_counters(struct ssv_server *server)
{
	void *memory;

	if (server->counters != &server->own_counters)
		return 0;
	memory = mmap(NULL, sizeof(*server->counters), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	server->counters = memory;
	*server->counters = server->own_counters;
	return 0;
}

static void unshare_counters(struct ssv_server *server)
{
	if (server->counters == &server->own_counters)
		return;
	server->own_counters = *server->counters;
	munmap(server->counters, sizeof(*server->counters));
	server->counters = &server->own_counters;
}

static int open_timer(struct ssv_forking_mixin *forking)
{
	int fd;

	if (forking->timer.fd >= 0)
		return 0;
	fd = ssv_descriptor_above_stdio(
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	if (fd < 0)
		return -errno;
	forking->timer.fd = fd;
	forking->timer.ready = timer_ready;
	forking->alarm = SSV_NEVER;
	return ssv_server_watch(forking->layer.server, &forking->timer);
}

static void close_timer(struct ssv_forking_mixin *forking)
{
	if (forking->timer.fd < 0)
		return;
	ssv_server_unwatch(forking->layer.server, &forking->timer);
	close(forking->timer.fd);
	forking->timer.fd = -1;
}

static int forking_activate(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	int rc = ssv_child_has_pidfd();

	forking->pipes = rc == 0;
	if (rc >= 0)
		rc = share_counters(layer->server);
	if (rc >= 0)
		rc = open_timer(forking);
	return rc < 0 ? rc : ssv_super_activate(layer);
}

/* One after the other will do, since they are waited for all. */
static void wait_for_children(struct ssv_forking_mixin *forking, int64_t until)
{
	struct pollfd polled[2];
	struct ssv_child *child;

	while ((child = forking->children) != NULL && ssv_ms_until(until) != 0) {
		polled[0] = (struct pollfd){.fd = forking->timer.fd, .events = POLLIN};
		polled[1] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (child->watched)
			polled[1].fd = child->watch.fd;
		if (poll(polled, 2, ssv_ms_until(until)) <= 0)
			continue;
		if (polled[1].revents != 0)
			child_ready(&child->watch);
		if (polled[0].revents != 0)
			timer_ready(&forking->timer);
	}
	reap_all(forking);
}

int ssv_forking_mixin_collect_children(struct ssv_forking_mixin *forking, bool blocking)
{
	if (blocking)
		wait_for_children(forking, SSV_NEVER);
	return reap_all(forking);
}

static void end_children(struct ssv_forking_mixin *forking, int signal, int64_t until)
{
	struct ssv_child *child;

	for (child = forking->children; child != NULL; child = child->next) {
		child->ending = true;
		ssv_child_signal(child, signal);
	}
	wait_for_children(forking, until);
}

/* Who connects from now on is refused, not kept waiting for nobody. */
static void stop_listening(struct ssv_server *server)
{
	if (server->fd >= 0 && !server->shared &&
		ssv_transport_is_stream(server->server_address.transport))
		shutdown(server->fd, SHUT_RDWR);
}

static int forking_close(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	struct ssv_server *server = layer->server;
	int rc;

	stop_listening(server);
	wait_for_children(forking, forking->block_on_close ? server->close_until : SSV_NOW);
	end_children(forking, SIGTERM, ssv_until(server->abort_timeout));
	end_children(forking, SIGKILL, ssv_until(KILL_MS));
	rc = forking->active > 0 ? forking->active : ssv_super_close(layer);
	if (rc == 0) {
		close_timer(forking);
		unshare_counters(server);
		free_spares(forking);
		forking->failures = forking->holds = 0;
	}
	return rc;
}

static const struct ssv_layer_ops forking_ops = {
	.activate = forking_activate,
	.close = forking_close,
	.service_actions = forking_service_actions,
	.handle_timeout = forking_handle_timeout,
	.get_request = forking_get_request,
	.process_request = forking_process_request,
	.forsake = forking_forsake,
};

void ssv_forking_mixin_init(struct ssv_forking_mixin *forking, struct ssv_server *server)
{
	*forking = (struct ssv_forking_mixin){
		.max_children = 40,
		.block_on_close = true,
		.timer.fd = -1,
		.alarm = SSV_NEVER,
	};
	ssv_server_link(server, &forking->layer, &forking_ops);
	server->timeout = TIMEOUT_MS;
}
