/*
 * Orphans of the command become children of the keeper (PR_SET_CHILD_SUBREAPER), whatever group or
 * session they have left for: that the server cannot be, since it would have to wait for children
 * that are none of its own. Everything here is safe after a fork of a process with threads.
 */
#include "command_keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds from SIGTERM to SIGKILL, and from that until nobody waits any more. */
#define PATIENCE 2
#define CANNOT_RUN 126

static char *const environment[] = {"PATH=/usr/bin:/bin", "LANG=C", NULL};

static struct iovec part(const char *text)
{
	return (struct iovec){.iov_base = (char *)text, .iov_len = strlen(text)};
}

static _Noreturn void fail(const char *what)
{
	const struct iovec line[] = {part("cannot be run: "), part(what), part(": "),
		part(strerrordesc_np(errno)), part("\n")};

	_exit(writev(STDOUT_FILENO, line, 5) < 0 ? CANNOT_RUN + 1 : CANNOT_RUN);
}

/* --- the command --- */

static _Noreturn void become_command(const struct command *command, pid_t keeper)
{
	const char *failed = confine(command->confinement, keeper);
	sigset_t none;

	if (failed != NULL)
		fail(failed);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	execve(command->arguments[0], command->arguments, environment);
	fail(command->arguments[0]);
}

/* --- the keeper --- */

static void redirect(int output)
{
	int input = open("/dev/null", O_RDONLY);

	if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		_exit(CANNOT_RUN);
	if (input < 0 || dup2(input, STDIN_FILENO) < 0)
		fail("/dev/null");
	closefrom(STDERR_FILENO + 1);
}

static void set_alarm(unsigned int seconds)
{
	const struct timespec now = {0};
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	alarm(0);
	sigtimedwait(&alarms, NULL, &now); /* one that rang already */
	alarm(seconds);
}

static int wait_for_signal(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGALRM);
	return sigwaitinfo(&signals, NULL);
}

/* It is not waited for yet, so that its number, and its group's, stay its own. Orphans are. */
static bool has_ended(pid_t command)
{
	siginfo_t child;

	for (;;) {
		child.si_pid = 0;
		if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0)
			return true;
		if (child.si_pid == 0 || child.si_pid == command)
			return child.si_pid != 0;
		waitpid(child.si_pid, NULL, 0);
	}
}

/* It may have no group yet; and takes no signal before it is run. */
static void end(pid_t command)
{
	if (kill(-command, SIGTERM) < 0)
		kill(command, SIGTERM);
}

static void wait_for_end(pid_t command)
{
	int signal = 0;

	while (signal != SIGALRM && !has_ended(command)) {
		signal = wait_for_signal();
		if (signal == SIGTERM) {
			end(command);
			set_alarm(PATIENCE);
		}
	}
}

/* Those that are there now: "PID PID …", as far as it fits, and the rest the next time. Their
 * numbers are theirs until they are waited for. */
static void kill_children(void)
{
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	char pids[1024], *end, *next = pids;
	ssize_t n = fd < 0 ? 0 : read(fd, pids, sizeof(pids) - 1);
	long pid;

	if (fd >= 0)
		close(fd);
	pids[n > 0 ? n : 0] = '\0';
	while ((pid = strtol(next, &end, 10)) > 0 && *end == ' ') {
		kill((pid_t)pid, SIGKILL);
		next = end;
	}
}

/* Whoever dies leaves its children to us: so again, until there are none. The command's status. */
static int kill_all(pid_t command)
{
	int status, of_command = 0, signal = 0;
	pid_t pid;

	kill(-command, SIGKILL);
	kill(command, SIGKILL);
	set_alarm(PATIENCE);
	for (;;) {
		kill_children();
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == command)
				of_command = status;
		if (pid < 0 || signal == SIGALRM)
			return of_command;
		signal = wait_for_signal();
	}
}

static void prepare(pid_t server)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != server)
		_exit(CANNOT_RUN);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		fail("without a keeper");
}

_Noreturn void command_keeper_run(const struct command *command, int output, pid_t server)
{
	pid_t pid, keeper = getpid();
	int status;

	redirect(output);
	prepare(server);
	pid = _Fork();
	if (pid < 0)
		fail(command->arguments[0]);
	if (pid == 0)
		become_command(command, keeper);
	wait_for_end(pid);
	status = kill_all(pid);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
