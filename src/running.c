#include "running.h"

#include "clock.h"
#include "loop.h"

#include <errno.h>
#include <unistd.h>

static _Thread_local struct ssv_stay *innermost;

static bool change(struct ssv_server *server, int from, int to)
{
	return __atomic_compare_exchange_n(
		&server->state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int state(const struct ssv_server *server)
{
	return __atomic_load_n(&server->state, __ATOMIC_SEQ_CST);
}

/* Under the lock. A stop that is waiting is used up; one that comes from now on ends this run. */
static int start(struct ssv_server *server)
{
	if (server->inside)
		return -EBUSY;
	if (!server->active || server->barred)
		return -EBADF;
	if (change(server, SSV_FRESH_STOPPED, SSV_ENDED) || change(server, SSV_STOPPING, SSV_ENDED))
		return -ECANCELED;
	if (!change(server, SSV_FRESH, SSV_SERVING) && !change(server, SSV_ENDED, SSV_SERVING) &&
		state(server) != SSV_SERVING)
		return start(server); /* a stop came between */
	server->inside = true;
	server->run++;
	return 0;
}

void ssv_running_note_process(struct ssv_server *server)
{
	__atomic_store_n(&server->served_by, getpid(), __ATOMIC_RELAXED);
}

bool ssv_running_is_of_another_process(const struct ssv_server *server)
{
	const pid_t served_by = __atomic_load_n(&server->served_by, __ATOMIC_RELAXED);

	return served_by != 0 && served_by != getpid();
}

void ssv_running_visit(
	struct ssv_server *server, struct ssv_stay *stay, const struct ssv_request *request)
{
	*stay = (struct ssv_stay){.server = server, .outer = innermost, .request = request};
	innermost = stay;
}

int ssv_running_enter(struct ssv_server *server, struct ssv_stay *stay)
{
	int rc;

	pthread_mutex_lock(&server->lock);
	rc = start(server);
	pthread_mutex_unlock(&server->lock);
	if (rc == 0) {
		ssv_running_visit(server, stay, &server->request);
		stay->serves = true;
	}
	return rc;
}

/* Not always the innermost: a group leaves its servers in any order. */
void ssv_running_depart(struct ssv_stay *stay)
{
	struct ssv_stay **at = &innermost;

	while (*at != stay)
		at = &(*at)->outer;
	*at = stay->outer;
}

void ssv_running_leave(struct ssv_stay *stay, bool ended)
{
	struct ssv_server *server = stay->server;

	ssv_running_depart(stay);
	pthread_mutex_lock(&server->lock);
	server->inside = false;
	if (ended)
		__atomic_store_n(&server->state, SSV_ENDED, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
}

/* Whether it would wait for itself: in the loop, or while the loop waits for its turn. */
static bool holds_up(const struct ssv_server *server, const struct ssv_stay *stay)
{
	return stay->serves || __atomic_load_n(&server->turn_of, __ATOMIC_RELAXED) == stay->request;
}

/* Whether this thread is anywhere in there; or where it holds up the loop. */
static bool is_here(const struct ssv_server *server, bool holding_up)
{
	const struct ssv_stay *stay = innermost;

	while (stay != NULL && (stay->server != server || (holding_up && !holds_up(server, stay))))
		stay = stay->outer;
	return stay != NULL;
}

bool ssv_running_is_here(const struct ssv_server *server)
{
	return is_here(server, false) || server->inherited;
}

void ssv_server_request_stop(struct ssv_server *server)
{
	int saved = errno;

	if (change(server, SSV_FRESH, SSV_FRESH_STOPPED) ||
		change(server, SSV_SERVING, SSV_STOPPING))
		ssv_loop_wake(server);
	errno = saved;
}

/* The run of before the stop: one that begins after it is not meant, and not waited for. */
bool ssv_running_stop(struct ssv_server *server, int64_t until)
{
	unsigned int run;
	bool over;

	pthread_mutex_lock(&server->lock);
	run = server->run;
	ssv_server_request_stop(server);
	while (server->inside && server->run == run && ssv_ms_until(until) != 0)
		ssv_wait_until(&server->changed, &server->lock, until);
	over = !server->inside || server->run != run;
	pthread_mutex_unlock(&server->lock);
	return over;
}

void ssv_running_bar(struct ssv_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->barred = true;
	pthread_mutex_unlock(&server->lock);
}

bool ssv_running_retire(struct ssv_server *server)
{
	bool over;

	pthread_mutex_lock(&server->lock);
	over = !server->inside;
	if (over)
		server->active = false;
	pthread_mutex_unlock(&server->lock);
	return over;
}

void ssv_running_reset(struct ssv_server *server)
{
	__atomic_store_n(&server->state, SSV_FRESH, __ATOMIC_SEQ_CST);
	__atomic_store_n(&server->served_by, 0, __ATOMIC_RELAXED);
	server->barred = false;
	__atomic_store_n(&server->aborting, false, __ATOMIC_SEQ_CST);
}

bool ssv_server_is_aborting(const struct ssv_server *server)
{
	return __atomic_load_n(&server->aborting, __ATOMIC_SEQ_CST);
}

void ssv_running_forsake(struct ssv_server *server)
{
	server->inherited = true;
	server->inside = server->active = false;
}

int ssv_server_shutdown(struct ssv_server *server)
{
	if (is_here(server, true)) {
		ssv_server_request_stop(server);
		return -EDEADLK;
	}
	ssv_running_stop(server, SSV_NEVER);
	return 0;
}
