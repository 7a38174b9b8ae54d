#include "tally.h"

#include "backoff.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define MANY 10 /* tries to have the lock of the reports */

static void make_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

/* All but the lock, which cannot be copied. Nobody counts meanwhile. */
static void copy(struct ssv_tally *to, const struct ssv_tally *from)
{
	to->counters = from->counters;
	memcpy(to->reports, from->reports, sizeof(to->reports));
}

/* Others may be looking at the counters. */
static void use(struct ssv_server *server, struct ssv_tally *tally)
{
	pthread_mutex_lock(&server->lock);
	server->tally = tally;
	pthread_mutex_unlock(&server->lock);
}

void ssv_tally_init(struct ssv_server *server)
{
	server->tally = &server->own_tally;
	make_lock(&server->tally->lock);
}

void ssv_tally_renew(struct ssv_server *server)
{
	make_lock(&server->own_tally.lock);
}

int ssv_tally_share(struct ssv_server *server)
{
	struct ssv_tally *shared;

	if (server->tally != &server->own_tally)
		return 0;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	make_lock(&shared->lock);
	copy(shared, &server->own_tally);
	use(server, shared);
	return 0;
}

void ssv_tally_unshare(struct ssv_server *server)
{
	struct ssv_tally *shared = server->tally;

	if (shared == &server->own_tally)
		return;
	copy(&server->own_tally, shared);
	use(server, &server->own_tally);
	munmap(shared, sizeof(*shared));
}

/* Who has it may be a child that somebody has stopped; a thread alone cannot be. */
static int lock_shared(pthread_mutex_t *lock)
{
	int error = pthread_mutex_trylock(lock);

	for (int i = 0; i < MANY && error == EBUSY; i++) {
		ssv_backoff_pause();
		error = pthread_mutex_trylock(lock);
	}
	return error;
}

bool ssv_tally_lock(struct ssv_server *server)
{
	struct ssv_tally *tally = server->tally;
	int error = tally == &server->own_tally ? pthread_mutex_lock(&tally->lock)
						: lock_shared(&tally->lock);

	if (error == EOWNERDEAD)
		error = pthread_mutex_consistent(&tally->lock);
	return error == 0;
}

void ssv_tally_unlock(struct ssv_tally *tally)
{
	pthread_mutex_unlock(&tally->lock);
}
