/* The program on its own: help, what it refuses and what it then says. */
#include "program.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIPPED 77

/* Help */

#define SCREEN 23 /* rows, with a prompt below */

/* In so many rows, or any number: 0. */
static void fits_a_screen(const char *text, int rows)
{
	int lines = 0;

	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		ck_assert_msg(end - text <= 80, "too wide: %.*s", (int)(end - text), text);
		lines++;
	}
	ck_assert(rows == 0 || lines <= rows);
}

static void helps(struct result result, int rows, ...)
{
	const char *part;
	va_list parts;

	ck_assert_msg(result.status == 0, "%s", result.err);
	ck_assert_str_eq(result.err, "");
	fits_a_screen(result.out, rows);
	va_start(parts, rows);
	while ((part = va_arg(parts, const char *)) != NULL)
		has(result.out, part);
	va_end(parts);
	forget(&result);
}

START_TEST(help_fits_a_screen_and_shows_examples)
{
	helps(run(ARGUMENTS("--help"), ""), SCREEN, "serve", "talk", "top", "handlers",
		"socketserver serve echo", NULL);
	helps(run(ARGUMENTS("serve", "--help"), ""), SCREEN, "--mode", "--max-connections",
		"--public", "--timeout", "--grace", "--stats ADDRESS", "-v, --verbose",
		"--help-all", "Examples:", NULL);
	helps(run(ARGUMENTS("talk", "-h"), ""), SCREEN, "--as WAY", "--timeout", "Examples:", NULL);
	helps(run(ARGUMENTS("top", "-h"), ""), SCREEN, "--interval SECONDS", "--count", "--once",
		"Examples:", NULL);
}
END_TEST

START_TEST(help_all_shows_every_option)
{
	helps(run(ARGUMENTS("serve", "--help-all"), ""), 100, "--mode", "--max-children",
		"--backlog", "--max-connections", "--when-full", "--max-per-address", "--rate",
		"--allow-from", "--deny-from", "--udp-rate", "--public", "--timeout", "--deadline",
		"--grace", "--requests", "--stats ADDRESS", "--stats-public", "--log text|json",
		"--log-to PLACE", "-v, --verbose", "Examples:", NULL);
	helps(run(ARGUMENTS("serve", "exec", "--help-all"), ""), 0, "--backlog", "--max-output",
		NULL);
}
END_TEST

START_TEST(help_on_a_handler_shows_its_own_options)
{
	struct result result = run(ARGUMENTS("serve", "exec", "--help"), "");

	helps(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--help"), ""), SCREEN,
		"--greeting TEXT", "usage: socketserver serve",
		"\nsocketserver serve --help: ", NULL);
	helps(run(ARGUMENTS("serve", "--help", getenv("PLUGIN_HELLO")), ""), SCREEN,
		"--greeting TEXT", NULL);
	ck_assert_ptr_null(strstr(result.out, "--grace"));
	forget(&result);
}
END_TEST

START_TEST(help_on_every_handler_fits_a_screen)
{
	struct result list = run(ARGUMENTS("handlers"), "");
	char *name = strchr(list.out, '\n') + 1, *end;
	int handlers = 0;

	fits_a_screen(list.out, SCREEN);
	for (; (end = strchr(name, '\n')) != NULL; name = end + 1) {
		if (*name == ' ')
			continue; /* more of the row above */
		handlers++;
		name[strcspn(name, " ")] = '\0';
		helps(run(ARGUMENTS("serve", name, "--help"), ""), SCREEN, name, NULL);
		helps(run(ARGUMENTS("serve", name, "--help-all"), ""), 0, name, NULL);
	}
	ck_assert_int_ge(handlers, 8);
	forget(&list);
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
	helps(run(ARGUMENTS("handlers"), ""), SCREEN, "echo ", "upper ", "tcp unix udp unixgram",
		"sync threading forking", "  threading; datagrams:   what one says",
		"  sync threading          all\n", NULL);
	helps(run(ARGUMENTS("handlers", "--help"), ""), SCREEN, "usage: socketserver handlers\n",
		"serve HANDLER --help", NULL);
	helps(run(ARGUMENTS("serve", "chat", "--help"), ""), SCREEN, "; over tcp unix udp unixgram",
		"; threading;\n", "   datagrams: sync threading\n", NULL);
}
END_TEST

/* Usage errors */

static const struct {
	const char *const arguments[5];
	const char *const said[2];
} mistakes[] = {
	{{NULL}, {"no command: take serve, talk, top", "socketserver --help"}},
	{{"listen", NULL}, {"unknown command: listen: take serve, talk", "socketserver --help"}},
	{{"sevre", NULL}, {"unknown command: sevre: did you mean serve?\n", ""}},
	{{"--versoin", NULL}, {"unknown command: --versoin: did you mean --version?\n", ""}},
	{{"pot", NULL}, {"unknown command: pot: take serve, talk", "socketserver --help"}},
	{{"tp", NULL}, {"unknown command: tp: take serve, talk", "socketserver --help"}},
	{{"tpo", NULL}, {"unknown command: tpo: did you mean top?\n", ""}},
	{{"handlers", "echo", NULL}, {"too many arguments", "socketserver --help"}},
	{{"serve", NULL}, {"no handler", "socketserver handlers"}},
	{{"serve", "nobody", NULL}, {"unknown handler: nobody: take one of", "upper, welcome"}},
	{{"serve", "ehco", NULL}, {"unknown handler: ehco: did you mean echo?\n", ""}},
	{{"serve", "time-stamp", NULL}, {"handler: time-stamp: did you mean timestamp?\n", ""}},
	{{"serve", "echo", "--moed=sync", NULL},
		{"unknown option: --moed: did you mean --mode?\n", ""}},
	{{"serve", "--max-conection", "echo", NULL},
		{"unknown option: --max-conection: did you mean --max-connections?\n", ""}},
	{{"serve", "--text=hi", "welcome", NULL},
		{"unknown option: --text=hi: it is one of welcome's own, which go behind it",
			"serve welcome --text=hi\n"}},
	{{"serve", "--shell", NULL}, {"unknown option: --shell: ", "serve exec --shell\n"}},
	{{"serve", "--greeting=hi", "./x.so", NULL},
		{"unknown option: --greeting=hi: a handler's own go behind it; try socketserver "
		 "serve --help",
			""}},
	{{"serve", "exec", "--max-ouptut", NULL}, {"did you mean --max-output?\n", ""}},
	{{"talk", "--timeuot=1", NULL}, {"--timeuot: did you mean --timeout?\n", ""}},
	{{"top", "--onec", NULL}, {"unknown option: --onec: did you mean --once?\n", ""}},
	{{"serve", "echo", "--gras", NULL},
		{"unknown option: --gras", "try socketserver serve --help"}},
	{{"serve", "echo", "-x", NULL}, {"unknown option: -x", "try socketserver serve --help"}},
	{{"serve", "echo", "-v=2", NULL}, {"unknown option: -=", "try socketserver serve --help"}},
	{{"serve", "echo", "--verbose=2", NULL}, {"takes no value: --verbose=2", ""}},
	{{"serve", "echo", "--grace", NULL},
		{"value missing: --grace", "try socketserver serve --help"}},
	{{"serve", "echo", "--backlog", "0", NULL},
		{"out of range: --backlog 0", "from 1 to 65535"}},
	{{"serve", "echo", "--backlog", "1e3", NULL}, {"not a number: --backlog 1e3", "whole"}},
	{{"serve", "echo", "--timeout", "-1", NULL},
		{"out of range: --timeout -1", "seconds from 0"}},
	{{"serve", "echo", "--timeout", "nan", NULL}, {"out of range: --timeout nan", "seconds"}},
	{{"serve", "echo", "--grace", "", NULL}, {"not a number: --grace", "seconds"}},
	{{"serve", "echo", "--mode", "fast", NULL},
		{"unknown mode: --mode fast", "sync threading forking"}},
	{{"serve", "echo", "--max-threads=0", NULL},
		{"out of range: --max-threads 0", "from 1 to 65535"}},
	{{"serve", "echo", "--max-children=0", NULL},
		{"out of range: --max-children 0", "from 1 to 65535"}},
	{{"serve", "echo", "--max-connections=0", NULL},
		{"out of range: --max-connections 0", "from 1 to 1000000"}},
	{{"serve", "echo", "--max-per-address=0", NULL},
		{"out of range: --max-per-address 0", "from 1 to 1000000"}},
	{{"serve", "echo", "--rate=0", NULL}, {"out of range: --rate 0", "from 1 to 1000000"}},
	{{"serve", "echo", "--when-full=wai", NULL},
		{"no choice: --when-full wai", "one of wait|refuse"}},
	{{"serve", "echo", "--when-full=", NULL}, {"no choice: --when-full", "wait|refuse"}},
	{{"serve", "echo", "--allow-from=10.1.0.0/8", NULL},
		{"bad block of addresses: --allow-from 10.1.0.0/8: ", "10.0.0.0/8"}},
	{{"serve", "echo", "--deny-from=localhost", NULL},
		{"bad block of addresses: --deny-from localhost: ", "IPv4 or IPv6"}},
	{{"serve", "echo", "--udp-rate=-1", NULL},
		{"out of range: --udp-rate -1", "from 0 to 1000000"}},
	{{"serve", "echo", "udp://:0", NULL},
		{"other hosts can reach it: udp://:0: ", "127.0.0.1 or [::1]"}},
	{{"serve", "echo", "udp://0.0.0.0:0", NULL},
		{"other hosts can reach it: udp://0.0.0.0:0: ", "--public"}},
	{{"serve", "echo", "udp://0x08080808:0", NULL}, /* a name, which needs no DNS */
		{"other hosts can reach it: udp://0x08080808:0: ", "--public"}},
	{{"serve", "echo", "tcp://127.0.0.1:0", "udp://[2001:db8::1]:9", NULL},
		{"other hosts can reach it: udp://[2001:db8::1]:9: ", "--public"}},
	{{"serve", "echo", "127.0.0.1:9999", NULL}, {"bad address: 127.0.0.1:9999", "tcp://"}},
	{{"serve", "echo", "tcp://127.0.0.1:65536", NULL},
		{"bad address: tcp://127.0.0.1:65536", "port"}},
	{{"serve", "echo", "tcp://[::1:7", NULL}, {"bad address: tcp://[::1:7", "]"}},
	{{"talk", NULL}, {"no address: talk", "try socketserver talk --help"}},
	{{"talk", "tcp://127.0.0.1", NULL}, {"bad address: tcp://127.0.0.1", "port"}},
	{{"talk", "unix:a", "unix:b", NULL}, {"too many addresses: unix:b", ""}},
	{{"talk", "unix:a", "--timeout", "x", NULL}, {"not a number: --timeout x", ""}},
	{{"talk", "unix:a", "--as", "fast", NULL}, {"unknown way: --as fast", "lines, exec, chat"}},
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

/* The last one is a letter, whose second byte a control character has, too. */
START_TEST(a_message_commands_no_terminal)
{
	refused(run(ARGUMENTS("serve", "no\177such\2331m\302\2332m\303\233"), ""), 2,
		"no?such?1m\302?2m\303\233", NULL);
}
END_TEST

START_TEST(a_plugin_names_the_transports_it_has)
{
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "unix:/tmp/x"), ""), 2,
		"hello does not work over unix: unix:/tmp/x: it works over tcp", NULL);
	refused(run(ARGUMENTS("serve", getenv("PLUGIN_HELLO"), "--mode", "forking"), ""), 2,
		"hello does not work in --mode forking over tcp: it has sync", NULL);
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

START_TEST(an_occupied_address_of_stats_is_named_with_its_option)
{
	uint16_t port;
	struct child first = serve_echo(&port);
	struct address at = tcp(port);

	refused(run(ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0", "--stats", at.text), ""), 1,
		"address in use: --stats ", at.text, "another process listens there", NULL);
	stop(first);
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
	refused(run(ARGUMENTS("serve", "echo", "udp://nosuch.invalid:0"), ""), 1,
		"name cannot be resolved: udp://nosuch.invalid:0: ", "numeric", NULL);
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
		"cc -shared -fPIC", NULL);
}
END_TEST

/* Standard output */

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

static TCase *help_case(void)
{
	TCase *tcase = tcase_create("help");

	tcase_add_test(tcase, help_fits_a_screen_and_shows_examples);
	tcase_add_test(tcase, help_all_shows_every_option);
	tcase_add_test(tcase, help_on_a_handler_shows_its_own_options);
	tcase_add_test(tcase, help_on_every_handler_fits_a_screen);
	tcase_add_test(tcase, version_is_one_line);
	tcase_add_test(tcase, handlers_are_listed_with_transports_and_modes);
	return tcase;
}

static TCase *refusal_case(void)
{
	TCase *tcase = tcase_create("refusals");

	FOR_EACH(tcase, usage_errors_exit_2_and_name_the_remedy, mistakes);
	tcase_add_test(tcase, a_message_stays_one_line);
	tcase_add_test(tcase, a_message_commands_no_terminal);
	tcase_add_test(tcase, a_plugin_names_the_transports_it_has);
	tcase_add_test(tcase, a_plugin_may_do_another_thing_over_datagrams);
	tcase_add_test(tcase, an_occupied_address_is_named_with_the_remedy);
	tcase_add_loop_test(tcase, an_occupied_path_is_named_with_the_remedy, 0, 2);
	tcase_add_test(tcase, an_occupied_address_of_stats_is_named_with_its_option);
	tcase_add_test(tcase, a_privileged_port_is_named_with_the_remedy);
	tcase_add_test(tcase, a_name_that_cannot_be_resolved_is_named_with_the_remedy);
	tcase_add_test(tcase, an_address_of_another_host_is_refused);
	tcase_add_test(tcase, an_old_plugin_is_refused);
	tcase_add_test(tcase, what_is_no_plugin_is_refused);
	tcase_add_test(tcase, a_lost_output_is_noticed);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("program");

	suite_add_tcase(suite, help_case());
	suite_add_tcase(suite, refusal_case());
	return run_program_suite(suite);
}
