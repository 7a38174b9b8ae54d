#include "accept_error.h"
#include "children.h"
#include "clock.h"
#include "closing.h"
#include "descriptor.h"
#include "live_requests.h"
#include "loop.h"
#include "open_servers.h"
#include "request.h"
#include "running.h"
#include "server_socket.h"
#include "serving.h"
#include "tally.h"

#include <errno.h>
#include <signal.h>
#include <socketserver/container_of.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS (300 * 1000)
#define KILL_MS 1000 /* in which the kernel ends what it was told to */
#define MANY 8       /* that may have ended, unseen until the loop comes to it */
#define MAX_SEEN 64  /* before each request */

static struct ssv_forking_mixin *forking_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_forking_mixin, layer);
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

/* --- in the child --- */

/* Of exit(3), before all that the host has registered. */
static void leave_exit(int status, void *context)
{
	(void)context;
	ssv_child_exit(status);
}

/* Nothing of the host's runs at an exit(3) of the handler's; without memory for that, no handler.
 */
static int process(struct ssv_forking_mixin *forking, struct ssv_request *request)
{
	if (on_exit(leave_exit, NULL) != 0)
		return -ENOMEM;
	if (forking->child_start != NULL)
		forking->child_start(forking, request);
	return ssv_server_finish_request(request->server, request);
}

/* `child` is of no use in itself, but for its lifeline: that stays open until the end. Nothing is
 * written to it: the kernel would have to copy the page first. */
static _Noreturn void run_child(struct ssv_forking_mixin *forking, struct ssv_request *request,
	const struct ssv_child *child)
{
	struct ssv_server *server = request->server;
	int rc;

	if (child->watch.fd >= 0)
		close(child->watch.fd);
	rc = process(forking, request);
	if (rc < 0 && rc != SSV_EXIT)
		ssv_server_handle_error(server, request, rc);
	ssv_server_shutdown_request(server, request);
	if (forking->child_finish != NULL)
		forking->child_finish(forking, request);
	ssv_child_exit(rc < 0);
}

/* --- processing a request --- */

/* No request is taken from now on, until there can be a child for it. */
static int fork_failed(struct ssv_forking_mixin *forking, int error)
{
	forking->no_child = true;
	ssv_count(&forking->layer.server->tally->counters.refused, 1);
	return error;
}

/* 0: there can be a child; or why not. */
static int try_fork(struct ssv_forking_mixin *forking)
{
	pid_t pid = ssv_open_servers_fork(forking->layer.server);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return pid == -EAGAIN ? SSV_NO_PROCESS : pid;
	ssv_child_wait(pid);
	forking->no_child = false;
	return 0;
}

/* In the parent. The child has the connection. */
static void hand_over(struct ssv_forking_mixin *forking, struct ssv_request *request,
	struct ssv_child *child, pid_t pid)
{
	ssv_running_note_process(forking->layer.server);
	ssv_server_close_request(forking->layer.server, request);
	ssv_children_follow(forking, child, pid);
}

/* The child's own deadline comes first, so that its handler can end by itself. */
static int64_t kill_at(const struct ssv_request *request)
{
	int64_t deadline = request->stream->deadline;

	return deadline == SSV_NEVER ? SSV_NEVER : deadline + (deadline - request->opened) / 20;
}

static int forking_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	struct ssv_child *child = ssv_children_next(forking);
	pid_t pid;

	if (child == NULL)
		return fork_failed(forking, -ENOMEM);
	(void)ssv_handler_reserve(layer->server->handler, request); /* once, not in each child */
	child->forking = forking;
	child->deadline = kill_at(request);
	ssv_child_prepare(child, request, forking->pipes);
	ssv_live_hand_over(request, &child->request);
	pid = ssv_open_servers_fork(layer->server);
	if (pid == 0)
		run_child(forking, request, child);
	if (pid > 0) {
		hand_over(forking, request, child, pid);
		return 0;
	}
	ssv_live_replace(&child->request, request);
	ssv_child_close(child);
	return fork_failed(forking, pid);
}

/*
 * The watches have their turn, until the listener comes, if it is one of them: what has ended is
 * not to be inherited by the next child.
 */
static int see_ended(struct ssv_server *server)
{
	int rc = 1;

	server->ready = false;
	for (int i = 0; rc > 0 && !server->ready && i < MAX_SEEN; i++)
		rc = ssv_loop_wait(server, SSV_NOW);
	server->ready = true;
	return rc < 0 ? rc : 0;
}

static int forking_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	int rc = 0;

	ssv_children_reap_young(forking);
	if (forking->active - forking->young > MANY)
		rc = see_ended(layer->server);
	if (rc < 0)
		return rc;
	if (forking->active >= forking->max_children && forking->active > 0) {
		ssv_children_watch(forking);
		return -EBUSY;
	}
	if (forking->no_child)
		rc = try_fork(forking);
	return rc < 0 ? rc : ssv_super_get_request(layer, request);
}

static int forking_service_actions(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);

	if (forking->untold > 0)
		ssv_children_reap(forking);
	return ssv_super_service_actions(layer);
}

static int forking_handle_timeout(struct ssv_layer *layer)
{
	ssv_children_reap(forking_of(layer));
	return ssv_super_handle_timeout(layer);
}

/* --- from activate to close --- */

/* They are no children of a child. */
static void forking_forsake(struct ssv_layer *layer)
{
	ssv_children_forsake(forking_of(layer));
}

static int forking_activate(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	int rc = ssv_child_has_pidfd();

	forking->pipes = rc == 0;
	if (rc >= 0)
		rc = ssv_tally_share(layer->server);
	if (rc >= 0)
		rc = ssv_children_open(forking);
	return rc < 0 ? rc : ssv_super_activate(layer);
}

int ssv_forking_mixin_collect_children(struct ssv_forking_mixin *forking, bool blocking)
{
	if (blocking)
		ssv_children_wait(forking, SSV_NEVER);
	return ssv_children_reap(forking);
}

static int forking_close(struct ssv_layer *layer)
{
	struct ssv_forking_mixin *forking = forking_of(layer);
	struct ssv_server *server = layer->server;
	int rc;

	ssv_server_socket_stop_listening(server);
	if (!forking->block_on_close)
		ssv_closing_hurry(server);
	if (ssv_closing_cuts(server))
		ssv_children_end(forking, SIGTERM, ssv_closing_wait(server));
	else
		ssv_children_wait(forking, ssv_closing_wait(server));
	if (ssv_closing_gives_up(server))
		ssv_children_end(forking, SIGKILL, ssv_until(KILL_MS));
	rc = forking->active > 0 ? forking->active : ssv_super_close(layer);
	if (rc <= 0) {
		ssv_children_close(forking);
		ssv_tally_unshare(server);
		forking->no_child = false;
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
