/* The programs in README.md and docs/ do what is said there. */
#include "support.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char address[SSV_ADDRESS_TEXT_SIZE];

/* A port that was free a moment ago: a document's program has no way to tell which one it got. */
static void choose_address(void)
{
	static const struct ssv_handler_ops none;
	struct ssv_address at = address_of(ANYWHERE);
	struct ssv_tcp_server tcp;

	ssv_tcp_server_init(&tcp, &at, &none);
	ck_assert_int_eq(ssv_server_open(&tcp.base), 0);
	ssv_address_format(&tcp.base.server_address, address);
	ck_assert_int_eq(ssv_server_close(&tcp.base), 0);
}

/* With `standard_error` for its own, unless that is -1. */
static pid_t start_telling(const char *variable, char *arguments[], int standard_error)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	arguments[0] = getenv(variable);
	ck_assert_msg(arguments[0] != NULL, "%s is not set: run this with meson test", variable);
	posix_spawn_file_actions_init(&actions);
	if (standard_error >= 0)
		posix_spawn_file_actions_adddup2(&actions, standard_error, STDERR_FILENO);
	ck_assert_int_eq(posix_spawn(&pid, arguments[0], &actions, NULL, arguments, NULL), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static pid_t start_with(const char *variable, char *arguments[])
{
	return start_telling(variable, arguments, -1);
}

static pid_t start(const char *variable)
{
	return start_with(variable, (char *[]){NULL, address, NULL});
}

/* It listens when it listens. */
static void connect_when_ready(struct ssv_stream *client)
{
	int patience = 2000, rc;

	while ((rc = ssv_connect(client, address, 5000)) == -ECONNREFUSED && --patience > 0)
		poll(NULL, 0, 5);
	ck_assert_int_eq(rc, 0);
}

static void expect_line(struct ssv_stream *client, const char *expected)
{
	char *line;

	ck_assert_int_eq(ssv_stream_readline(client, &line), (ssize_t)strlen(expected));
	ck_assert_str_eq(line, expected);
}

static int status_of(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(the_complete_server_echoes_lines_and_ends_well_on_a_signal)
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct ssv_stream client;
	pid_t pid;

	choose_address();
	pid = start("ECHO_SERVER");
	connect_when_ready(&client);
	ck_assert_int_eq(ssv_stream_printf(&client, "one\ntwo\n"), 8);
	expect_line(&client, "one\n");
	expect_line(&client, "two\n");
	ssv_stream_close(&client);
	ck_assert_int_eq(kill(pid, signals[_i]), 0);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(the_complete_server_names_the_address_that_it_cannot_have)
{
	char said[512] = "", expected[512];
	pid_t pid;
	int tells[2];

	ck_assert_int_eq(pipe(tells), 0);
	pid = start_telling(
		"ECHO_SERVER", (char *[]){NULL, "tcp://192.0.2.1:9999", NULL}, tells[1]);
	close(tells[1]);
	ck_assert_int_eq(status_of(pid), 1 << 8);
	ck_assert_int_gt(read(tells[0], said, sizeof(said) - 1), 0);
	snprintf(expected, sizeof(expected), "echo: tcp://192.0.2.1:9999: %s\n",
		strerror(EADDRNOTAVAIL));
	ck_assert_str_eq(said, expected);
	close(tells[0]);
}
END_TEST

START_TEST(the_smallest_server_echoes_lines)
{
	struct ssv_stream client;
	pid_t pid;

	choose_address();
	pid = start("SMALLEST_SERVER");
	connect_when_ready(&client);
	ck_assert_int_eq(ssv_stream_printf(&client, "one\n"), 4);
	expect_line(&client, "one\n");
	ssv_stream_close(&client);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(status_of(pid), SIGTERM);
}
END_TEST

START_TEST(the_counting_layer_ends_after_three_requests)
{
	struct ssv_stream client;
	pid_t pid;
	int i;

	choose_address();
	pid = start("COUNTING_LAYER");
	for (i = 0; i < 3; i++) {
		connect_when_ready(&client);
		expect_line(&client, "hello\n");
		ssv_stream_close(&client);
	}
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

static void expect_refusal(struct ssv_stream *client)
{
	char *line;

	ck_assert_int_le(ssv_stream_readline(client, &line), 0);
}

START_TEST(the_allow_list_stacks_with_either_mixin)
{
	static char *const modes[] = {"threading", "forking"};
	char *allowed = (_i & 1) ? "tcp://127.0.0." : "tcp://192.0.2.";
	struct ssv_stream client;
	pid_t pid;
	int i;

	choose_address();
	pid = start_with("ALLOW_LIST", (char *[]){NULL, modes[_i / 2], address, allowed, NULL});
	for (i = 0; i < 3; i++) {
		connect_when_ready(&client);
		if (_i & 1)
			expect_line(&client, "welcome\n");
		else
			expect_refusal(&client);
		ssv_stream_close(&client);
	}
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("documents");
	TCase *tcase = topic(suite, "documents");

	tcase_add_loop_test(
		tcase, the_complete_server_echoes_lines_and_ends_well_on_a_signal, 0, 2);
	tcase_add_test(tcase, the_complete_server_names_the_address_that_it_cannot_have);
	tcase_add_test(tcase, the_smallest_server_echoes_lines);
	tcase_add_test(tcase, the_counting_layer_ends_after_three_requests);
	tcase_add_loop_test(tcase, the_allow_list_stacks_with_either_mixin, 0, 4);
	return run_suite(suite);
}
