/** Requests over datagrams, so many of them in flight: each is answered by itself, or lost. */
#include "client.h"
#include "clock.h"
#include "dial.h"
#include "pattern.h"
#include "worker.h"
#include <errno.h>
#include <socketserver/container_of.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A datagram begins with its number: the client's, then what the client has sent before. */
#define NUMBER_SIZE sizeof(uint64_t)
#define CLIENT_SHIFT 40
#define SERIAL_MASK ((UINT64_C(1) << CLIENT_SHIFT) - 1)

/* One in flight. A slot's numbers are those of its index, modulo the window. */
struct slot {
	struct slot *next; /* among those that wait to be sent, or are free */
	uint64_t number;
	int64_t intended;
	bool in_flight;
};

struct datagram_client {
	struct client base;
	struct slot *free, *unsent; /* at most one is unsent: the socket is full */
	struct slot slots[];
};

static struct datagram_client *datagram_client_of(struct client *client)
{
	return ssv_container_of(client, struct datagram_client, base);
}

static uint64_t window_of(const struct datagram_client *client)
{
	return (uint64_t)client->base.worker->plan->window;
}

static size_t size_of(const struct datagram_client *client)
{
	return (size_t)client->base.worker->plan->size;
}

/* It can begin another request, unless the socket is full. */
static void offer(struct datagram_client *client)
{
	if (client->free != NULL && client->unsent == NULL)
		client_is_free(&client->base);
}

/* The slot's request has ended, one way or another. */
static void vacate(struct datagram_client *client, struct slot *slot)
{
	if (client->unsent == slot)
		client->unsent = NULL;
	slot->in_flight = false;
	slot->number += window_of(client);
	slot->next = client->free;
	client->free = slot;
	offer(client);
}

static void lose(struct datagram_client *client, struct slot *slot, int error)
{
	client_lost(&client->base, error);
	vacate(client, slot);
}

static void watch(struct datagram_client *client)
{
	uint32_t events = EPOLLIN | (client->unsent != NULL ? (uint32_t)EPOLLOUT : 0);
	int rc = client_watch(&client->base, events);

	if (rc < 0)
		result_error(&client->base.worker->result, -rc);
}

static void send_slot(struct datagram_client *client, struct slot *slot)
{
	unsigned char *packet = client->base.worker->scratch;
	size_t size = size_of(client);

	memcpy(packet, &slot->number, NUMBER_SIZE);
	pattern_fill(
		pattern_key(slot->number), NUMBER_SIZE, packet + NUMBER_SIZE, size - NUMBER_SIZE);
	client->unsent = NULL;
	if (send(client->base.fd, packet, size, MSG_NOSIGNAL) >= 0)
		offer(client);
	else if (errno == EAGAIN)
		client->unsent = slot;
	else
		lose(client, slot, errno);
	watch(client);
}

static bool is_whole(const struct datagram_client *client, uint64_t number,
	const unsigned char *packet, size_t size)
{
	return size == size_of(client) && pattern_matches(pattern_key(number), NUMBER_SIZE,
						  packet + NUMBER_SIZE, size - NUMBER_SIZE);
}

/* Whether one with that number was ever sent. */
static bool was_sent(const struct datagram_client *client, uint64_t number)
{
	const struct slot *slot = &client->slots[(number & SERIAL_MASK) % window_of(client)];

	return number >> CLIENT_SHIFT == client->base.number && number <= slot->number;
}

static void take(struct datagram_client *client, const unsigned char *packet, size_t size)
{
	uint64_t number = UINT64_MAX;
	struct slot *slot;

	if (size >= NUMBER_SIZE)
		memcpy(&number, packet, NUMBER_SIZE);
	if (!was_sent(client, number)) {
		/* Whose reply it should have been nobody knows: that one will be lost, too. */
		client->base.worker->result.corrupted++;
		return;
	}
	slot = &client->slots[(number & SERIAL_MASK) % window_of(client)];
	if (!slot->in_flight || slot->number != number) {
		client_surplus(&client->base);
		return;
	}
	if (is_whole(client, number, packet, size))
		client_answered(&client->base, slot->intended, ssv_now());
	else
		client_corrupted(&client->base);
	vacate(client, slot);
}

static void pull(struct datagram_client *client)
{
	unsigned char *scratch = client->base.worker->scratch;
	ssize_t n;

	while ((n = recv(client->base.fd, scratch, WORKER_SCRATCH, 0)) >= 0)
		take(client, scratch, (size_t)n);
	if (errno != EAGAIN)
		result_error(&client->base.worker->result, errno);
}

static void datagram_client_begin(struct client *base, int64_t intended)
{
	struct datagram_client *client = datagram_client_of(base);
	struct slot *slot = client->free;

	client->free = slot->next;
	slot->intended = intended;
	slot->in_flight = true;
	if (base->fd < 0)
		base->fd = dial(&base->worker->plan->address, base->number);
	if (base->fd >= 0)
		send_slot(client, slot);
	else
		lose(client, slot, -base->fd);
}

static void datagram_client_event(struct client *base, uint32_t events)
{
	struct datagram_client *client = datagram_client_of(base);

	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		pull(client);
	if ((events & EPOLLOUT) != 0 && client->unsent != NULL)
		send_slot(client, client->unsent);
}

static void datagram_client_tick(struct client *base, int64_t now)
{
	struct datagram_client *client = datagram_client_of(base);
	int64_t since = now - base->worker->plan->timeout * NS_PER_MS;

	for (size_t i = 0; i < window_of(client); i++)
		if (client->slots[i].in_flight && client->slots[i].intended < since)
			lose(client, &client->slots[i], ETIMEDOUT);
}

static const struct client_ops datagram_client_ops = {
	.begin = datagram_client_begin,
	.event = datagram_client_event,
	.tick = datagram_client_tick,
	.close = client_close_socket,
};

struct client *datagram_client_new(struct worker *worker, uint64_t number)
{
	size_t window = (size_t)worker->plan->window;
	struct datagram_client *client;

	client = calloc(1, sizeof(*client) + window * sizeof(client->slots[0]));
	if (client == NULL)
		return NULL;
	client->base = (struct client){
		.ops = &datagram_client_ops, .worker = worker, .number = number, .fd = -1};
	for (size_t i = window; i-- > 0;) {
		client->slots[i] =
			(struct slot){.next = client->free, .number = number << CLIENT_SHIFT | i};
		client->free = &client->slots[i];
	}
	return &client->base;
}
