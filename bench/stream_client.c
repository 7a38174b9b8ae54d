/** Requests over a stream: so many bytes there, and the same back. */
#include "client.h"
#include "clock.h"
#include "dial.h"
#include "pattern.h"
#include "worker.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <socketserver/container_of.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum state {
	IDLE,
	WAITING, /* for a connection, which cannot be had just now */
	EXCHANGING,
	ENDING, /* it has sent its end, and waits for the server's */
};

struct stream_client {
	struct client base;
	enum state state;
	uint64_t connections, key;    /* how many there were; of the present one's bytes */
	uint64_t sent, received, due; /* its bytes up to now, and how many are to be exchanged */
	int64_t intended, answered;   /* when the request should have begun, and was answered */
	int64_t progress;             /* when it last got on */
};

static struct stream_client *stream_client_of(struct client *client)
{
	return ssv_container_of(client, struct stream_client, base);
}

static void stop_waiting(struct stream_client *client)
{
	if (client->state == WAITING)
		client->base.worker->to_be_retried--;
}

static void disconnect(struct stream_client *client)
{
	stop_waiting(client);
	client_close_socket(&client->base);
	client->state = IDLE;
}

static void lose(struct stream_client *client, int error)
{
	disconnect(client);
	client_lost(&client->base, error);
	client_is_free(&client->base);
}

static void find_corrupted(struct stream_client *client)
{
	disconnect(client);
	client_corrupted(&client->base);
	client_is_free(&client->base);
}

static void finish(struct stream_client *client)
{
	const struct plan *plan = client->base.worker->plan;

	client->state = IDLE;
	if (plan->scenario->reconnect)
		disconnect(client);
	client_answered(&client->base, client->intended, client->answered);
	if (!plan->scenario->stay)
		client_is_free(&client->base);
}

/* The reply is whole; where the connection ends with it, nothing more may come but the end. */
static void end_exchange(struct stream_client *client)
{
	const struct plan *plan = client->base.worker->plan;

	client->answered = client->progress;
	if (!plan->scenario->reconnect || plan->abrupt) {
		finish(client);
		return;
	}
	client->state = ENDING;
	if (shutdown(client->base.fd, SHUT_WR) < 0)
		lose(client, errno);
}

static ssize_t send_piece(struct stream_client *client)
{
	unsigned char *piece = client->base.worker->scratch;
	uint64_t left = client->due - client->sent;
	size_t size = left < WORKER_SCRATCH ? (size_t)left : WORKER_SCRATCH;

	pattern_fill(client->key, client->sent, piece, size);
	return send(client->base.fd, piece, size, MSG_NOSIGNAL);
}

/* Sends what there is room for. */
static void push(struct stream_client *client)
{
	uint32_t events = EPOLLIN;
	ssize_t n = 0;
	int rc;

	while (n >= 0 && client->sent < client->due) {
		n = send_piece(client);
		if (n > 0)
			client->sent += (uint64_t)n;
	}
	if (n < 0 && errno != EAGAIN) {
		lose(client, errno);
		return;
	}
	if (client->sent < client->due)
		events |= EPOLLOUT;
	rc = client_watch(&client->base, events);
	if (rc < 0)
		lose(client, -rc);
}

static void take(struct stream_client *client, const unsigned char *data, size_t size)
{
	client->progress = ssv_now();
	if (size > client->sent - client->received ||
		!pattern_matches(client->key, client->received, data, size)) {
		find_corrupted(client);
		return;
	}
	client->received += size;
	if (client->received == client->due)
		end_exchange(client);
}

/* Of a connection without a request. */
static void take_while_idle(struct stream_client *client, ssize_t n)
{
	if (n > 0)
		client_surplus(&client->base);
	else
		result_error(&client->base.worker->result, n == 0 ? ENODATA : errno);
	disconnect(client);
}

/* Receives what is there: a short read has taken all. */
static void pull(struct stream_client *client)
{
	unsigned char *scratch = client->base.worker->scratch;
	ssize_t n;

	do {
		n = recv(client->base.fd, scratch, WORKER_SCRATCH, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (client->state == IDLE)
			take_while_idle(client, n);
		else if (n < 0)
			lose(client, errno);
		else if (n > 0)
			take(client, scratch, (size_t)n);
		else if (client->state == ENDING)
			finish(client);
		else
			lose(client, ENODATA);
	} while (client->base.fd >= 0 && n == WORKER_SCRATCH);
}

static int open_connection(struct stream_client *client)
{
	const struct worker *worker = client->base.worker;
	const int on = 1;
	uint64_t number;
	int fd;

	number = client->base.number + client->connections * (uint64_t)worker->plan->connections;
	fd = dial(&worker->plan->address, number);
	if (fd < 0)
		return fd;
	if (worker->plan->address.transport == SSV_TCP && !worker->plan->scenario->reconnect)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client->base.fd = fd;
	client->connections++;
	client->key = pattern_key(number);
	client->sent = client->received = client->due = 0;
	return 0;
}

static void exchange(struct stream_client *client)
{
	stop_waiting(client);
	client->state = EXCHANGING;
	client->progress = ssv_now();
	client->due += (uint64_t)client->base.worker->plan->size;
	push(client);
}

static void connect_and_exchange(struct stream_client *client)
{
	int rc = open_connection(client);

	if (rc == 0) {
		exchange(client);
	} else if (rc != -EAGAIN) {
		lose(client, -rc);
	} else if (client->state != WAITING) {
		client->state = WAITING;
		client->progress = ssv_now();
		client->base.worker->to_be_retried++;
	}
}

static void stream_client_begin(struct client *base, int64_t intended)
{
	struct stream_client *client = stream_client_of(base);

	client->intended = intended;
	if (base->fd >= 0)
		exchange(client);
	else
		connect_and_exchange(client);
}

static void stream_client_event(struct client *base, uint32_t events)
{
	struct stream_client *client = stream_client_of(base);

	if (base->fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0)
		pull(client);
	if (base->fd >= 0 && (events & EPOLLOUT) != 0 && client->state == EXCHANGING)
		push(client);
}

static void stream_client_tick(struct client *base, int64_t now)
{
	struct stream_client *client = stream_client_of(base);

	if (client->state == IDLE)
		return;
	if (now - client->progress > base->worker->plan->timeout * NS_PER_MS)
		lose(client, ETIMEDOUT);
	else if (client->state == WAITING)
		connect_and_exchange(client);
}

static const struct client_ops stream_client_ops = {
	.begin = stream_client_begin,
	.event = stream_client_event,
	.tick = stream_client_tick,
	.close = client_close_socket,
};

struct client *stream_client_new(struct worker *worker, uint64_t number)
{
	struct stream_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->base = (struct client){
		.ops = &stream_client_ops, .worker = worker, .number = number, .fd = -1};
	return &client->base;
}
