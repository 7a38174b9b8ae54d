#include "process.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void exec_child(const char *const *arguments, const int in[2], const int out[2],
	const int err[2], void (*prepare)(void))
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	if (prepare != NULL)
		prepare();
	execvp(arguments[0], (char *const *)arguments);
	_exit(NOT_INSTALLED);
}

struct child start_prepared(const char *const *arguments, void (*prepare)(void))
{
	int in[2], out[2], err[2];
	struct child child;

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	child = (struct child){.pid = fork(), .in = in[1], .out = out[0], .err = err[0]};
	ck_assert_int_ge(child.pid, 0);
	if (child.pid == 0)
		exec_child(arguments, in, out, err, prepare);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	return child;
}

struct child start(const char *const *arguments)
{
	return start_prepared(arguments, NULL);
}

void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int wait_for(struct child *child)
{
	int status;

	close_end(&child->in);
	close_end(&child->out);
	close_end(&child->err);
	ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void feed(int *in, const char **input, size_t *size)
{
	ssize_t n = *size > 0 ? write(*in, *input, *size) : 0;

	if (n > 0) {
		*input += n;
		*size -= (size_t)n;
	}
	if (*size == 0 || (n < 0 && errno != EAGAIN))
		close_end(in);
}

static void drain(int *fd, char **text, size_t *size)
{
	ssize_t n;

	*text = realloc(*text, *size + 65536 + 1);
	ck_assert_ptr_nonnull(*text);
	n = read(*fd, *text + *size, 65536);
	if (n <= 0)
		close_end(fd);
	else
		*size += (size_t)n;
	(*text)[*size] = '\0';
}

struct result finish(struct child child, const char *input, size_t size)
{
	struct result result = {.out = NULL};

	fcntl(child.in, F_SETFL, O_NONBLOCK);
	while (child.out >= 0 || child.err >= 0) {
		struct pollfd ends[] = {
			{child.in, POLLOUT, 0}, {child.out, POLLIN, 0}, {child.err, POLLIN, 0}};

		ck_assert_int_gt(poll(ends, 3, -1), 0);
		if (ends[0].revents != 0)
			feed(&child.in, &input, &size);
		if (ends[1].revents != 0)
			drain(&child.out, &result.out, &result.out_size);
		if (ends[2].revents != 0)
			drain(&child.err, &result.err, &result.err_size);
	}
	result.status = wait_for(&child);
	return result;
}

struct result run(const char *const *arguments, const char *input)
{
	return finish(start(arguments), input, strlen(input));
}

struct result run_prepared(const char *const *arguments, void (*prepare)(void))
{
	return finish(start_prepared(arguments, prepare), "", 0);
}

void forget(struct result *result)
{
	free(result->out);
	free(result->err);
}

void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in: %s", part, text);
}

char *read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return line;
}

void close_stdout(void)
{
	close(STDOUT_FILENO);
}

void fill_stdout(void)
{
	dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
}

void break_stdout(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		_exit(NOT_INSTALLED);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[0]);
}
