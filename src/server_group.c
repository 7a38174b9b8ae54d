#include "backoff.h"
#include "clock.h"
#include "closing.h"
#include "live_requests.h"
#include "open_servers.h"
#include "running.h"
#include "server.h"
#include "serving.h"

#include <errno.h>
#include <poll.h>
#include <socketserver/server_group.h>
#include <stdlib.h>

/** One of the servers, while it is served. */
struct member {
	struct ssv_server *server;
	struct ssv_stay stay;
	bool inside;
};

/** All of them. */
struct group {
	struct member *members;
	struct pollfd *polled;
	size_t count;
};

/* Without memory for it the steps go on at intervals. */
static int poll_failed(int error)
{
	if (error == ENOMEM)
		ssv_backoff_pause();
	return error == ENOMEM || error == EINTR ? 0 : -error;
}

/* Until the first of them has something to do; which, is for their steps to find out. */
static int wait_for_any(const struct group *group)
{
	const struct member *members = group->members;
	struct pollfd *polled = group->polled;
	int timeout = -1, due;
	size_t i;

	for (i = 0; i < group->count; i++) {
		polled[i] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (!members[i].inside)
			continue;
		polled[i].fd = ssv_server_poll_fd(members[i].server);
		due = ssv_server_poll_timeout(members[i].server);
		if (due >= 0 && (timeout < 0 || due < timeout))
			timeout = due;
	}
	return poll(polled, (nfds_t)group->count, timeout) < 0 ? poll_failed(errno) : 0;
}

static void leave(struct member *member)
{
	member->inside = false;
	ssv_running_leave(&member->stay, true);
}

/* How many go on; or the error that ends them all. */
static int step(const struct group *group)
{
	struct member *member;
	int inside = 0, rc;

	for (member = group->members; member < group->members + group->count; member++) {
		if (!member->inside)
			continue;
		rc = ssv_serving_step(&member->server->mro);
		if (rc < 0 && rc != -ECANCELED)
			return rc;
		if (rc == -ECANCELED)
			leave(member);
		inside += member->inside;
	}
	return inside;
}

static int enter_all(const struct group *group, struct ssv_server *const *servers)
{
	struct member *member = group->members;
	size_t i;
	int rc;

	for (i = 0; i < group->count; i++, member++) {
		member->server = servers[i];
		rc = ssv_running_enter(servers[i], &member->stay);
		if (rc < 0 && rc != -ECANCELED)
			return rc;
		member->inside = rc == 0;
	}
	return 0;
}

/* 0 when all were stopped, or the error that ended them. */
static int serve(const struct group *group, struct ssv_server *const *servers)
{
	int rc = enter_all(group, servers);

	if (rc == 0)
		rc = step(group);
	while (rc > 0) {
		rc = wait_for_any(group);
		if (rc == 0)
			rc = step(group);
	}
	return rc;
}

static void leave_all(const struct group *group)
{
	for (size_t i = group->count; i-- > 0;) {
		if (group->members[i].inside)
			leave(&group->members[i]);
	}
	free(group->polled);
	free(group->members);
}

/* Whatever is called from in there has ended the thread. */
static void thread_ends(void *context)
{
	const struct group *group = context;
	struct member *member;

	for (member = group->members; member < group->members + group->count; member++) {
		if (member->inside)
			ssv_serving_abandon(member->server, &member->server->request);
	}
	leave_all(group);
}

static int serve_and_leave(struct group *group, struct ssv_server *const *servers)
{
	int rc;

	pthread_cleanup_push(thread_ends, group);
	rc = serve(group, servers);
	pthread_cleanup_pop(0);
	leave_all(group);
	return rc;
}

int ssv_serve_all(struct ssv_server *const *servers, size_t count)
{
	struct group group = {
		.members = calloc(count, sizeof(*group.members)),
		.polled = calloc(count, sizeof(*group.polled)),
		.count = count,
	};

	if (group.members != NULL && group.polled != NULL)
		return serve_and_leave(&group, servers);
	free(group.polled);
	free(group.members);
	return -ENOMEM;
}

static void begin_close(struct ssv_server *server, int64_t start)
{
	server->close_until = ssv_after(start, server->grace);
	server->abort_until = server->grace < 0
				      ? SSV_NEVER
				      : ssv_after(server->close_until, server->abort_timeout);
	server->unstopped = 1;
	ssv_running_bar(server);
	ssv_server_request_stop(server);
}

/* The next time when one of them loses patience: SSV_NEVER, or SSV_NOW where all have. */
static int64_t next_time(struct ssv_server *const *servers, size_t count)
{
	int64_t next = SSV_NOW, now = ssv_now(), own;
	size_t i;

	for (i = 0; i < count; i++) {
		if (servers[i]->unstopped == 0 || servers[i]->abort_until <= now)
			continue;
		own = servers[i]->close_until > now ? servers[i]->close_until
						    : servers[i]->abort_until;
		next = next == SSV_NOW ? own : ssv_earlier(next, own);
	}
	return next;
}

/* How many handlers are left at that time. */
static int close_one(struct ssv_server *server, int64_t until)
{
	if (ssv_closing_cuts(server))
		ssv_live_abort(server);
	server->close_wait = until;
	if (!ssv_running_stop(server, ssv_closing_wait(server)) || !ssv_running_retire(server))
		return 1;
	return ssv_server_close_chain(server);
}

static int close_each(struct ssv_server *const *servers, size_t count, int64_t until)
{
	int running = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (servers[i]->unstopped > 0)
			servers[i]->unstopped = close_one(servers[i], until);
		running += servers[i]->unstopped;
	}
	return running;
}

/* Until the patience of all is at its end, or of a layer that did not wait for it. */
static int close_in_time(struct ssv_server *const *servers, size_t count)
{
	int64_t until;
	int running;

	do {
		until = next_time(servers, count);
		running = close_each(servers, count, until);
	} while (running > 0 && until != SSV_NOW && ssv_ms_until(until) == 0);
	return running;
}

int ssv_close_all(struct ssv_server *const *servers, size_t count)
{
	int64_t start = ssv_now();
	size_t i;

	for (i = 0; i < count; i++) {
		if (ssv_running_is_here(servers[i]))
			return -EDEADLK;
	}
	for (i = 0; i < count; i++) {
		if (ssv_running_is_of_another_process(servers[i]))
			ssv_open_servers_leave(servers[i]);
		begin_close(servers[i], start);
	}
	return close_in_time(servers, count);
}
