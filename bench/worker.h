/** A thread with its share of the clients. */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "client.h"
#include "pacer.h"
#include "plan.h"
#include "result.h"
#include <pthread.h>

/** What clients read into and write from, one at a time. */
#define WORKER_SCRATCH (256 * 1024)

struct worker {
	const struct plan *plan;
	struct pacer pacer;
	struct result result;
	struct client **clients;
	struct client *first_free, **last_free;
	int count, index;
	int epoll;
	int running;       /* requests that have begun */
	int to_be_retried; /* clients that wait to connect */
	int64_t next_tick, warm;
	pthread_t thread;
	unsigned char scratch[WORKER_SCRATCH];
};

/** Its clients, without sockets. Returns 0 or a negative errno. */
int worker_open(struct worker *worker, const struct plan *plan, int index);

/** Starts the thread, which ends when all is done. */
int worker_start(struct worker *worker);
void worker_join(struct worker *worker);

void worker_close(struct worker *worker);

#endif
