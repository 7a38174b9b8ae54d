/**
 * Threads that wait in accept4(2) themselves. Whoever gets a connection starts another one first,
 * if it was the last to wait; done with it, it waits again, unless enough others do.
 */
#include "reference.h"
#include <stdatomic.h>
#include <stdint.h>

#define MAX_WAITING 64

static atomic_int waiting;

static void *run(void *argument);

static void add_thread(int listener)
{
	atomic_fetch_add(&waiting, 1);
	start_thread(run, (void *)(intptr_t)listener);
}

/* The caller counts as waiting; returns when it need not wait any more. */
static void lead(int listener)
{
	int connection;

	do {
		connection = accept_connection(listener);
		if (atomic_fetch_sub(&waiting, 1) == 1)
			add_thread(listener);
		echo_connection(connection);
	} while (atomic_fetch_add(&waiting, 1) < MAX_WAITING);
	atomic_fetch_sub(&waiting, 1);
}

static void *run(void *argument)
{
	lead((int)(intptr_t)argument);
	return NULL;
}

void serve_leader_follower(int listener)
{
	for (;;) {
		atomic_fetch_add(&waiting, 1);
		lead(listener);
	}
}
