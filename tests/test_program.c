/**
 * The program, end to end: what a user types, and what comes of it. SOCKETSERVER names it;
 * PLUGIN_HELLO and PLUGIN_OLD name the plug-ins. Check's time-out is the time limit of all waiting
 * here, and a process that a failed test leaves behind is killed with it.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_INSTALLED 127
#define SKIPPED 77
#define LARGE (16 << 20)

/* Processes */

struct child {
	pid_t pid;
	int in, out, err; /* our ends of its pipes; -1: closed */
};

/* What it has written until it ended; `status` is its exit status, or minus the signal. */
struct result {
	int status;
	char *out, *err;
	size_t out_size, err_size;
};

#define ARGUMENTS(...)                                                                             \
	(const char *const[])                                                                      \
	{                                                                                          \
		getenv("SOCKETSERVER"), __VA_ARGS__, NULL                                          \
	}

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

/* `prepare` is called in the new process, its standard descriptors being set up. */
static struct child start_prepared(const char *const *arguments, void (*prepare)(void))
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

static struct child start(const char *const *arguments)
{
	return start_prepared(arguments, NULL);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int wait_for(struct child *child)
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

/* Gives a process its input, takes what it says, and waits for its end. */
static struct result finish(struct child child, const char *input, size_t size)
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

static struct result run(const char *const *arguments, const char *input)
{
	return finish(start(arguments), input, strlen(input));
}

static struct result run_prepared(const char *const *arguments, void (*prepare)(void))
{
	return finish(start_prepared(arguments, prepare), "", 0);
}

static void forget(struct result *result)
{
	free(result->out);
	free(result->err);
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in: %s", part, text);
}

/* It said one line, with all of the parts, on standard error alone. */
static void refused(struct result result, int status, ...)
{
	const char *part;
	va_list parts;

	ck_assert_msg(result.status == status, "status %d: %s", result.status, result.err);
	ck_assert_str_eq(result.out, "");
	ck_assert_int_eq(strncmp(result.err, "socketserver: ", 14), 0);
	ck_assert_ptr_eq(strchr(result.err, '\n'), result.err + result.err_size - 1);
	va_start(parts, status);
	while ((part = va_arg(parts, const char *)) != NULL)
		has(result.err, part);
	va_end(parts);
	forget(&result);
}

/* Servers */

static char *read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return line;
}

/* The port in the line that says that it listens. */
static uint16_t read_port(const struct child *server)
{
	char line[256];
	unsigned int port;

	read_line(server->out, line, sizeof(line));
	ck_assert_msg(sscanf(line, "listening on tcp://127.0.0.1:%u (sync)", &port) == 1,
		"it said: %s", line);
	return (uint16_t)port;
}

static struct child serve(const char *const *arguments, uint16_t *port)
{
	struct child server = start(arguments);

	*port = read_port(&server);
	return server;
}

#define SERVE_ECHO(port, ...)                                                                      \
	serve(ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0", __VA_ARGS__), port)

static struct child serve_echo(uint16_t *port)
{
	return SERVE_ECHO(port, "--grace=0.1");
}

static void stop(struct child server)
{
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	ck_assert_int_eq(wait_for(&server), 0);
}

/* Clients */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int try_connect(uint16_t port)
{
	struct sockaddr_in at = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_to(uint16_t port)
{
	int fd = try_connect(port);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void round_trip(int fd, const char *text)
{
	char back[64];
	ssize_t size = (ssize_t)strlen(text);

	ck_assert_int_eq(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
	ck_assert_int_eq(recv(fd, back, (size_t)size, MSG_WAITALL), size);
	ck_assert_mem_eq(back, text, (size_t)size);
}

static void is_closed(int fd)
{
	char byte;

	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

/* A socket of the test's own, bound to a port of its own, that listens if it can. */
static int bind_socket(int type, uint16_t *port)
{
	struct sockaddr_in at = loopback(0);
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 8), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static uint16_t free_port(void)
{
	uint16_t port;

	close(bind_socket(SOCK_STREAM, &port));
	return port;
}

struct address {
	char text[64];
};

static struct address tcp(uint16_t port)
{
	struct address address;

	snprintf(address.text, sizeof(address.text), "tcp://127.0.0.1:%u", port);
	return address;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Help */

static void fits_a_screen(const char *text)
{
	int lines = 0;

	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		ck_assert_msg(end - text <= 100, "too wide: %.*s", (int)(end - text), text);
		lines++;
	}
	ck_assert_int_le(lines, 40);
}

static void helps(struct result result, ...)
{
	const char *part;
	va_list parts;

	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_str_eq(result.err, "");
	fits_a_screen(result.out);
	va_start(parts, result);
	while ((part = va_arg(parts, const char *)) != NULL)
		has(result.out, part);
	va_end(parts);
	forget(&result);
}

START_TEST(help_fits_a_screen_and_shows_examples)
{
	helps(run(ARGUMENTS("--help"), ""), "serve", "talk", "handlers", "socketserver serve echo",
		NULL);
	helps(run(ARGUMENTS("serve", "--help"), ""), "--mode", "--max-children", "--backlog",
		"--timeout", "--deadline", "--grace", "-v, --verbose", "Examples:", NULL);
	helps(run(ARGUMENTS("talk", "-h"), ""), "--timeout", "Examples:", NULL);
}
END_TEST

START_TEST(help_on_a_handler_shows_its_own_options)
{
	helps(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--help"), ""), "--greeting TEXT",
		"--grace", NULL);
	helps(run(ARGUMENTS("serve", "--help", getenv("PLUGIN_HELLO")), ""), "--greeting TEXT",
		NULL);
}
END_TEST

START_TEST(version_is_one_line)
{
	struct result result = run(ARGUMENTS("--version"), "");
	unsigned int major, minor, patch;

	ck_assert_int_eq(result.status, 0);
	ck_assert_int_eq(sscanf(result.out, "socketserver %u.%u.%u\n", &major, &minor, &patch), 3);
	forget(&result);
}
END_TEST

START_TEST(handlers_are_listed_with_transports_and_modes)
{
	helps(run(ARGUMENTS("handlers"), ""), "echo ", "upper ", "tcp unix udp unixgram",
		"sync threading forking", NULL);
}
END_TEST

/* Usage errors */

static const struct {
	const char *const arguments[5];
	const char *const said[2];
} mistakes[] = {
	{{NULL}, {"no command", "socketserver --help"}},
	{{"sevre", NULL}, {"unknown command: sevre", "socketserver --help"}},
	{{"handlers", "echo", NULL}, {"too many arguments", "socketserver --help"}},
	{{"serve", NULL}, {"no handler", "socketserver handlers"}},
	{{"serve", "ehco", NULL}, {"unknown handler: ehco: ", "echo, upper"}},
	{{"serve", "echo", "--gras", NULL}, {"unknown option: --gras", "socketserver --help"}},
	{{"serve", "echo", "-x", NULL}, {"unknown option: -x", "socketserver --help"}},
	{{"serve", "echo", "-v=2", NULL}, {"unknown option: -=", "socketserver --help"}},
	{{"serve", "echo", "--verbose=2", NULL}, {"takes no value: --verbose=2", ""}},
	{{"serve", "echo", "--grace", NULL}, {"value missing: --grace", "socketserver --help"}},
	{{"serve", "echo", "--backlog", "0", NULL},
		{"out of range: --backlog 0", "from 1 to 65535"}},
	{{"serve", "echo", "--backlog", "1e3", NULL}, {"not a number: --backlog 1e3", "whole"}},
	{{"serve", "echo", "--timeout", "-1", NULL},
		{"out of range: --timeout -1", "seconds from 0"}},
	{{"serve", "echo", "--timeout", "nan", NULL}, {"out of range: --timeout nan", "seconds"}},
	{{"serve", "echo", "--grace", "", NULL}, {"not a number: --grace", "seconds"}},
	{{"serve", "echo", "--mode", "fast", NULL},
		{"unknown mode: fast", "sync threading forking"}},
	{{"serve", "echo", "--max-threads=0", NULL},
		{"out of range: --max-threads 0", "from 1 to 65535"}},
	{{"serve", "echo", "--max-children=0", NULL},
		{"out of range: --max-children 0", "from 1 to 65535"}},
	{{"serve", "echo", "127.0.0.1:9999", NULL}, {"bad address: 127.0.0.1:9999", "tcp://"}},
	{{"serve", "echo", "tcp://127.0.0.1:65536", NULL},
		{"bad address: tcp://127.0.0.1:65536", "port"}},
	{{"serve", "echo", "tcp://[::1:7", NULL}, {"bad address: tcp://[::1:7", "]"}},
	{{"talk", NULL}, {"no address: talk", "socketserver --help"}},
	{{"talk", "tcp://127.0.0.1", NULL}, {"bad address: tcp://127.0.0.1", "port"}},
	{{"talk", "unix:a", "unix:b", NULL}, {"too many addresses: unix:b", ""}},
	{{"talk", "unix:a", "--timeout", "x", NULL}, {"not a number: --timeout x", ""}},
};

START_TEST(usage_errors_exit_2_and_name_the_remedy)
{
	const char *const *given = mistakes[_i].arguments;
	const char *arguments[6] = {getenv("SOCKETSERVER")};

	for (int i = 0; i < 5 && given[i] != NULL; i++)
		arguments[i + 1] = given[i];
	refused(run(arguments, ""), 2, mistakes[_i].said[0], mistakes[_i].said[1], NULL);
}
END_TEST

START_TEST(a_message_stays_one_line)
{
	refused(run(ARGUMENTS("serve", "no\nsuch\033[1m"), ""), 2, "no?such?[1m", NULL);
}
END_TEST

START_TEST(a_plugin_names_the_transports_it_has)
{
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "unix:/tmp/x"), ""), 2,
		"hello does not work over unix: unix:/tmp/x: it works over tcp", NULL);
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--mode", "forking"), ""), 2,
		"unknown mode: forking: hello has sync over tcp", NULL);
}
END_TEST

START_TEST(a_plugin_may_do_another_thing_over_datagrams)
{
	struct child server = start(ARGUMENTS(
		"serve", getenv("PLUGIN_HELLO"), "udp://127.0.0.1:0", "tcp://127.0.0.1:0"));
	char line[128], at[64];
	uint16_t port;
	struct result result;

	read_line(server.out, line, sizeof(line));
	ck_assert_int_eq(sscanf(line, "listening on udp://127.0.0.1:%hu (threading)", &port), 1);
	ck_assert(strstr(line, "(threading)") != NULL);
	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	result = run(ARGUMENTS("talk", at), "x");
	ck_assert_str_eq(result.out, "packet");
	forget(&result);
	read_line(server.out, line, sizeof(line));
	ck_assert(strstr(line, "(sync)") != NULL);
	stop(server);
}
END_TEST

/* Failures to start */

START_TEST(an_occupied_address_is_named_with_the_remedy)
{
	uint16_t port;
	struct child first = serve_echo(&port);
	struct address at = tcp(port);

	refused(run(ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0", at.text), ""), 1,
		"address in use: ", at.text, "port 0", NULL);
	stop(first);
}
END_TEST

/* A path for a socket, in a directory that remove_path() removes with it. */
static char path[32];

static void make_path(void)
{
	strcpy(path, "/tmp/ssv-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	strcat(path, "/socket");
}

static void remove_path(void)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

static struct address at_path(const char *transport)
{
	struct address address;

	snprintf(address.text, sizeof(address.text), "%s:%s", transport, path);
	return address;
}

static const char *const local_transports[] = {"unix", "unixgram"};

START_TEST(an_occupied_path_is_named_with_the_remedy)
{
	struct address at;
	struct child first;
	char line[128];

	make_path();
	at = at_path(local_transports[_i]);
	first = start(ARGUMENTS("serve", "echo", at.text));
	read_line(first.out, line, sizeof(line));
	refused(run(ARGUMENTS("serve", "echo", at.text), ""), 1, "address in use: ", at.text,
		"another process listens there", NULL);
	stop(first);
	ck_assert_int_eq(access(path, F_OK), -1);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refused(run(ARGUMENTS("serve", "echo", at.text), ""), 1, "no socket: ", at.text,
		"another file is in the way", NULL);
	ck_assert_int_eq(access(path, F_OK), 0);
	remove_path();
}
END_TEST

/* What a server that was killed leaves behind is in nobody's way. */
START_TEST(a_path_can_be_served_again_after_a_kill)
{
	struct address at;
	struct child server;
	char line[128];

	make_path();
	at = at_path(local_transports[_i]);
	for (int i = 0; i < 3; i++) {
		server = start(ARGUMENTS("serve", "echo", at.text));
		has(read_line(server.out, line, sizeof(line)), at.text);
		kill(server.pid, i < 2 ? SIGKILL : SIGTERM);
		ck_assert_int_eq(wait_for(&server), i < 2 ? -SIGKILL : 0);
	}
	ck_assert_int_eq(access(path, F_OK), -1);
	remove_path();
}
END_TEST

static void become_nobody(void)
{
	if (unshare(CLONE_NEWNET) != 0 || setresgid(65534, 65534, 65534) != 0 ||
		setresuid(65534, 65534, 65534) != 0 || access(getenv("SOCKETSERVER"), X_OK) != 0)
		_exit(SKIPPED);
}

/* In a network of its own, whose ports below 1024 are privileged, as a container's may not be. */
START_TEST(a_privileged_port_is_named_with_the_remedy)
{
	struct result result =
		run_prepared(ARGUMENTS("serve", "echo", "tcp://0.0.0.0:80"), become_nobody);

	if (result.status != SKIPPED)
		refused(result, 1, "permission denied: tcp://0.0.0.0:80: ", "below 1024", NULL);
}
END_TEST

START_TEST(a_name_that_cannot_be_resolved_is_named_with_the_remedy)
{
	setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	refused(run(ARGUMENTS("serve", "echo", "tcp://nosuch.invalid:0"), ""), 1,
		"name cannot be resolved: tcp://nosuch.invalid:0: ", "numeric", NULL);
	refused(run(ARGUMENTS("talk", "tcp://nosuch.invalid:7"), ""), 1,
		"name cannot be resolved: tcp://nosuch.invalid:7: ", "numeric", NULL);
}
END_TEST

START_TEST(an_address_of_another_host_is_refused)
{
	refused(run(ARGUMENTS("serve", "echo", "tcp://192.0.2.1:0"), ""), 1,
		"not an address of this host: tcp://192.0.2.1:0", NULL);
}
END_TEST

START_TEST(an_old_plugin_is_refused)
{
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_OLD")), ""), 1, getenv("PLUGIN_OLD"),
		"it was built for ABI 2, this program has 1: recompile it", NULL);
}
END_TEST

START_TEST(what_is_no_plugin_is_refused)
{
	refused(run(ARGUMENTS("serve", "./nosuch.so"), ""), 1, "./nosuch.so",
		"No such file or directory", NULL);
	refused(run(ARGUMENTS("serve", "/dev/null"), ""), 1, "cannot load the plug-in: /dev/null",
		NULL);
}
END_TEST

/* Standard output */

static void close_stdout(void)
{
	close(STDOUT_FILENO);
}

static void fill_stdout(void)
{
	dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
}

static void break_stdout(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		_exit(NOT_INSTALLED);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[0]);
}

START_TEST(a_lost_output_is_noticed)
{
	refused(run_prepared(ARGUMENTS("--help"), close_stdout), 1, "standard output", NULL);
	refused(run_prepared(ARGUMENTS("handlers"), fill_stdout), 1,
		"standard output: No space left", NULL);
	refused(run_prepared(ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0"), break_stdout), 1,
		"standard output: Broken pipe", NULL);
	refused(run_prepared(ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0"), fill_stdout), 1,
		"standard output: No space left", NULL);
}
END_TEST

static void close_standard_descriptors(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
}

/* With the three free, a socket could get the number that the log is written to. */
START_TEST(a_server_without_standard_descriptors_serves_and_logs_to_nobody)
{
	uint16_t port = free_port();
	struct address at = tcp(port);
	struct child server =
		start_prepared(ARGUMENTS("serve", "echo", at.text, "-v", "--timeout=0.2"),
			close_standard_descriptors);
	int fd;

	while ((fd = try_connect(port)) < 0)
		sched_yield();
	round_trip(fd, "hello");
	is_closed(fd);
	stop(server);
}
END_TEST

/* Serving */

START_TEST(echo_serves_one_client_after_the_other)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	int fd;

	for (int i = 0; i < 3; i++) {
		fd = connect_to(port);
		round_trip(fd, "hello");
		shutdown(fd, SHUT_WR);
		is_closed(fd);
	}
	stop(server);
}
END_TEST

START_TEST(upper_changes_ascii_letters_alone)
{
	uint16_t port;
	struct child server = serve(ARGUMENTS("serve", "upper", "tcp://127.0.0.1:0"), &port);
	struct address at = tcp(port);
	struct result result = run(ARGUMENTS("talk", at.text), "az AZ `{@[ 09 \303\244\n");

	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "AZ AZ `{@[ 09 \303\244\n");
	forget(&result);
	stop(server);
}
END_TEST

START_TEST(all_addresses_are_served)
{
	struct child server = start(ARGUMENTS(
		"serve", "--grace", "0.1", "echo", "tcp://127.0.0.1:0", "-v", "tcp://127.0.0.1:0"));
	uint16_t ports[] = {read_port(&server), read_port(&server)};
	int fd;

	ck_assert_int_ne(ports[0], ports[1]);
	for (int i = 0; i < 4; i++) {
		fd = connect_to(ports[i % 2]);
		round_trip(fd, "hello");
		close(fd);
	}
	stop(server);
}
END_TEST

START_TEST(a_plugin_is_served_with_its_own_option)
{
	uint16_t port;
	struct child server = serve(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--greeting",
					    "good day", "tcp://127.0.0.1:0"),
		&port);
	struct address at = tcp(port);
	struct result result = run(ARGUMENTS("talk", at.text), "");

	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "good day\n");
	forget(&result);
	stop(server);
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--greeting="), ""), 2, "--greeting",
		"what to say", NULL);
}
END_TEST

START_TEST(a_handler_that_does_not_open_is_told_of)
{
	char too_long[80] = "--greeting=";

	memset(too_long + strlen(too_long), 'x', 65);
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), too_long), ""), 1,
		"handler did not open: hello: Invalid argument", NULL);
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--greeting=two\nlines"), ""), 1,
		"handler did not open: hello: the greeting must be one line", NULL);
}
END_TEST

START_TEST(a_handler_may_end_the_program_well)
{
	uint16_t port;
	struct child server = serve(
		ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--once", "tcp://127.0.0.1:0"), &port);
	int fd = connect_to(port);
	char line[64];

	ck_assert_str_eq(read_line(fd, line, sizeof(line)), "hello");
	close(fd);
	ck_assert_int_eq(wait_for(&server), 0);
}
END_TEST

START_TEST(a_silent_client_is_closed_after_the_timeout)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--timeout", "0.2");
	int fd = connect_to(port);

	round_trip(fd, "hello");
	is_closed(fd);
	stop(server);
}
END_TEST

START_TEST(a_client_is_closed_after_the_deadline)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--timeout=0", "--deadline=0.2");
	int fd = connect_to(port);

	is_closed(fd);
	stop(server);
}
END_TEST

static const char *const other_clients[][6] = {
	{"nc", "-N", "127.0.0.1", "PORT"},
	{"socat", "-t5", "-", "TCP:127.0.0.1:PORT"},
	{"python3", "-c",
		"import socket, sys\n"
		"s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
		"s.sendall(sys.stdin.buffer.read())\n"
		"s.shutdown(socket.SHUT_WR)\n"
		"sys.stdout.write(s.makefile().read())\n",
		"PORT"},
};

/* The argument with its PORT replaced, if it ends so. */
static const char *with_port(const char *argument, uint16_t port)
{
	static char text[64];
	size_t length = strlen(argument);

	if (length < 4 || strcmp(argument + length - 4, "PORT") != 0)
		return argument;
	snprintf(text, sizeof(text), "%.*s%u", (int)length - 4, argument, port);
	return text;
}

START_TEST(other_clients_get_back_what_they_sent)
{
	const char *arguments[6] = {NULL};
	struct result result;
	uint16_t port;
	struct child server = serve_echo(&port);

	for (int i = 0; other_clients[_i][i] != NULL; i++)
		arguments[i] = with_port(other_clients[_i][i], port);
	result = run(arguments, "hello");
	if (result.status != NOT_INSTALLED) {
		ck_assert_msg(result.status == 0, "%s", result.err);
		ck_assert_str_eq(result.out, "hello");
	}
	forget(&result);
	stop(server);
}
END_TEST

/* Each transport, from end to end */

static const char *const served_at[] = {
	"tcp://127.0.0.1:0",
	"tcp://[::1]:0",
	"udp://127.0.0.1:0",
	"udp://[::1]:0",
	"udp://:0",
	"unix:PATH",
	"unix:@ssv-program-PID",
	"unixgram:PATH",
	"unixgram:@ssv-program-PID",
};

static struct address place(const char *at)
{
	const char *name = strstr(at, "PATH"), *pid = strstr(at, "PID");
	struct address address;

	if (name != NULL)
		snprintf(address.text, sizeof(address.text), "%.*s%s", (int)(name - at), at, path);
	else if (pid != NULL)
		snprintf(address.text, sizeof(address.text), "%.*s%d", (int)(pid - at), at,
			getpid());
	else
		strcpy(address.text, at);
	return address;
}

static const char *const modes[] = {"sync", "threading", "forking"};
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* Where it says that it listens, in that mode. */
static struct address read_address(const struct child *server, const char *mode)
{
	struct address address;
	char line[256];

	read_line(server->out, line, sizeof(line));
	ck_assert_msg(sscanf(line, "listening on %63s", address.text) == 1 && strstr(line, mode),
		"it said: %s", line);
	return address;
}

/* Nobody can be asked at [::] everywhere. */
static struct address to_ask(struct address at)
{
	struct address address;
	unsigned int port;

	if (sscanf(at.text, "udp://[::]:%u", &port) != 1)
		return at;
	snprintf(address.text, sizeof(address.text), "udp://127.0.0.2:%u", port);
	return address;
}

START_TEST(talk_and_serve_meet_over_each_transport)
{
	const char *mode = modes[(size_t)_i % MODES];
	struct address at;
	struct child server;
	struct result result;

	make_path();
	at = place(served_at[_i]);
	server = start(ARGUMENTS("serve", "upper", at.text, "--mode", mode));
	at = to_ask(read_address(&server, mode));
	result = run(ARGUMENTS("talk", at.text), "over any of them");
	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_str_eq(result.out, "OVER ANY OF THEM");
	forget(&result);
	stop(server);
	ck_assert_int_eq(access(path, F_OK), -1);
	remove_path();
}
END_TEST

/* Its own sockets, on their own terms; datagrams of any length, the empty one included. */
static const char python_client[] =
	"import os, socket, sys\n"
	"kind, _, at = sys.argv[1].partition(':')\n"
	"if at.startswith('//'):\n"
	"    host, _, port = at[2:].rpartition(':')\n"
	"    at = (host.strip('[]'), int(port))\n"
	"    family = socket.AF_INET6 if ':' in at[0] else socket.AF_INET\n"
	"else:\n"
	"    family = socket.AF_UNIX\n"
	"    at = at.replace('@', '\\0', 1)\n"
	"packets = kind in ('udp', 'unixgram')\n"
	"s = socket.socket(family, socket.SOCK_DGRAM if packets else socket.SOCK_STREAM)\n"
	"s.settimeout(10)\n"
	"if kind == 'unixgram': s.bind('')\n"
	"s.connect(at)\n"
	"for size in (1, 0, 16384, 65507, 5) if packets else (1, 16384, 65507, 5):\n"
	"    sent = os.urandom(size)\n"
	"    s.sendall(sent) if size else s.send(sent)\n"
	"    got = s.recv(65536)\n"
	"    while not packets and len(got) < size: got += s.recv(65536)\n"
	"    assert got == sent, (size, len(got))\n"
	"print('well')\n";

START_TEST(python_is_served_over_each_transport_in_each_mode)
{
	const char *mode = modes[(size_t)_i % MODES];
	const char *arguments[] = {"python3", "-c", python_client, NULL, NULL};
	struct result result;
	struct child server;
	struct address at;

	make_path();
	at = place(served_at[(size_t)_i / MODES]);
	server = start(ARGUMENTS("serve", "echo", at.text, "--grace=0.1", "--mode", mode));
	at = to_ask(read_address(&server, mode));
	arguments[3] = at.text;
	result = run(arguments, "");
	if (result.status != NOT_INSTALLED) {
		ck_assert_msg(result.status == 0, "%s", result.err);
		ck_assert_str_eq(result.out, "well\n");
	}
	forget(&result);
	stop(server);
	remove_path();
}
END_TEST

START_TEST(threading_serves_as_many_clients_at_a_time_as_it_may)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--mode", "threading", "--max-threads", "2");
	int first = connect_to(port), second = connect_to(port), third = connect_to(port);
	struct pollfd answer = {third, POLLIN, 0};

	round_trip(first, "hello");
	round_trip(second, "hello");
	ck_assert_int_eq(send(third, "hello", 5, MSG_NOSIGNAL), 5);
	ck_assert_int_eq(poll(&answer, 1, 50), 0);
	close(first);
	ck_assert_int_eq(poll(&answer, 1, -1), 1);
	round_trip(second, "hello");
	close(second);
	close(third);
	stop(server);
}
END_TEST

START_TEST(forking_serves_as_many_clients_at_a_time_as_it_may)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--mode", "forking", "--max-children", "2");
	int first = connect_to(port), second = connect_to(port), third = connect_to(port);
	struct pollfd answer = {third, POLLIN, 0};

	round_trip(first, "hello");
	round_trip(second, "hello");
	ck_assert_int_eq(send(third, "hello", 5, MSG_NOSIGNAL), 5);
	ck_assert_int_eq(poll(&answer, 1, 50), 0);
	close(first);
	ck_assert_int_eq(poll(&answer, 1, -1), 1);
	round_trip(second, "hello");
	close(second);
	close(third);
	stop(server);
}
END_TEST

/* Stopping */

static const int signals[] = {SIGINT, SIGTERM};

START_TEST(a_signal_ends_an_idle_server_well)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct result result;

	kill(server.pid, signals[_i]);
	result = finish(server, "", 0);
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.err, "");
	ck_assert_int_lt(try_connect(port), 0);
	forget(&result);
}
END_TEST

/* The signal comes while the server is on its way into its loop. */
START_TEST(a_signal_at_the_start_ends_the_server_well)
{
	uint16_t port;

	for (int i = 0; i < 20; i++)
		stop(serve_echo(&port));
}
END_TEST

START_TEST(a_signal_cuts_a_silent_client_off_after_the_grace)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--grace", "0.1");
	int fd = connect_to(port);

	round_trip(fd, "hello");
	kill(server.pid, signals[_i]);
	ck_assert_int_eq(wait_for(&server), 0);
	is_closed(fd);
}
END_TEST

START_TEST(a_signal_ends_silent_children_after_the_grace)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--mode=forking", "--grace", "0.1");
	int fds[] = {connect_to(port), connect_to(port)};
	struct result result;

	round_trip(fds[0], "hello");
	round_trip(fds[1], "hello");
	kill(server.pid, signals[_i]);
	result = finish(server, "", 0);
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.err, "");
	is_closed(fds[0]);
	is_closed(fds[1]);
	forget(&result);
}
END_TEST

static void lead_a_group(void)
{
	setpgid(0, 0);
}

/* A terminal sends it to the whole group. */
START_TEST(ctrl_c_lets_the_client_of_a_child_finish_within_the_grace)
{
	struct child server = start_prepared(
		ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0", "--mode=forking", "--grace=1000"),
		lead_a_group);
	uint16_t port = read_port(&server);
	int fd = connect_to(port);

	round_trip(fd, "hello");
	kill(-server.pid, SIGINT);
	round_trip(fd, "and more");
	shutdown(fd, SHUT_WR);
	is_closed(fd);
	ck_assert_int_eq(wait_for(&server), 0);
}
END_TEST

START_TEST(children_end_with_the_program_however_that_ends)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--mode=forking");
	int fd = connect_to(port);

	round_trip(fd, "hello");
	kill(server.pid, SIGKILL);
	is_closed(fd);
	ck_assert_int_eq(wait_for(&server), -SIGKILL);
}
END_TEST

START_TEST(a_signal_lets_a_client_finish_within_the_grace)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--grace", "1000");
	int fd = connect_to(port);

	round_trip(fd, "hello");
	kill(server.pid, signals[_i]);
	round_trip(fd, "and more");
	shutdown(fd, SHUT_WR);
	is_closed(fd);
	ck_assert_int_eq(wait_for(&server), 0);
}
END_TEST

START_TEST(the_grace_is_shared_by_all_addresses)
{
	struct child server = start(ARGUMENTS(
		"serve", "echo", "--grace=0.5", "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"));
	uint16_t ports[] = {read_port(&server), read_port(&server)};
	int fd = connect_to(ports[1]);
	double start;

	round_trip(fd, "hello");
	start = seconds();
	stop(server);
	ck_assert_double_lt(seconds() - start, 1.0);
	is_closed(fd);
}
END_TEST

START_TEST(a_handler_that_cannot_be_stopped_is_told_of)
{
	uint16_t port;
	struct child server = serve(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--stuck",
					    "--grace=0.1", "tcp://127.0.0.1:0"),
		&port);
	int fd = connect_to(port);
	char line[64];

	ck_assert_str_eq(read_line(fd, line, sizeof(line)), "hello");
	kill(server.pid, SIGTERM);
	refused(finish(server, "", 0), 1, "not stopped: 1 running", "--grace", NULL);
	close(fd);
}
END_TEST

static bool has_ended(int pidfd)
{
	struct pollfd end = {pidfd, POLLIN, 0};

	return poll(&end, 1, 10) > 0;
}

/* One that is sent before the first was taken counts for nothing: send until it has ended. */
START_TEST(a_second_signal_ends_the_server_at_once)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--grace", "1000");
	int fd = connect_to(port), pidfd = (int)syscall(SYS_pidfd_open, server.pid, 0);

	ck_assert_int_ge(pidfd, 0);
	round_trip(fd, "hello");
	do
		kill(server.pid, signals[_i]);
	while (!has_ended(pidfd));
	ck_assert_int_eq(wait_for(&server), 128 + signals[_i]);
	close(pidfd);
	close(fd);
}
END_TEST

START_TEST(a_port_can_be_served_again_at_once)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	int fd = connect_to(port);

	round_trip(fd, "hello");
	stop(server);
	is_closed(fd);
	server = serve(ARGUMENTS("serve", "echo", at.text), &port);
	stop(server);
}
END_TEST

/* Talking */

START_TEST(talk_prints_what_comes_back)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct result result = run(ARGUMENTS("talk", at.text), "hello");

	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "hello");
	ck_assert_str_eq(result.err, "");
	forget(&result);
	stop(server);
}
END_TEST

static char *make_noise(size_t size)
{
	char *noise = malloc(size);
	unsigned int state = 1;

	ck_assert_ptr_nonnull(noise);
	for (size_t i = 0; i < size; i++)
		noise[i] = (char)((state = state * 1103515245 + 12345) >> 16);
	return noise;
}

/* More than all the buffers on the way hold: who only wrote would wait for ever. */
START_TEST(talk_moves_any_bytes_however_many)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	char *noise = make_noise(LARGE);
	struct result result = finish(start(ARGUMENTS("talk", at.text)), noise, LARGE);

	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(result.out_size, LARGE);
	ck_assert(memcmp(result.out, noise, LARGE) == 0);
	free(noise);
	forget(&result);
	stop(server);
}
END_TEST

START_TEST(talk_is_interactive)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct child talk = start(ARGUMENTS("talk", at.text));
	char line[64];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(write(talk.in, "hello\n", 6), 6);
		ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "hello");
	}
	ck_assert_int_eq(wait_for(&talk), 0);
	stop(server);
}
END_TEST

/* A server that the test plays itself. */
static struct child talk_to_listener(int listener, uint16_t port, int *connection)
{
	struct address at = tcp(port);
	struct child talk = start(ARGUMENTS("talk", at.text));

	*connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*connection, 0);
	return talk;
}

START_TEST(talk_half_closes_and_waits_for_the_reply)
{
	uint16_t port;
	int fd, listener = bind_socket(SOCK_STREAM, &port);
	struct child talk = talk_to_listener(listener, port, &fd);
	struct result result;

	close_end(&talk.in);
	is_closed(dup(fd));
	ck_assert_int_eq(send(fd, "late", 4, MSG_NOSIGNAL), 4);
	close(fd);
	talk.in = -1;
	result = finish(talk, "", 0);
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "late");
	forget(&result);
	close(listener);
}
END_TEST

START_TEST(talk_ends_with_the_server_while_input_is_open)
{
	uint16_t port;
	int fd, listener = bind_socket(SOCK_STREAM, &port);
	struct child talk = talk_to_listener(listener, port, &fd);
	char line[64];
	int status;

	ck_assert_int_eq(send(fd, "bye\n", 4, MSG_NOSIGNAL), 4);
	close(fd);
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "bye");
	ck_assert_int_eq(waitpid(talk.pid, &status, 0), talk.pid);
	ck_assert_int_eq(status, 0);
	close(talk.in);
	close(listener);
}
END_TEST

START_TEST(talk_says_that_the_connection_was_reset)
{
	struct linger at_once = {.l_onoff = 1};
	uint16_t port;
	int fd, listener = bind_socket(SOCK_STREAM, &port);
	struct child talk = talk_to_listener(listener, port, &fd);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	refused(finish(talk, "hello", 5), 1, "connection reset: tcp://127.0.0.1:", NULL);
	close(listener);
}
END_TEST

START_TEST(talk_says_that_nobody_listens)
{
	struct address at = tcp(free_port());

	refused(run(ARGUMENTS("talk", at.text), ""), 1, "nobody listens: ", at.text,
		"socketserver serve echo tcp://", NULL);
	refused(run(ARGUMENTS("talk", "unix:/nosuch/socket"), ""), 1,
		"nobody listens: unix:/nosuch/socket: ", "socketserver serve echo unix:", NULL);
}
END_TEST

/* A listener whose queue is full answers no more. */
START_TEST(talk_gives_up_connecting_after_its_timeout)
{
	uint16_t port;
	int listener = bind_socket(SOCK_STREAM, &port);
	struct address at = tcp(port);
	int first;

	ck_assert_int_eq(listen(listener, 0), 0);
	first = connect_to(port);
	refused(run(ARGUMENTS("talk", at.text, "--timeout", "0.1"), ""), 1,
		"no answer in time: ", at.text, "--timeout", NULL);
	close(first);
	close(listener);
}
END_TEST

START_TEST(talk_ends_quietly_when_nobody_reads_its_output)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct child talk = start_prepared(ARGUMENTS("talk", at.text), break_stdout);
	struct result result = finish(talk, "hello", 5);

	ck_assert_int_eq(result.status, -SIGPIPE);
	ck_assert_str_eq(result.err, "");
	forget(&result);
	stop(server);
}
END_TEST

START_TEST(talk_says_that_its_output_is_full)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct child talk = start_prepared(ARGUMENTS("talk", at.text), fill_stdout);

	refused(finish(talk, "hello", 5), 1, "standard output: No space left", NULL);
	stop(server);
}
END_TEST

static void answer(int fd, const char *expected, const char *reply)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	char data[64];
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &length);

	ck_assert_int_eq(n, (ssize_t)strlen(expected));
	ck_assert_mem_eq(data, expected, (size_t)n);
	n = sendto(fd, reply, strlen(reply), 0, (struct sockaddr *)&peer, length);
	ck_assert_int_eq(n, (ssize_t)strlen(reply));
}

START_TEST(talk_over_udp_ends_a_second_after_the_last_reply)
{
	uint16_t port;
	int fd = bind_socket(SOCK_DGRAM, &port);
	char at[64], line[64];
	struct child talk;
	double replied;

	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	talk = start(ARGUMENTS("talk", at));
	ck_assert_int_eq(write(talk.in, "one\n", 4), 4);
	answer(fd, "one\n", "1\n");
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "1");
	ck_assert_int_eq(write(talk.in, "two\n", 4), 4);
	close_end(&talk.in);
	answer(fd, "two\n", "2\n");
	replied = seconds();
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "2");
	ck_assert_int_eq(wait_for(&talk), 0);
	ck_assert_double_ge(seconds() - replied, 0.9);
	ck_assert_double_le(seconds() - replied, 3.0);
	close(fd);
}
END_TEST

START_TEST(talk_over_udp_takes_an_empty_reply)
{
	uint16_t port;
	int fd = bind_socket(SOCK_DGRAM, &port);
	char at[64], line[64];
	struct child talk;

	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	talk = start(ARGUMENTS("talk", at));
	ck_assert_int_eq(write(talk.in, "one\n", 4), 4);
	answer(fd, "one\n", "");
	ck_assert_int_eq(write(talk.in, "two\n", 4), 4);
	answer(fd, "two\n", "2\n");
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "2");
	ck_assert_int_eq(wait_for(&talk), 0);
	close(fd);
}
END_TEST

START_TEST(talk_over_udp_says_that_nobody_listens)
{
	uint16_t port;
	char at[64];

	close(bind_socket(SOCK_DGRAM, &port));
	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	refused(run(ARGUMENTS("talk", at), "hello"), 1, "nobody listens: ", at, NULL);
}
END_TEST

static TCase *help_case(void)
{
	TCase *tcase = tcase_create("help");

	tcase_add_test(tcase, help_fits_a_screen_and_shows_examples);
	tcase_add_test(tcase, help_on_a_handler_shows_its_own_options);
	tcase_add_test(tcase, version_is_one_line);
	tcase_add_test(tcase, handlers_are_listed_with_transports_and_modes);
	return tcase;
}

static TCase *refusal_case(void)
{
	TCase *tcase = tcase_create("refusals");

	tcase_add_loop_test(tcase, usage_errors_exit_2_and_name_the_remedy, 0,
		sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(tcase, a_message_stays_one_line);
	tcase_add_test(tcase, a_plugin_names_the_transports_it_has);
	tcase_add_test(tcase, a_plugin_may_do_another_thing_over_datagrams);
	tcase_add_test(tcase, an_occupied_address_is_named_with_the_remedy);
	tcase_add_loop_test(tcase, an_occupied_path_is_named_with_the_remedy, 0, 2);
	tcase_add_test(tcase, a_privileged_port_is_named_with_the_remedy);
	tcase_add_test(tcase, a_name_that_cannot_be_resolved_is_named_with_the_remedy);
	tcase_add_test(tcase, an_address_of_another_host_is_refused);
	tcase_add_test(tcase, an_old_plugin_is_refused);
	tcase_add_test(tcase, what_is_no_plugin_is_refused);
	tcase_add_test(tcase, a_lost_output_is_noticed);
	return tcase;
}

static TCase *serve_case(void)
{
	TCase *tcase = tcase_create("serve");

	tcase_add_test(tcase, a_server_without_standard_descriptors_serves_and_logs_to_nobody);
	tcase_add_test(tcase, echo_serves_one_client_after_the_other);
	tcase_add_test(tcase, upper_changes_ascii_letters_alone);
	tcase_add_test(tcase, all_addresses_are_served);
	tcase_add_test(tcase, a_plugin_is_served_with_its_own_option);
	tcase_add_test(tcase, a_handler_that_does_not_open_is_told_of);
	tcase_add_test(tcase, a_handler_may_end_the_program_well);
	tcase_add_test(tcase, a_silent_client_is_closed_after_the_timeout);
	tcase_add_test(tcase, a_client_is_closed_after_the_deadline);
	tcase_add_test(tcase, threading_serves_as_many_clients_at_a_time_as_it_may);
	tcase_add_test(tcase, forking_serves_as_many_clients_at_a_time_as_it_may);
	tcase_add_loop_test(tcase, other_clients_get_back_what_they_sent, 0,
		sizeof(other_clients) / sizeof(other_clients[0]));
	tcase_add_loop_test(tcase, talk_and_serve_meet_over_each_transport, 0,
		sizeof(served_at) / sizeof(served_at[0]));
	tcase_add_loop_test(tcase, python_is_served_over_each_transport_in_each_mode, 0,
		(int)(MODES * sizeof(served_at) / sizeof(served_at[0])));
	return tcase;
}

static TCase *stop_case(void)
{
	TCase *tcase = tcase_create("stop");

	tcase_add_loop_test(tcase, a_signal_ends_an_idle_server_well, 0, 2);
	tcase_add_test(tcase, a_signal_at_the_start_ends_the_server_well);
	tcase_add_loop_test(tcase, a_signal_cuts_a_silent_client_off_after_the_grace, 0, 2);
	tcase_add_loop_test(tcase, a_signal_ends_silent_children_after_the_grace, 0, 2);
	tcase_add_test(tcase, ctrl_c_lets_the_client_of_a_child_finish_within_the_grace);
	tcase_add_test(tcase, children_end_with_the_program_however_that_ends);
	tcase_add_loop_test(tcase, a_signal_lets_a_client_finish_within_the_grace, 0, 2);
	tcase_add_test(tcase, the_grace_is_shared_by_all_addresses);
	tcase_add_loop_test(tcase, a_second_signal_ends_the_server_at_once, 0, 2);
	tcase_add_test(tcase, a_handler_that_cannot_be_stopped_is_told_of);
	tcase_add_test(tcase, a_port_can_be_served_again_at_once);
	tcase_add_loop_test(tcase, a_path_can_be_served_again_after_a_kill, 0, 2);
	return tcase;
}

static TCase *talk_case(void)
{
	TCase *tcase = tcase_create("talk");

	tcase_add_test(tcase, talk_prints_what_comes_back);
	tcase_add_test(tcase, talk_moves_any_bytes_however_many);
	tcase_add_test(tcase, talk_is_interactive);
	tcase_add_test(tcase, talk_half_closes_and_waits_for_the_reply);
	tcase_add_test(tcase, talk_ends_with_the_server_while_input_is_open);
	tcase_add_test(tcase, talk_says_that_the_connection_was_reset);
	tcase_add_test(tcase, talk_says_that_nobody_listens);
	tcase_add_test(tcase, talk_gives_up_connecting_after_its_timeout);
	tcase_add_test(tcase, talk_ends_quietly_when_nobody_reads_its_output);
	tcase_add_test(tcase, talk_says_that_its_output_is_full);
	tcase_add_test(tcase, talk_over_udp_ends_a_second_after_the_last_reply);
	tcase_add_test(tcase, talk_over_udp_takes_an_empty_reply);
	tcase_add_test(tcase, talk_over_udp_says_that_nobody_listens);
	return tcase;
}

static int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	signal(SIGPIPE, SIG_IGN);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
	Suite *suite = suite_create("program");

	if (getenv("SOCKETSERVER") == NULL || getenv("PLUGIN_HELLO") == NULL ||
		getenv("PLUGIN_OLD") == NULL) {
		fputs("test_program: set SOCKETSERVER, PLUGIN_HELLO and PLUGIN_OLD\n", stderr);
		return EXIT_FAILURE;
	}
	suite_add_tcase(suite, help_case());
	suite_add_tcase(suite, refusal_case());
	suite_add_tcase(suite, serve_case());
	suite_add_tcase(suite, stop_case());
	suite_add_tcase(suite, talk_case());
	return run_suite(suite);
}
