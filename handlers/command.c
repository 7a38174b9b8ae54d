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
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_ROOM 4096
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

static int start(struct run *run)
{
	struct confinement confinement = *run->command->confinement;
	struct command command = *run->command;
	int ends[2];

	command.confinement = &confinement;
	confinement.processes +=
		confine_count_processes(confinement.switches_user ? confinement.uid : geteuid());
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	run->output = ends[0];
	run->keeper = fork_keeper(&command, ends[1]);
	close(ends[1]);
	if (run->keeper < 0)
		close(ends[0]);
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

/* Until there is output or its end: then true. */
static bool wait_for_output(struct run *run)
{
	struct pollfd polled[] = {
		{.fd = run->output, .events = POLLIN}, {.fd = run->command->client}};
	int64_t left = run->until - monotonic_ms();

	while (left > 0) {
		polled[1].events = (short)run->events;
		polled[0].revents = polled[1].revents = 0;
		if (poll(polled, 2, left < INT32_MAX ? (int)left : INT32_MAX) < 0 && errno != EINTR)
			return false;
		if (polled[1].revents != 0)
			see_client(run, polled[1].revents);
		if (polled[0].revents != 0)
			return true;
		left = run->until - monotonic_ms();
	}
	return false;
}

/* --- the end --- */

/* Returns when the keeper has ended, which it does within seconds; the host may have waited for it
 * in our place. */
static void end(struct run *run, bool at_once)
{
	struct command_result *result = run->result;
	int status = 0;

	if (at_once)
		kill(run->keeper, SIGTERM);
	while (waitpid(run->keeper, &status, 0) < 0 && errno == EINTR)
		;
	result->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (result->end != COMMAND_TOO_LONG)
		read_rest(run);
	close(run->output);
}

int command_run(const struct command *command, struct command_result *result)
{
	struct run run = {.command = command, .result = result, .events = POLLRDHUP};
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
		return rc;
	}
	while (n > 0)
		n = wait_for_output(&run) ? read_output(&run) : -ETIMEDOUT;
	if (n < 0)
		result->end = n == -ETIMEDOUT ? run.then : COMMAND_TOO_LONG;
	end(&run, n < 0);
	if (result->end != COMMAND_ENDED)
		mark_cut(result, command->max_output);
	return 0;
}
