#include "children.h"

#include "backoff.h"
#include "clock.h"
#include "descriptor.h"
#include "live_requests.h"
#include "report.h"
#include "serving.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <socketserver/container_of.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PAUSE_MS 1000 /* between two looks at a child whose end nothing tells of */
#define YOUNG_MS 5        /* in which most end: to be told of that would cost more than a look */

/* --- the list of children, and their memory --- */

struct ssv_child *ssv_children_next(struct ssv_forking_mixin *forking)
{
	if (forking->spare == NULL)
		forking->spare = calloc(1, sizeof(*forking->spare));
	return forking->spare;
}

static void take(struct ssv_forking_mixin *forking)
{
	forking->spare = forking->spare->next;
}

static void put_back(struct ssv_forking_mixin *forking, struct ssv_child *child)
{
	child->next = forking->spare;
	forking->spare = child;
}

static void free_spares(struct ssv_forking_mixin *forking)
{
	struct ssv_child *child;

	while ((child = forking->spare) != NULL) {
		take(forking);
		free(child);
	}
}

static void link_child(struct ssv_forking_mixin *forking, struct ssv_child *child)
{
	pthread_mutex_lock(&forking->layer.server->lock);
	child->request.child = child->pid;
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

/*
 * The young ones are the newest on the list, which begins with the newest: who is the oldest of
 * them is all that need be known.
 */
static void begin_youth(struct ssv_child *child)
{
	struct ssv_forking_mixin *forking = child->forking;

	child->young = true;
	forking->young++;
	if (forking->oldest_young == NULL)
		forking->oldest_young = child;
}

static void end_youth(struct ssv_child *child)
{
	struct ssv_forking_mixin *forking = child->forking;

	child->young = false;
	forking->young--;
	if (forking->oldest_young == child)
		forking->oldest_young = child->previous;
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
	if (child->young)
		end_youth(child);
	else
		forking->untold -= !child->is_pidfd || !child->watched;
	unlink_child(forking, child);
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
	put_back(forking, child);
	ssv_serving_given_back(forking->layer.server);
	return true;
}

int ssv_children_reap(struct ssv_forking_mixin *forking)
{
	struct ssv_child *child, *next;

	for (child = forking->children; child != NULL; child = next) {
		next = child->next;
		reap(child);
	}
	return forking->active;
}

void ssv_children_reap_young(struct ssv_forking_mixin *forking)
{
	while (forking->oldest_young != NULL && reap(forking->oldest_young))
		;
}

/* --- looks at children, by the timer --- */

/* Whether it could be set; if not, there is none. */
static bool set_alarm(struct ssv_forking_mixin *forking, int64_t at)
{
	int64_t left = at - ssv_now();
	struct itimerspec time = {0};

	if (left <= 0)
		left = 1;
	time.it_value.tv_sec = left / SSV_NS_PER_S;
	time.it_value.tv_nsec = left % SSV_NS_PER_S;
	forking->alarm = SSV_NEVER;
	if (timerfd_settime(forking->timer.fd, 0, &time, NULL) < 0)
		return false;
	forking->alarm = at;
	return true;
}

/* It has gone off, and would be an event until that is seen: until eight bytes are read, as from an
 * eventfd. */
static void see_alarm(struct ssv_forking_mixin *forking)
{
	const struct itimerspec none = {0};
	eventfd_t times;

	if (eventfd_read(forking->timer.fd, &times) < 0)
		timerfd_settime(forking->timer.fd, 0, &none, NULL);
	forking->alarm = SSV_NEVER;
}

static bool look_before(struct ssv_forking_mixin *forking, int64_t at)
{
	return at >= forking->alarm || set_alarm(forking, at);
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
	child->ending = true;
	child->deadline = SSV_NEVER;
	ssv_child_signal(child, SIGKILL);
	report_child(
		child, SSV_LOG_WARNING, "a child is killed at its deadline", "signal", SIGKILL);
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

static void watch_child(struct ssv_child *child)
{
	struct ssv_forking_mixin *forking = child->forking;

	ssv_child_watch(child);
	child->watch.ready = child_ready;
	child->look = SSV_NEVER;
	child->watched =
		child->watch.fd >= 0 && ssv_server_watch(forking->layer.server, &child->watch) == 0;
	forking->untold += !child->is_pidfd || !child->watched;
	if (!child->watched)
		look_again(child);
}

/* The oldest young one. The process id is still its own: it was not gone just now. */
static void grow_up(struct ssv_child *child)
{
	if (reap(child))
		return;
	end_youth(child);
	watch_child(child);
}

void ssv_children_watch(struct ssv_forking_mixin *forking)
{
	while (forking->oldest_young != NULL)
		grow_up(forking->oldest_young);
}

static void look_at_young(struct ssv_forking_mixin *forking, int64_t now)
{
	struct ssv_child *child;

	while ((child = forking->oldest_young) != NULL && child->look <= now)
		grow_up(child);
}

static int timer_ready(struct ssv_watch *watch)
{
	struct ssv_forking_mixin *forking =
		ssv_container_of(watch, struct ssv_forking_mixin, timer);
	struct ssv_child *child, *next;
	int64_t now = ssv_now();
	bool looks = true;

	see_alarm(forking);
	look_at_young(forking, now);
	for (child = forking->children; child != NULL; child = next) {
		next = child->next;
		look_at(child, now);
	}
	for (child = forking->children; looks && child != NULL; child = child->next)
		looks = look_before(forking, ssv_earlier(child->deadline, child->look));
	if (!looks)
		ssv_children_watch(forking);
	return 0;
}

void ssv_children_follow(struct ssv_forking_mixin *forking, struct ssv_child *child, pid_t pid)
{
	ssv_child_follow(child, pid);
	take(forking);
	link_child(forking, child);
	if (child->is_pidfd) {
		begin_youth(child);
		child->look = ssv_until(YOUNG_MS);
	} else {
		watch_child(child);
	}
	if (!look_before(forking, ssv_earlier(child->deadline, child->look)))
		ssv_children_watch(forking); /* no timer, so the kernel has to tell */
}

/* --- all of them --- */

/* One after the other will do, since they are waited for all. */
void ssv_children_wait(struct ssv_forking_mixin *forking, int64_t until)
{
	struct pollfd polled[2];
	struct ssv_child *child;
	int n;

	ssv_children_watch(forking);
	while ((child = forking->children) != NULL && ssv_ms_until(until) != 0) {
		polled[0] = (struct pollfd){.fd = forking->timer.fd, .events = POLLIN};
		polled[1] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (child->watched)
			polled[1].fd = child->watch.fd;
		n = poll(polled, 2, ssv_ms_until(until));
		if (n < 0 && errno != EINTR)
			ssv_backoff_pause();
		if (n > 0 && polled[1].revents != 0)
			child_ready(&child->watch);
		if (n > 0 && polled[0].revents != 0)
			timer_ready(&forking->timer);
	}
	ssv_children_reap(forking);
}

void ssv_children_end(struct ssv_forking_mixin *forking, int signal, int64_t until)
{
	struct ssv_child *child;

	for (child = forking->children; child != NULL; child = child->next) {
		if (signal == SIGKILL || !child->ending)
			ssv_child_signal(child, signal);
		child->ending = true;
	}
	ssv_children_wait(forking, until);
}

int ssv_children_open(struct ssv_forking_mixin *forking)
{
	int fd;

	if (forking->timer.fd >= 0)
		return 0;
	fd = ssv_descriptor_above_stdio(
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	if (fd < 0)
		return fd;
	forking->timer.fd = fd;
	forking->timer.ready = timer_ready;
	forking->alarm = SSV_NEVER;
	return ssv_server_watch(forking->layer.server, &forking->timer);
}

void ssv_children_close(struct ssv_forking_mixin *forking)
{
	if (forking->timer.fd >= 0) {
		ssv_server_unwatch(forking->layer.server, &forking->timer);
		close(forking->timer.fd);
	}
	forking->timer.fd = -1;
	free_spares(forking);
}

/* Nothing is written to the memory of each: the kernel would have to copy the page first. */
void ssv_children_forsake(struct ssv_forking_mixin *forking)
{
	const struct ssv_child *child;

	for (child = forking->children; child != NULL; child = child->next)
		ssv_child_let_go(child);
	forking->forsaken = forking->children;
	forking->children = forking->oldest_young = NULL;
	forking->active = forking->young = 0;
	if (forking->timer.fd >= 0)
		close(forking->timer.fd);
	forking->timer.fd = -1;
}
