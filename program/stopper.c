#include "stopper.h"
#include "complain.h"
#include "notify.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

static pid_t program;
static bool takes_hangups;

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

/* Until the servers may be closed: `starting` is given up once, for good. */
static void wait_until_ready(struct stopper *stopper)
{
	pthread_mutex_lock(&stopper->starting);
	pthread_mutex_unlock(&stopper->starting);
}

static void begin_handover(struct stopper *stopper)
{
	wait_until_ready(stopper);
	handover_begin(stopper->handover, &stopper->before);
}

/* The next signal, or 0. */
static int read_signal(const struct stopper *stopper)
{
	struct signalfd_siginfo info;

	return read(stopper->signals_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo
									      : 0;
}

static bool is_handed_over(struct stopper *stopper, const struct pollfd *polled)
{
	return stopper->handover != NULL &&
	       handover_is_done(stopper->handover, polled->revents != 0);
}

/* Until the servers are to be closed: why, a signal. SIGHUP: they have been handed over. */
static int wait_for_reason(struct stopper *stopper)
{
	const struct handover *handover = stopper->handover;
	int signal;

	for (;;) {
		struct pollfd polled[] = {
			{.fd = stopper->signals_fd, .events = POLLIN},
			{.fd = handover != NULL ? handover_fd(handover) : -1, .events = POLLIN},
		};

		if (poll(polled, 2, handover != NULL ? handover_patience(handover) : -1) < 0)
			continue;
		if (is_handed_over(stopper, &polled[1]))
			return SIGHUP;
		signal = polled[0].revents != 0 ? read_signal(stopper) : 0;
		if (signal == SIGHUP)
			begin_handover(stopper);
		else if (signal != 0)
			return signal;
	}
}

static void prepare_end(struct stopper *stopper)
{
	if (stopper->signal == SIGHUP) {
		for (size_t i = 0; i < stopper->count; i++)
			stopper->servers[i]->grace = stopper->drain;
		return; /* the manager hears the successor now */
	}
	if (stopper->handover != NULL) {
		handover_cancel(stopper->handover);
		handover_let_go(stopper->handover); /* as a server does that shares with nobody */
	}
	notify("STOPPING=1\nSTATUS=stopping");
}

static void *stopper_run(void *argument)
{
	struct stopper *stopper = argument;
	int running;

	stopper->signal = wait_for_reason(stopper);
	if (stopper->signal == SIGRTMIN)
		spare = 1;
	else
		say_who_is_waited_for(stopper);
	let_signals_end();
	wait_until_ready(stopper);
	prepare_end(stopper);
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
	if (takes_hangups)
		sigaddset(signals, SIGHUP);
}

/* A successor has them blocked from its start: one that is not to be handed over itself lets them
 * do what they always did. */
static void let_hangups_end(void)
{
	sigset_t hangup;

	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	if (!takes_hangups)
		pthread_sigmask(SIG_UNBLOCK, &hangup, NULL);
}

int stopper_start(struct stopper *stopper, struct ssv_server *const *servers, size_t count,
	struct handover *handover, int drain)
{
	int error;

	program = getpid();
	takes_hangups = handover != NULL;
	*stopper = (struct stopper){
		.servers = servers, .count = count, .handover = handover, .drain = drain};
	list_signals(&stopper->signals);
	stopper->signals_fd = signalfd(-1, &stopper->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stopper->signals_fd < 0)
		return -errno;
	pthread_sigmask(SIG_BLOCK, &stopper->signals, &stopper->before);
	let_hangups_end();
	pthread_mutex_init(&stopper->starting, NULL);
	pthread_mutex_lock(&stopper->starting);
	error = pthread_create(&stopper->thread, NULL, stopper_run, stopper);
	if (error != 0)
		close(stopper->signals_fd);
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
	close(stopper->signals_fd);
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
	if (takes_hangups)
		signal(SIGHUP,
			SIG_IGN); /* meant for the program, though its whole group may get it */
	list_signals(&signals);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != program)
		raise(SIGTERM);
}
