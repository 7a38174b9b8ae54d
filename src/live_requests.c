#include "live_requests.h"

#include "stream.h"
#include "tally.h"

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
	ssv_count(&request->server->tally->counters.accepted, 1);
	link_live(request);
	pthread_mutex_unlock(&request->server->lock);
}

void ssv_live_remove(struct ssv_request *request)
{
	pthread_mutex_lock(&request->server->lock);
	unlink_live(request);
	pthread_mutex_unlock(&request->server->lock);
}

/* Under the lock. */
static void count_bytes(const struct ssv_request *request)
{
	struct ssv_counters *counters = &request->server->tally->counters;

	ssv_count(&counters->bytes_read, request->stream->bytes_read);
	ssv_count(&counters->bytes_written, request->stream->bytes_written);
}

void ssv_live_finish(struct ssv_request *request)
{
	pthread_mutex_lock(&request->server->lock);
	unlink_live(request);
	count_bytes(request);
	pthread_mutex_unlock(&request->server->lock);
}

/* A packet's bytes may be counted by a child, when it is over. */
static void add_bytes(const struct ssv_request *request, struct ssv_counters *counters)
{
	const struct ssv_stream *stream = request->stream;

	if (!ssv_transport_is_stream(request->socket.transport))
		return;
	counters->bytes_read += __atomic_load_n(&stream->bytes_read, __ATOMIC_RELAXED);
	counters->bytes_written += __atomic_load_n(&stream->bytes_written, __ATOMIC_RELAXED);
}

static void load(struct ssv_counters *counters, const struct ssv_counters *now)
{
	*counters = (struct ssv_counters){
		.accepted = __atomic_load_n(&now->accepted, __ATOMIC_RELAXED),
		.refused = __atomic_load_n(&now->refused, __ATOMIC_RELAXED),
		.failed = __atomic_load_n(&now->failed, __ATOMIC_RELAXED),
		.timed_out = __atomic_load_n(&now->timed_out, __ATOMIC_RELAXED),
		.hung_up = __atomic_load_n(&now->hung_up, __ATOMIC_RELAXED),
		.bytes_read = __atomic_load_n(&now->bytes_read, __ATOMIC_RELAXED),
		.bytes_written = __atomic_load_n(&now->bytes_written, __ATOMIC_RELAXED),
	};
}

void ssv_server_counters(struct ssv_server *server, struct ssv_counters *counters)
{
	const struct ssv_request *request;

	pthread_mutex_lock(&server->lock);
	load(counters, &server->tally->counters);
	for (request = server->live; request != NULL; request = request->next) {
		counters->active++;
		add_bytes(request, counters);
	}
	pthread_mutex_unlock(&server->lock);
}

void ssv_live_replace(struct ssv_request *request, struct ssv_request *by)
{
	pthread_mutex_lock(&request->server->lock);
	unlink_live(request);
	link_live(by);
	pthread_mutex_unlock(&request->server->lock);
}

void ssv_live_hand_over(struct ssv_request *request, struct ssv_request *by)
{
	pthread_mutex_lock(&request->server->lock);
	unlink_live(request);
	count_bytes(request);
	request->stream->bytes_read = request->stream->bytes_written = 0;
	link_live(by);
	pthread_mutex_unlock(&request->server->lock);
}

void ssv_live_forget_descriptor(struct ssv_request *request)
{
	pthread_mutex_lock(&request->server->lock);
	request->socket.fd = -1;
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

static void cut(const struct ssv_request *request)
{
	const struct ssv_stream *socket = &request->socket;

	if (ssv_transport_is_stream(socket->transport) && ssv_stream_has_descriptor(socket))
		shutdown(socket->fd, SHUT_RDWR);
}

void ssv_live_abort(struct ssv_server *server)
{
	const struct ssv_request *request;

	__atomic_store_n(&server->aborting, true, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&server->lock);
	for (request = server->live; request != NULL; request = request->next)
		cut(request);
	pthread_mutex_unlock(&server->lock);
}
