#include "worker.h"
#include "clock.h"
#include <errno.h>
#include <socketserver/stream.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TICK (50 * NS_PER_MS)
#define RETRY_TICK NS_PER_MS
#define EVENTS 64

int client_watch(struct client *client, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};
	int operation = client->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (client->interest == events)
		return 0;
	if (epoll_ctl(client->worker->epoll, operation, client->fd, &event) < 0)
		return -errno;
	client->interest = events;
	return 0;
}

void client_close_socket(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->interest = 0;
}

void client_is_free(struct client *client)
{
	struct worker *worker = client->worker;

	if (client->is_free)
		return;
	client->is_free = true;
	client->next_free = NULL;
	*worker->last_free = client;
	worker->last_free = &client->next_free;
}

static struct client *take_free(struct worker *worker)
{
	struct client *client = worker->first_free;

	worker->first_free = client->next_free;
	if (worker->first_free == NULL)
		worker->last_free = &worker->first_free;
	client->is_free = false;
	return client;
}

void client_answered(struct client *client, int64_t intended, int64_t now)
{
	struct result *result = &client->worker->result;

	latency_add(&result->latency, now - intended);
	result->answered++;
	result->last = now;
	client->worker->running--;
}

void client_lost(struct client *client, int error)
{
	struct result *result = &client->worker->result;

	result_error(result, error);
	result->lost++;
	client->worker->running--;
}

void client_corrupted(struct client *client)
{
	client->worker->result.corrupted++;
	client->worker->running--;
}

void client_surplus(struct client *client)
{
	client->worker->result.surplus++;
}

/* What has waited longer than a reply may take is lost before it has begun. */
static void begin(struct worker *worker, int64_t intended, int64_t now)
{
	struct client *client = take_free(worker);

	worker->running++;
	if (now - intended <= worker->plan->timeout * NS_PER_MS) {
		client->ops->begin(client, intended);
		return;
	}
	client_lost(client, ETIMEDOUT);
	client_is_free(client);
}

static void begin_those_due(struct worker *worker)
{
	int64_t intended, now = ssv_now();

	for (; worker->first_free != NULL && pacer_take(&worker->pacer, now, &intended);
		now = ssv_now())
		begin(worker, intended, now);
}

static void tick(struct worker *worker, int64_t now)
{
	if (worker->warm != SSV_NEVER && now >= worker->warm) {
		result_warmed_up(&worker->result, now);
		worker->warm = SSV_NEVER;
	}
	for (int i = 0; i < worker->count; i++)
		worker->clients[i]->ops->tick(worker->clients[i], now);
	worker->next_tick = now + (worker->to_be_retried > 0 ? RETRY_TICK : TICK);
}

static struct timespec time_left(const struct worker *worker, int64_t now)
{
	int64_t until = worker->next_tick, left;

	if (worker->to_be_retried > 0)
		until = ssv_earlier(until, now + RETRY_TICK);
	if (worker->first_free != NULL)
		until = ssv_earlier(until, pacer_next(&worker->pacer, now));
	left = until > now ? until - now : 0;
	return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

static void take_events(struct worker *worker, int64_t now)
{
	const struct timespec left = time_left(worker, now);
	struct epoll_event events[EVENTS];
	struct client *client;
	int n;

	n = epoll_pwait2(worker->epoll, events, EVENTS, &left, NULL);
	for (int i = 0; i < n; i++) {
		client = events[i].data.ptr;
		client->ops->event(client, events[i].events);
		begin_those_due(worker);
	}
}

static bool is_done(const struct worker *worker, int64_t now)
{
	return worker->running == 0 && pacer_is_done(&worker->pacer, now);
}

static void *run(void *context)
{
	struct worker *worker = context;
	int64_t now = ssv_now();

	prctl(PR_SET_TIMERSLACK, 1);
	pacer_init(&worker->pacer, worker->plan, worker->index, now);
	worker->result.first = worker->result.last = now;
	worker->warm = worker->plan->warmup > 0 ? ssv_until(worker->plan->warmup) : SSV_NEVER;
	for (; !is_done(worker, now); now = ssv_now()) {
		begin_those_due(worker);
		take_events(worker, now);
		if (now >= worker->next_tick || worker->to_be_retried > 0)
			tick(worker, ssv_now());
	}
	return NULL;
}

int worker_start(struct worker *worker)
{
	return -pthread_create(&worker->thread, NULL, run, worker);
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

static int open_clients(struct worker *worker)
{
	const struct plan *plan = worker->plan;
	bool is_stream = ssv_transport_is_stream(plan->address.transport);
	struct client *client;
	int share = plan->connections / plan->threads +
		    (worker->index < plan->connections % plan->threads);

	worker->clients = calloc((size_t)share + 1, sizeof(struct client *));
	if (worker->clients == NULL)
		return -ENOMEM;
	for (int i = 0; i < share; i++) {
		client = (is_stream ? stream_client_new : datagram_client_new)(
			worker, (uint64_t)(i * plan->threads + worker->index));
		if (client == NULL)
			return -ENOMEM;
		worker->clients[worker->count++] = client;
		client_is_free(client);
	}
	return 0;
}

int worker_open(struct worker *worker, const struct plan *plan, int index)
{
	worker->plan = plan;
	worker->index = index;
	worker->last_free = &worker->first_free;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0)
		return -errno;
	return open_clients(worker);
}

void worker_close(struct worker *worker)
{
	for (int i = 0; i < worker->count; i++) {
		worker->clients[i]->ops->close(worker->clients[i]);
		free(worker->clients[i]);
	}
	free(worker->clients);
	if (worker->epoll >= 0)
		close(worker->epoll);
}
