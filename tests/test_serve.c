/* `serve`: whom it serves, and how it ends. */
#include "program.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Serving */

START_TEST(echo_serves_one_client_after_the_other)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	int fd;

	for (int i = 0; i < 3; i++) {
		fd = connect_to_port(port);
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
	struct child server = start_server(ARGUMENTS("serve", "upper", "tcp://127.0.0.1:0"), &port);
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
		fd = connect_to_port(ports[i % 2]);
		round_trip(fd, "hello");
		close(fd);
	}
	stop(server);
}
END_TEST

START_TEST(a_plugin_is_served_with_its_own_option)
{
	uint16_t port;
	struct child server = start_server(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--greeting",
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
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--greeting=two\nlines"), ""), 2,
		"handler did not open: hello: the greeting must be one line", NULL);
}
END_TEST

START_TEST(a_handler_may_end_the_program_well)
{
	uint16_t port;
	struct child server = start_server(
		ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--once", "tcp://127.0.0.1:0"), &port);
	int fd = connect_to_port(port);
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
	int fd = connect_to_port(port);

	round_trip(fd, "hello");
	is_closed(fd);
	stop(server);
}
END_TEST

START_TEST(a_client_is_closed_after_the_deadline)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--timeout=0", "--deadline=0.2");
	int fd = connect_to_port(port);

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
#define MODES LENGTH(modes)

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
	const char *mode = modes[_i % MODES];
	struct address at;
	struct child server;
	struct result result;

	make_path();
	at = place(served_at[_i]);
	server = start(ARGUMENTS("serve", "upper", at.text, "--public", "--mode", mode));
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
	const char *mode = modes[_i % MODES];
	const char *arguments[] = {"python3", "-c", python_client, NULL, NULL};
	struct result result;
	struct child server;
	struct address at;

	make_path();
	at = place(served_at[_i / MODES]);
	server = start(
		ARGUMENTS("serve", "echo", at.text, "--public", "--grace=0.1", "--mode", mode));
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

static const struct {
	const char *mode, *limit;
} limited[] = {
	{"threading", "--max-threads"},
	{"forking", "--max-children"},
};

START_TEST(as_many_clients_are_served_at_a_time_as_may_be)
{
	uint16_t port;
	struct child server = SERVE_ECHO(&port, "--mode", limited[_i].mode, limited[_i].limit, "2");
	int first = connect_to_port(port), second = connect_to_port(port),
	    third = connect_to_port(port);
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
	int fd = connect_to_port(port);

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
	int fds[] = {connect_to_port(port), connect_to_port(port)};
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
	int fd = connect_to_port(port);

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
	int fd = connect_to_port(port);

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
	int fd = connect_to_port(port);

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
	int fd = connect_to_port(ports[1]);
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
	struct child server = start_server(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--stuck",
						   "--grace=0.1", "tcp://127.0.0.1:0"),
		&port);
	int fd = connect_to_port(port);
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
	int fd = connect_to_port(port), pidfd = (int)syscall(SYS_pidfd_open, server.pid, 0);

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
	int fd = connect_to_port(port);

	round_trip(fd, "hello");
	stop(server);
	is_closed(fd);
	server = start_server(ARGUMENTS("serve", "echo", at.text), &port);
	stop(server);
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
	FOR_EACH(tcase, as_many_clients_are_served_at_a_time_as_may_be, limited);
	FOR_EACH(tcase, other_clients_get_back_what_they_sent, other_clients);
	FOR_EACH(tcase, talk_and_serve_meet_over_each_transport, served_at);
	tcase_add_loop_test(tcase, python_is_served_over_each_transport_in_each_mode, 0,
		MODES * LENGTH(served_at));
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

int main(void)
{
	Suite *suite = suite_create("serve");

	suite_add_tcase(suite, serve_case());
	suite_add_tcase(suite, stop_case());
	return run_program_suite(suite);
}
