#include "stopper.h"
#include "complain.h"
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t program;

static volatile sig_atomic_t spare; /* one that comes as the program ends by itself */

static void end_at_once(int signal)
{
	if (spare > 0)
		spare--;
	else
		_exit(128 + signal);
}

/* On this thread, the only one that does not block them. */
static void let_signals_end(void)
{
	struct sigaction action = {.sa_handler = end_at_once};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static int count_active(const struct stopper *stopper)
{
	struct ssv_counters counters;
	int active = 0;

	for (size_t i = 0; i < stopper->count; i++) {
		ssv_server_counters(stopper->servers[i], &counters);
		active += (int)counters.active;
	}
	return active;
}

/* Who has just hit Ctrl-C is not to think that it hangs. */
static void say_who_is_waited_for(const struct stopper *stopper)
{
	int active = isatty(STDERR_FILENO) ? count_active(stopper) : 0;

	if (active > 0)
		complain(
			"stopping, %d running: they have the time of --grace; Ctrl-C ends them now",
			active);
}

static void *stopper_run(void *argument)
{
	struct stopper *stopper = argument;
	int running;

	sigwait(&stopper->signals, &stopper->signal);
	if (stopper->signal == SIGRTMIN)
		spare = 1;
	else
		say_who_is_waited_for(stopper);
	let_signals_end();
	pthread_mutex_lock(&stopper->starting);
	pthread_mutex_unlock(&stopper->starting);
	running = ssv_close_all(stopper->servers, stopper->count);
	if (running > 0) {
		complain("not stopped: %d running: they went on after --grace was over and their "
			 "connections were cut; a longer --grace may help",
			running);
		_exit(EXIT_FAILURE);
	}
	return NULL;
}

/* SIGRTMIN is for the program's own use: stopper_finish() sends it. */
static void list_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGRTMIN);
}

int stopper_start(struct stopper *stopper, struct ssv_server *const *servers, size_t count)
{
	int error;

	program = getpid();
	*stopper = (struct stopper){.servers = servers, .count = count};
	list_signals(&stopper->signals);
	pthread_sigmask(SIG_BLOCK, &stopper->signals, NULL);
	pthread_mutex_init(&stopper->starting, NULL);
	pthread_mutex_lock(&stopper->starting);
	error = pthread_create(&stopper->thread, NULL, stopper_run, stopper);
	return -error;
}

void stopper_ready(struct stopper *stopper)
{
	stopper->ready = true;
	pthread_mutex_unlock(&stopper->starting);
}

/* Where a signal came first, SIGRTMIN stays pending, blocked, until the thread has ended. */
bool stopper_finish(struct stopper *stopper)
{
	if (!stopper->ready)
		stopper_ready(stopper);
	pthread_kill(stopper->thread, SIGRTMIN);
	pthread_join(stopper->thread, NULL);
	pthread_mutex_destroy(&stopper->starting);
	return stopper->signal != SIGRTMIN;
}

void stopper_in_child(struct ssv_forking_mixin *forking, struct ssv_request *request)
{
	sigset_t signals;

	(void)forking;
	(void)request;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	list_signals(&signals);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != program)
		raise(SIGTERM);
}
