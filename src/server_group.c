#include "backoff.h"
#include "clock.h"
#include "live_requests.h"
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

/* Without memory for it the steps go on at intervals. */
static int poll_failed(int error)
{
	if (error == ENOMEM)
		ssv_backoff_pause();
	return error == ENOMEM || error == EINTR ? 0 : -error;
}

/* Until the first of them has something to do; which, is for their steps to find out. */
static int wait_for_any(struct member *members, struct pollfd *polled, size_t count)
{
	int timeout = -1, due;
	size_t i;

	for (i = 0; i < count; i++) {
		polled[i] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (!members[i].inside)
			continue;
		polled[i].fd = ssv_server_poll_fd(members[i].server);
		due = ssv_server_poll_timeout(members[i].server);
		if (due >= 0 && (timeout < 0 || due < timeout))
			timeout = due;
	}
	return poll(polled, (nfds_t)count, timeout) < 0 ? poll_failed(errno) : 0;
}

static void leave(struct member *member)
{
	member->inside = false;
	ssv_running_leave(&member->stay, true);
}

/* How many go on; or the error that ends them all. */
static int step(struct member *members, size_t count)
{
	int inside = 0, rc;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!members[i].inside)
			continue;
		rc = ssv_serving_step(members[i].server);
		if (rc < 0 && rc != -ECANCELED)
			return rc;
		if (rc == -ECANCELED)
			leave(&members[i]);
		inside += members[i].inside;
	}
	return inside;
}

static int enter_all(struct member *members, struct ssv_server *const *servers, size_t count)
{
	size_t i;
	int rc;

	for (i = 0; i < count; i++) {
		members[i].server = servers[i];
		rc = ssv_running_enter(servers[i], &members[i].stay);
		if (rc < 0 && rc != -ECANCELED)
			return rc;
		members[i].inside = rc == 0;
	}
	return 0;
}

int ssv_serve_all(struct ssv_server *const *servers, size_t count)
{
	struct member *members = calloc(count, sizeof(*members));
	struct pollfd *polled = calloc(count, sizeof(*polled));
	int rc = members == NULL || polled == NULL ? -ENOMEM : enter_all(members, servers, count);
	size_t i;

	if (rc == 0)
		rc = step(members, count);
	while (rc > 0) {
		rc = wait_for_any(members, polled, count);
		if (rc == 0)
			rc = step(members, count);
	}
	for (i = count; members != NULL && i > 0; i--) {
		if (members[i - 1].inside)
			leave(&members[i - 1]);
	}
	free(polled);
	free(members);
	return rc;
}

/* When `milliseconds` after `start` are over. */
static int64_t end_of(int64_t start, int milliseconds)
{
	return milliseconds < 0 ? SSV_NEVER : start + milliseconds * INT64_C(1000000);
}

static bool all_left(struct ssv_server *const *servers, size_t count)
{
	bool left = true;
	size_t i;

	for (i = 0; i < count; i++)
		left = ssv_running_stop(servers[i], servers[i]->close_until) && left;
	return left;
}

/* Lets what runs end by itself, then cuts it off. */
static void stop_all(struct ssv_server *const *servers, size_t count)
{
	int64_t start = ssv_now();
	size_t i;

	for (i = 0; i < count; i++) {
		servers[i]->close_until = end_of(start, servers[i]->grace);
		ssv_running_bar(servers[i]);
		ssv_server_request_stop(servers[i]);
	}
	if (all_left(servers, count))
		return;
	start = ssv_now();
	for (i = 0; i < count; i++) {
		servers[i]->close_until = end_of(start, servers[i]->abort_timeout);
		ssv_live_abort(servers[i]);
	}
	all_left(servers, count);
}

int ssv_close_all(struct ssv_server *const *servers, size_t count)
{
	int rc, running = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (ssv_running_is_here(servers[i]))
			return -EDEADLK;
	}
	stop_all(servers, count);
	for (i = 0; i < count; i++) {
		rc = ssv_running_retire(servers[i]) ? ssv_server_close_chain(servers[i]) : 1;
		running += rc > 0 ? rc : 0;
	}
	return running;
}
