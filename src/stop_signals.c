#include "stop_signals.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>

#define MAX_STOPS 64

/* Which server a signal stops. The signal handler reads them without a lock: each is set last, and
 * cleared first. */
static struct stop {
	struct ssv_server *server;
	int signal;
	bool asked; /* by it or by another signal: the next one is the host's */
} stops[MAX_STOPS];

static struct sigaction found[NSIG];
static bool installed[NSIG]; /* so that found[] is valid, and to be put back */
static int running;          /* signal handlers, on all threads */
static bool used;            /* any of this: a child that need not change it is spared the copy */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of those who change the above */

static struct ssv_server *server_of(const struct stop *stop)
{
	return __atomic_load_n(&stop->server, __ATOMIC_SEQ_CST);
}

static void put_back(int signal)
{
	if (__atomic_load_n(&installed[signal], __ATOMIC_SEQ_CST) &&
		__atomic_exchange_n(&installed[signal], false, __ATOMIC_SEQ_CST))
		sigaction(signal, &found[signal], NULL);
}

static bool is_asked(const struct stop *stop)
{
	return __atomic_load_n(&stop->asked, __ATOMIC_SEQ_CST);
}

static void stop_server(struct ssv_server *server)
{
	struct stop *stop;

	ssv_server_request_stop(server);
	for (stop = stops; stop < stops + MAX_STOPS; stop++) {
		if (server_of(stop) == server)
			__atomic_store_n(&stop->asked, true, __ATOMIC_SEQ_CST);
	}
}

/* A server that was not asked yet wants it. */
static bool is_wanted(int signal)
{
	const struct stop *stop;

	for (stop = stops; stop < stops + MAX_STOPS; stop++) {
		if (server_of(stop) != NULL && stop->signal == signal && !is_asked(stop))
			return true;
	}
	return false;
}

/* All signals of the servers that were asked: a second one, whichever it is, then does what it
 * always did. */
static void put_back_others(void)
{
	const struct stop *stop;

	for (stop = stops; stop < stops + MAX_STOPS; stop++) {
		if (server_of(stop) != NULL && is_asked(stop) && !is_wanted(stop->signal))
			put_back(stop->signal);
	}
}

static void stop_servers(int signal)
{
	int saved = errno;
	struct ssv_server *server;
	struct stop *stop;

	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	for (stop = stops; stop < stops + MAX_STOPS; stop++) {
		server = server_of(stop);
		if (server != NULL && stop->signal == signal)
			stop_server(server);
	}
	put_back_others();
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
	errno = saved;
}

static int install(int signal)
{
	struct sigaction action = {.sa_handler = stop_servers, .sa_flags = SA_RESTART};

	if (signal < 1 || signal >= NSIG)
		return -EINVAL;
	if (__atomic_load_n(&installed[signal], __ATOMIC_SEQ_CST))
		return 0;
	sigfillset(&action.sa_mask);
	if (sigaction(signal, NULL, &found[signal]) < 0)
		return -errno;
	__atomic_store_n(&installed[signal], true, __ATOMIC_SEQ_CST);
	if (sigaction(signal, &action, NULL) < 0) {
		__atomic_store_n(&installed[signal], false, __ATOMIC_SEQ_CST);
		return -errno;
	}
	return 0;
}

static int add(struct ssv_server *server, int signal)
{
	struct stop *stop = stops;
	int rc;

	while (stop < stops + MAX_STOPS && server_of(stop) != NULL)
		stop++;
	if (stop == stops + MAX_STOPS)
		return -ENOSPC;
	rc = install(signal);
	if (rc < 0)
		return rc;
	stop->signal = signal;
	__atomic_store_n(&stop->asked, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&stop->server, server, __ATOMIC_SEQ_CST);
	return 0;
}

int ssv_server_stop_on_signals(struct ssv_server *server, ...)
{
	va_list signals;
	int signal, rc = 0;

	va_start(signals, server);
	__atomic_store_n(&used, true, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&lock);
	while (rc == 0 && (signal = va_arg(signals, int)) != 0)
		rc = add(server, signal);
	pthread_mutex_unlock(&lock);
	va_end(signals);
	if (rc < 0)
		ssv_stop_signals_forget(server);
	return rc;
}

void ssv_stop_signals_forget(struct ssv_server *server)
{
	struct stop *stop;

	pthread_mutex_lock(&lock);
	for (stop = stops; stop < stops + MAX_STOPS; stop++) {
		if (server_of(stop) != server)
			continue;
		__atomic_store_n(&stop->server, NULL, __ATOMIC_SEQ_CST);
		if (!is_wanted(stop->signal))
			put_back(stop->signal);
	}
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0)
		sched_yield(); /* on another thread, and perhaps with this server in hand */
	pthread_mutex_unlock(&lock);
}

/* Another thread of the parent's may have held the lock, or been in a signal handler. */
void ssv_stop_signals_forsake(void)
{
	struct stop *stop;
	int signal;

	if (!__atomic_load_n(&used, __ATOMIC_SEQ_CST))
		return;
	for (signal = 1; signal < NSIG; signal++)
		put_back(signal);
	for (stop = stops; stop < stops + MAX_STOPS; stop++)
		__atomic_store_n(&stop->server, NULL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
