/* ssv_server_stop_on_signals(): signals that end the serving, and nothing else that changes. */
#include "support.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct ssv_tcp_server tcp, second;
static struct ssv_server *const server = &tcp.base;
static int before_count;

static void before(int signal)
{
	(void)signal;
	before_count++;
}

static void open_servers(void)
{
	struct sigaction action = {.sa_handler = before};
	struct ssv_address at = address_of(ANYWHERE);

	sigaction(SIGUSR1, &action, NULL);
	ssv_tcp_server_init(&tcp, &at, &echo_handler);
	ssv_tcp_server_init(&second, &at, &echo_handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_open(&second.base), 0);
}

static void close_servers(void)
{
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_close(&second.base), 0);
}

static bool is_handled_by(int signal, void (*handler)(int))
{
	struct sigaction action;

	ck_assert_int_eq(sigaction(signal, NULL, &action), 0);
	return action.sa_handler == handler;
}

START_TEST(any_of_the_signals_ends_the_serving)
{
	static const int signals[] = {SIGUSR1, SIGUSR2};
	struct served served;
	int client;

	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, SIGUSR2, 0), 0);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	close(client);
	raise(signals[_i]);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(before_count, 0);
}
END_TEST

START_TEST(a_signal_before_the_start_is_remembered)
{
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, 0), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(ssv_server_serve_forever(server), 0);
}
END_TEST

START_TEST(a_second_signal_does_what_it_did_before)
{
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, SIGUSR2, 0), 0);
	raise(SIGUSR2);
	ck_assert(is_handled_by(SIGUSR1, before));
	ck_assert(is_handled_by(SIGUSR2, SIG_DFL));
	raise(SIGUSR1);
	ck_assert_int_eq(before_count, 1);
}
END_TEST

START_TEST(close_puts_back_what_was_found)
{
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, SIGUSR2, 0), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert(is_handled_by(SIGUSR1, before));
	ck_assert(is_handled_by(SIGUSR2, SIG_DFL));
}
END_TEST

START_TEST(two_servers_share_a_signal_and_the_last_to_close_puts_it_back)
{
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, 0), 0);
	ck_assert_int_eq(ssv_server_stop_on_signals(&second.base, SIGUSR1, 0), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert(!is_handled_by(SIGUSR1, before));
	raise(SIGUSR1);
	ck_assert_int_eq(before_count, 0);
	ck_assert_int_eq(ssv_server_serve_forever(&second.base), 0);
	ck_assert_int_eq(ssv_server_close(&second.base), 0);
	ck_assert(is_handled_by(SIGUSR1, before));
}
END_TEST

START_TEST(one_signal_stops_all_servers_that_have_it)
{
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, 0), 0);
	ck_assert_int_eq(ssv_server_stop_on_signals(&second.base, SIGUSR1, 0), 0);
	raise(SIGUSR1);
	ck_assert_int_eq(ssv_server_serve_forever(server), 0);
	ck_assert_int_eq(ssv_server_serve_forever(&second.base), 0);
}
END_TEST

START_TEST(a_signal_that_another_server_waits_for_is_not_put_back_before_it_has_come)
{
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, SIGUSR2, 0), 0);
	ck_assert_int_eq(ssv_server_stop_on_signals(&second.base, SIGUSR1, 0), 0);
	raise(SIGUSR2);
	ck_assert(is_handled_by(SIGUSR2, SIG_DFL));
	ck_assert(!is_handled_by(SIGUSR1, before));
	raise(SIGUSR1);
	ck_assert(is_handled_by(SIGUSR1, before));
	ck_assert_int_eq(before_count, 0);
	ck_assert_int_eq(ssv_server_serve_forever(&second.base), 0);
}
END_TEST

START_TEST(what_cannot_be_caught_is_refused_and_leaves_nothing_changed)
{
	static const int signals[] = {SIGKILL, SIGSTOP, -1, 1000};

	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, signals[_i], 0), -EINVAL);
	ck_assert(is_handled_by(SIGUSR1, before));
}
END_TEST

START_TEST(the_table_of_signals_is_finite)
{
	int i, rc = 0;

	for (i = 0; rc == 0 && i < 1000; i++)
		rc = ssv_server_stop_on_signals(server, SIGUSR1, 0);
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert(is_handled_by(SIGUSR1, before));
}
END_TEST

START_TEST(a_server_without_it_leaves_all_signals_alone)
{
	struct sigaction found[NSIG], action;
	struct served served;
	int client, i;

	for (i = 1; i < NSIG; i++)
		sigaction(i, NULL, &found[i]);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	close(client);
	for (i = 1; i < NSIG; i++) {
		if (sigaction(i, NULL, &action) == 0)
			ck_assert(action.sa_handler == found[i].sa_handler);
	}
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stop_signals");
	TCase *tcase = topic(suite, "stop_signals");

	tcase_add_checked_fixture(tcase, open_servers, close_servers);
	tcase_add_loop_test(tcase, any_of_the_signals_ends_the_serving, 0, 2);
	tcase_add_test(tcase, a_signal_before_the_start_is_remembered);
	tcase_add_test(tcase, a_second_signal_does_what_it_did_before);
	tcase_add_test(tcase, close_puts_back_what_was_found);
	tcase_add_test(tcase, two_servers_share_a_signal_and_the_last_to_close_puts_it_back);
	tcase_add_test(tcase, one_signal_stops_all_servers_that_have_it);
	tcase_add_test(
		tcase, a_signal_that_another_server_waits_for_is_not_put_back_before_it_has_come);
	tcase_add_loop_test(
		tcase, what_cannot_be_caught_is_refused_and_leaves_nothing_changed, 0, 4);
	tcase_add_test(tcase, the_table_of_signals_is_finite);
	tcase_add_test(tcase, a_server_without_it_leaves_all_signals_alone);
	return run_suite(suite);
}
