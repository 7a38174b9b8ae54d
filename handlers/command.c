#include "command.h"
#include "command_keeper.h"
#include "monotonic.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_ROOM 4096
#define LOOK 100             /* ms between two looks at whether it is over */
#define KEEPER_PATIENCE 5000 /* ms for the keeper's end; of its own accord it takes 4 s at most */
#define CUT_SIZE (sizeof(COMMAND_CUT) - 1)

struct run {
	const struct command *command;
	struct command_result *result;
	size_t room;           /* of the output's memory */
	int output;            /* the pipe's end to read from */
	int events;            /* what is still to be learnt of the client */
	int64_t until;         /* ms: when it is ended … */
	enum command_end then; /* … and why */
	pid_t keeper;
	int pidfd; /* the keeper's, or -1 */
};

/* --- the start --- */

/* No handler of a signal may run in the child; the keeper blocks SIGCHLD itself. Were that blocked
 * here, Linux would interrupt other threads' system calls for it. */
static pid_t fork_keeper(const struct command *command, int output)
{
	sigset_t signals, before;
	pid_t server = getpid(), pid;
	int error;

	sigfillset(&signals);
	sigdelset(&signals, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	pid = fork();
	error = errno;
	if (pid == 0)
		command_keeper_run(command, output, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -error : pid;
}

/* The command's user may open it by its name, too: /dev/stderr. */
static int open_pipe(const struct confinement *confinement, int *ends)
{
	int error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (!confinement->switches_user || fchown(ends[1], confinement->uid, confinement->gid) == 0)
		return 0;
	error = errno;
	close(ends[0]);
	close(ends[1]);
	return -error;
}

static int start(struct run *run)
{
	struct confinement confinement = *run->command->confinement;
	struct command command = *run->command;
	int ends[2], rc = open_pipe(&confinement, ends);

	if (rc < 0)
		return rc;
	command.confinement = &confinement;
	confinement.processes +=
		confine_count_processes(confinement.switches_user ? confinement.uid : geteuid());
	run->output = ends[0];
	run->keeper = fork_keeper(&command, ends[1]);
	close(ends[1]);
	if (run->keeper < 0)
		close(ends[0]);
	else
		run->pidfd = (int)syscall(SYS_pidfd_open, run->keeper, 0);
	return run->keeper < 0 ? run->keeper : 0;
}

/* --- the output --- */

/* There is always room for COMMAND_CUT besides. */
static int make_room(struct run *run)
{
	struct command_result *result = run->result;
	size_t room = run->room == 0 ? FIRST_ROOM : 2 * run->room;
	size_t most = run->command->max_output + 1;
	char *output;

	if (result->size < run->room)
		return 0;
	if (room > most)
		room = most;
	output = realloc(result->output, room + CUT_SIZE);
	if (output == NULL)
		return -ENOMEM;
	result->output = output;
	run->room = room;
	return 0;
}

/* Returns a count, 0 at the end, or a negative errno; -EMSGSIZE where it becomes too much. */
static ssize_t read_output(struct run *run)
{
	struct command_result *result = run->result;
	ssize_t n = make_room(run);

	if (n < 0)
		return n;
	n = read(run->output, result->output + result->size, run->room - result->size);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	result->size += (size_t)n;
	return result->size > run->command->max_output ? -EMSGSIZE : n;
}

/* What was written before the end, by those who are gone. */
static void read_rest(struct run *run)
{
	struct pollfd output = {.fd = run->output, .events = POLLIN};

	while (run->result->size <= run->command->max_output && poll(&output, 1, 0) > 0)
		if (read_output(run) <= 0)
			return;
}

static void mark_cut(struct command_result *result, size_t size)
{
	if (result->size > size - CUT_SIZE)
		result->size = size - CUT_SIZE;
	memcpy(result->output + result->size, COMMAND_CUT, CUT_SIZE);
	result->size += CUT_SIZE;
}

void command_cut(struct command_result *result, size_t size)
{
	if (result->size > size)
		mark_cut(result, size);
}

static enum command_end why_reading_ended(const struct run *run, ssize_t error)
{
	if (error == -ETIMEDOUT)
		return run->then;
	return error == -ENOMEM ? COMMAND_NO_MEMORY : COMMAND_TOO_LONG;
}

static bool is_full(const struct command_result *result)
{
	return result->end == COMMAND_TOO_LONG || result->end == COMMAND_NO_MEMORY;
}

/* --- its time --- */

static void end_in(struct run *run, int64_t ms, enum command_end why)
{
	if (ms >= run->until - monotonic_ms())
		return;
	run->until = monotonic_ms() + ms;
	run->then = why;
}

static void see_client(struct run *run, int events)
{
	if (events & (POLLHUP | POLLERR | POLLNVAL))
		end_in(run, 0, COMMAND_ABANDONED);
	else if (events & POLLRDHUP && run->command->patience >= 0)
		end_in(run, run->command->patience, COMMAND_ABANDONED);
	run->events &= ~events;
}

static void see_whether_over(struct run *run)
{
	const struct command *command = run->command;

	if (command->is_over != NULL && command->is_over(command->context))
		end_in(run, 0, COMMAND_STOPPED);
}

/* Until there is output or its end: then true. */
static bool wait_for_output(struct run *run)
{
	struct pollfd polled[] = {
		{.fd = run->output, .events = POLLIN}, {.fd = run->command->client}};
	int64_t left = run->until - monotonic_ms();

	while (left > 0) {
		polled[1].events = (short)run->events;
		polled[0].revents = polled[1].revents = 0;
		if (poll(polled, 2, left < LOOK ? (int)left : LOOK) < 0 && errno != EINTR)
			return false;
		see_whether_over(run);
		if (polled[1].revents != 0)
			see_client(run, polled[1].revents);
		if (polled[0].revents != 0)
			return true;
		left = run->until - monotonic_ms();
	}
	return false;
}

/* --- the end --- */

static void signal_keeper(const struct run *run, int signal)
{
	if (run->pidfd < 0)
		kill(run->keeper, signal);
	else
		syscall(SYS_pidfd_send_signal, run->pidfd, signal, NULL, 0);
}

/* Without a pidfd it is the pipe that tells: the keeper holds it open to its end. */
static bool keeper_ends_in(const struct run *run, int ms)
{
	struct pollfd keeper = {.fd = run->pidfd, .events = POLLIN};
	int64_t until = monotonic_ms() + ms, left = ms;
	int n = 0;

	if (run->pidfd < 0)
		keeper = (struct pollfd){.fd = run->output};
	while (n <= 0 && left > 0) {
		n = poll(&keeper, 1, (int)left);
		left = until - monotonic_ms();
	}
	return n > 0;
}

/* The host may have waited for it in our place. */
static int status_of(const struct run *run)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(run->keeper, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A command of the keeper's own user may have stopped it, where the kernel lets it. */
static void end(struct run *run, bool at_once)
{
	struct command_result *result = run->result;

	if (at_once) {
		signal_keeper(run, SIGTERM);
		signal_keeper(run, SIGCONT);
	}
	if (!keeper_ends_in(run, KEEPER_PATIENCE))
		signal_keeper(run, SIGKILL);
	result->status = status_of(run);
	if (!is_full(result))
		read_rest(run);
	close(run->output);
	if (run->pidfd >= 0)
		close(run->pidfd);
}

int command_run(const struct command *command, struct command_result *result)
{
	struct run run = {.command = command, .result = result, .events = POLLRDHUP, .pidfd = -1};
	ssize_t n = 1;
	int rc;

	*result = (struct command_result){.end = COMMAND_ENDED};
	run.until = monotonic_ms() + command->time_limit;
	run.then = COMMAND_TIMED_OUT;
	rc = make_room(&run);
	if (rc == 0)
		rc = start(&run);
	if (rc < 0) {
		free(result->output);
		result->output = NULL;
		return rc;
	}
	while (n > 0)
		n = wait_for_output(&run) ? read_output(&run) : -ETIMEDOUT;
	if (n < 0)
		result->end = why_reading_ended(&run, n);
	end(&run, n < 0);
	if (result->end != COMMAND_ENDED)
		mark_cut(result, command->max_output);
	return 0;
}
