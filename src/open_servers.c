#include "open_servers.h"

#include "descriptor.h"
#include "loop.h"
#include "running.h"
#include "stop_signals.h"
#include "stream.h"
#include "tally.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

pid_t (*ssv_fork)(void) = fork;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ssv_server *first;

/* Under the lock. Where the link to it is, or would be. */
static struct ssv_server **find(const struct ssv_server *server)
{
	struct ssv_server **at = &first;

	while (*at != NULL && *at != server)
		at = &(*at)->next_open;
	return at;
}

void ssv_open_servers_add(struct ssv_server *server)
{
	struct ssv_server **at;

	pthread_mutex_lock(&lock);
	at = find(server);
	if (*at == NULL) {
		server->next_open = NULL;
		*at = server;
	}
	pthread_mutex_unlock(&lock);
}

/* Unless the host has closed it already, and the number is another file's. */
static void close_socket(struct ssv_server *server)
{
	if (server->fd >= 0 && ssv_descriptor_is(server->fd, server->cookie))
		close(server->fd);
	server->fd = -1;
	server->cookie = 0; /* the next socket is another one */
}

/* All under the lock: no child may get the number when it is somebody else's already. */
void ssv_open_servers_close(struct ssv_server *server)
{
	struct ssv_server **at;

	pthread_mutex_lock(&lock);
	at = find(server);
	if (*at != NULL)
		*at = server->next_open;
	close_socket(server);
	pthread_mutex_unlock(&lock);
}

void ssv_open_servers_wake(void)
{
	struct ssv_server *server;

	pthread_mutex_lock(&lock);
	for (server = first; server != NULL; server = server->next_open)
		ssv_loop_wake(server);
	pthread_mutex_unlock(&lock);
}

static void lock_all(void)
{
	struct ssv_server *server;

	pthread_mutex_lock(&lock);
	for (server = first; server != NULL; server = server->next_open)
		pthread_mutex_lock(&server->lock);
}

static void unlock_all(void)
{
	struct ssv_server *server;

	for (server = first; server != NULL; server = server->next_open)
		pthread_mutex_unlock(&server->lock);
	pthread_mutex_unlock(&lock);
}

/* The child has a copy of each, on which nobody waits. Its own request is not among the live ones.
 */
static void let_go(struct ssv_server *server, const struct ssv_server *own)
{
	bool needed = server == own && !ssv_transport_is_stream(own->server_address.transport);
	const struct ssv_request *request;

	for (request = server->live; request != NULL; request = request->next) {
		if (request->socket.fd >= 0 && request->socket.fd != server->fd &&
			ssv_stream_has_descriptor(&request->socket))
			close(request->socket.fd);
	}
	if (!needed)
		close_socket(server);
	ssv_loop_forsake(server);
	ssv_running_forsake(server);
}

static void forsake(struct ssv_server *server)
{
	struct ssv_layer *layer;

	for (layer = server->mro.next; layer != NULL; layer = layer->next) {
		if (layer->ops->forsake != NULL)
			layer->ops->forsake(layer);
	}
}

/* Its other threads are not here: whatever they had locked is free. */
static void renew_locks(struct ssv_server *server)
{
	pthread_mutex_init(&lock, NULL);
	pthread_mutex_init(&server->lock, NULL);
	pthread_mutex_init(&server->turn, NULL);
	ssv_tally_renew(server);
	pthread_cond_init(&server->changed, NULL);
}

void ssv_open_servers_leave(struct ssv_server *server)
{
	struct ssv_request *request, *next;

	renew_locks(server);
	let_go(server, NULL);
	forsake(server);
	for (request = server->live; request != NULL; request = next) {
		next = request->next;
		request->next = request->previous = NULL;
		request->stream = NULL;
		request->socket.fd = -1;
	}
	server->live = NULL;
	server->inherited = false;
	server->served_by = 0;
}

static void become_child(const struct ssv_server *own)
{
	struct ssv_server *server;

	for (server = first; server != NULL; server = server->next_open) {
		let_go(server, own);
		forsake(server);
	}
	ssv_stop_signals_forsake();
}

/*
 * So that no signal handler runs in a child that has its parent's loop still. SIGCHLD may come:
 * were it blocked here when a child ends, Linux would interrupt the system call of another thread
 * for it.
 */
static void block_signals(sigset_t *before)
{
	sigset_t signals;

	sigfillset(&signals);
	sigdelset(&signals, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &signals, before);
}

pid_t ssv_open_servers_fork(const struct ssv_server *server)
{
	sigset_t before;
	int error;
	pid_t pid;

	block_signals(&before);
	lock_all();
	pid = ssv_fork();
	error = pid < 0 ? errno : 0;
	if (pid == 0)
		become_child(server);
	unlock_all();
	if (pid == 0)
		first = NULL;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -error : pid;
}
