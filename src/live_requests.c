#include "live_requests.h"

#include <sys/socket.h>

/* Under the lock, as the next one. */
static void link_live(struct ssv_request *request)
{
	struct ssv_server *server = request->server;

	request->previous = NULL;
	request->next = server->live;
	if (server->live != NULL)
		server->live->previous = request;
	server->live = request;
}

static void unlink_live(struct ssv_request *request)
{
	struct ssv_server *server = request->server;

	if (request->previous == NULL && server->live != request)
		return;
	if (request->next != NULL)
		request->next->previous = request->previous;
	if (request->previous != NULL)
		request->previous->next = request->next;
	else
		server->live = request->next;
	request->next = request->previous = NULL;
}

void ssv_live_add(struct ssv_request *request)
{
	pthread_mutex_lock(&request->server->lock);
	link_live(request);
	pthread_mutex_unlock(&request->server->lock);
}

void ssv_live_remove(struct ssv_request *request)
{
	pthread_mutex_lock(&request->server->lock);
	unlink_live(request);
	pthread_mutex_unlock(&request->server->lock);
}

void ssv_live_replace(struct ssv_request *request, struct ssv_request *by)
{
	pthread_mutex_lock(&request->server->lock);
	unlink_live(request);
	link_live(by);
	pthread_mutex_unlock(&request->server->lock);
}

int ssv_server_each_request(struct ssv_server *server,
	int (*visit)(const struct ssv_request *request, void *context), void *context)
{
	const struct ssv_request *request;
	int rc = 0;

	pthread_mutex_lock(&server->lock);
	for (request = server->live; rc == 0 && request != NULL; request = request->next)
		rc = visit(request, context);
	pthread_mutex_unlock(&server->lock);
	return rc;
}

void ssv_live_abort(struct ssv_server *server)
{
	struct ssv_request *request;

	__atomic_store_n(&server->aborting, true, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&server->lock);
	for (request = server->live; request != NULL; request = request->next) {
		if (ssv_transport_is_stream(request->socket.transport))
			shutdown(request->socket.fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
}
