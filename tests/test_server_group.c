/* server_group.h: several servers, one thread. */
#include "clock.h"
#include "support.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVERS 3

static struct ssv_tcp_server tcp[SERVERS];
static struct ssv_server *servers[SERVERS];
static int result;

static int give_result(struct ssv_handler *handler)
{
	(void)handler;
	return result;
}

static const struct ssv_handler_ops resulting = {.handle = give_result};

static void open_servers(void)
{
	struct ssv_address at = address_of(ANYWHERE);
	int i;

	for (i = 0; i < SERVERS; i++) {
		ssv_tcp_server_init(&tcp[i], &at, &echo_handler);
		servers[i] = &tcp[i].base;
		servers[i]->grace = 20;
		ck_assert_int_eq(ssv_server_open(servers[i]), 0);
	}
}

static void *serve_all(void *context)
{
	*(int *)context = ssv_serve_all(servers, SERVERS);
	return NULL;
}

static pthread_t start(int *rc)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, serve_all, rc), 0);
	return thread;
}

static void expect_echo(int i)
{
	int client = connect_to(servers[i]);

	ask(client, "hello", "hello");
	close(client);
}

START_TEST(all_servers_of_a_group_are_served_by_one_thread_until_each_is_stopped)
{
	int rc = -1, i, round;
	pthread_t thread = start(&rc);

	for (round = 0; round < 20; round++) {
		for (i = 0; i < SERVERS; i++)
			expect_echo(i);
	}
	ck_assert_int_eq(ssv_server_shutdown(servers[1]), 0);
	ck_assert_int_eq(ssv_server_close(servers[1]), 0);
	expect_echo(0);
	expect_echo(2);
	ck_assert_int_eq(ssv_server_shutdown(servers[0]), 0);
	expect_echo(2);
	ck_assert_int_eq(ssv_server_shutdown(servers[2]), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, 0);
}
END_TEST

START_TEST(a_group_can_be_served_again)
{
	int rc, i, round;
	pthread_t thread;

	for (round = 0; round < 20; round++) {
		rc = -1;
		thread = start(&rc);
		for (i = 0; i < SERVERS; i++)
			expect_echo(i);
		for (i = 0; i < SERVERS; i++)
			ck_assert_int_eq(ssv_server_shutdown(servers[i]), 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(rc, 0);
	}
}
END_TEST

START_TEST(an_error_or_exit_of_one_ends_them_all)
{
	int rc = -1, client;
	pthread_t thread;

	servers[2]->handler = &resulting;
	result = SSV_EXIT;
	thread = start(&rc);
	client = connect_to(servers[2]);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, SSV_EXIT);
	expect_end(client);
	close(client);
}
END_TEST

static int end_thread_handle(struct ssv_handler *handler)
{
	(void)handler;
	pthread_exit(NULL);
}

static const struct ssv_handler_ops thread_ender = {.handle = end_thread_handle};

START_TEST(a_group_whose_thread_was_ended_by_a_handler_can_be_served_again)
{
	int rc = -1, client, i;
	pthread_t thread;

	servers[1]->handler = &thread_ender;
	thread = start(&rc);
	client = connect_to(servers[1]);
	expect_end(client);
	close(client);
	pthread_join(thread, NULL);
	servers[1]->handler = &echo_handler;
	thread = start(&rc);
	for (i = 0; i < SERVERS; i++)
		expect_echo(i);
	ck_assert_int_eq(ssv_close_all(servers, SERVERS), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, 0);
}
END_TEST

START_TEST(closing_all_cuts_the_handler_of_one_and_leaves_none_running)
{
	int rc = -1, client;
	pthread_t thread = start(&rc);

	client = connect_to(servers[1]);
	ask(client, "a", "a"); /* and now the thread waits for more from this one */
	ck_assert_int_eq(ssv_close_all(servers, SERVERS), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, 0);
	expect_end(client);
	close(client);
}
END_TEST

static int stop_at_0(struct ssv_layer *layer)
{
	if (--*(int *)layer->server->user == 0)
		ssv_server_request_stop(layer->server);
	return ssv_super_service_actions(layer);
}

/* Nothing else happens, so that nothing else can wake the group. */
START_TEST(each_member_has_its_own_poll_interval)
{
	static const struct ssv_layer_ops counting = {.service_actions = stop_at_0};
	static struct ssv_layer layers[2];
	int left[2] = {5, 3}, rc = -1, i;
	pthread_t thread;

	for (i = 0; i < 2; i++) {
		ssv_server_link(servers[i], &layers[i], &counting);
		servers[i]->user = &left[i];
		servers[i]->poll_interval = 1 + i;
	}
	ssv_server_request_stop(servers[2]);
	thread = start(&rc);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_le(left[0], 0);
	ck_assert_int_le(left[1], 0);
}
END_TEST

START_TEST(a_stop_before_the_start_is_remembered_for_each)
{
	int i;

	for (i = 0; i < SERVERS; i++)
		ssv_server_request_stop(servers[i]);
	ck_assert_int_eq(ssv_serve_all(servers, SERVERS), 0);
	ck_assert_int_eq(ssv_serve_all(servers, 0), 0);
}
END_TEST

START_TEST(a_server_that_is_not_open_or_is_served_already_is_refused)
{
	struct served served;
	int client;

	ck_assert_int_eq(ssv_server_close(servers[2]), 0);
	ck_assert_int_eq(ssv_serve_all(servers, SERVERS), -EBADF);
	serve(&served, servers[1]);
	client = connect_to(servers[1]);
	ask(client, "a", "a");
	ck_assert_int_eq(ssv_serve_all(servers, 2), -EBUSY);
	close(client);
	ck_assert_int_eq(ssv_server_shutdown(servers[1]), 0);
	ck_assert_int_eq(result_of(&served), 0);
}
END_TEST

static void close_servers(void)
{
	ck_assert_int_eq(ssv_close_all(servers, SERVERS), 0);
}

/* --- closing several, whose handlers do not end --- */

#define STUCK 4

static int leash[2]; /* a handler ends when a byte of its own is there */

static int wait_on_leash(struct ssv_handler *handler)
{
	char byte;

	(void)handler;
	ck_assert_int_eq(write(leash[0], "!", 1), 1);
	return recv(leash[0], &byte, 1, 0) == 1 ? 0 : -errno;
}

static const struct ssv_handler_ops stuck = {.handle = wait_on_leash};

static int sleep_a_while(struct ssv_handler *handler)
{
	(void)handler;
	ck_assert_int_eq(write(leash[0], "!", 1), 1);
	poll(NULL, 0, 500);
	return 0;
}

static const struct ssv_handler_ops sleepy = {.handle = sleep_a_while};

static void expect_stuck(int handlers)
{
	char byte;

	for (int i = 0; i < handlers; i++)
		ck_assert_int_eq(read(leash[1], &byte, 1), 1);
}

static void let_go(int handlers)
{
	for (int i = 0; i < handlers; i++)
		ck_assert_int_eq(write(leash[1], "!", 1), 1);
}

static struct ssv_server *make_threading(struct ssv_threading_tcp_server *of, int grace)
{
	struct ssv_address at = address_of(ANYWHERE);

	ssv_threading_tcp_server_init(of, &at, &stuck);
	of->tcp.base.grace = grace;
	of->tcp.base.abort_timeout = 300;
	ck_assert_int_eq(ssv_server_open(&of->tcp.base), 0);
	return &of->tcp.base;
}

START_TEST(the_times_of_all_that_are_closed_run_side_by_side)
{
	struct ssv_threading_tcp_server of[STUCK];
	struct ssv_server *all[STUCK];
	struct served served[STUCK];
	int clients[STUCK];
	int64_t start;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash), 0);
	for (int i = 0; i < STUCK; i++) {
		all[i] = make_threading(&of[i], 200);
		serve(&served[i], all[i]);
		clients[i] = connect_to(all[i]);
	}
	expect_stuck(STUCK);
	start = ssv_now();
	ck_assert_int_eq(ssv_close_all(all, STUCK), STUCK);
	start = (ssv_now() - start) / 1000000;
	ck_assert_int_ge(start, 500);
	ck_assert_int_lt(start, 800); /* one after the other: 1,400 */
	let_go(STUCK);
	ck_assert_int_eq(ssv_close_all(all, STUCK), 0);
	for (int i = 0; i < STUCK; i++) {
		ck_assert_int_eq(result_of(&served[i]), 0);
		close(clients[i]);
	}
	close(leash[0]);
	close(leash[1]);
}
END_TEST

/* Whoever else is impatient. */
START_TEST(a_grace_without_end_does_not_end_with_anothers)
{
	struct ssv_threading_tcp_server hasty, patient;
	struct ssv_server *both[] = {
		make_threading(&hasty, 20), make_threading(&patient, SSV_FOREVER)};
	struct served served[2];
	int client;
	int64_t start;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash), 0);
	hasty.tcp.base.handler = &echo_handler;
	patient.tcp.base.handler = &sleepy;
	for (int i = 0; i < 2; i++)
		serve(&served[i], both[i]);
	client = connect_to(both[0]);
	ask(client, "hello", "hello"); /* it is served */
	close(client);
	client = connect_to(both[1]);
	expect_stuck(1);
	start = ssv_now();
	ck_assert_int_eq(ssv_close_all(both, 2), 0);
	ck_assert_int_ge((ssv_now() - start) / 1000000, 400);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(result_of(&served[i]), 0);
	close(client);
	close(leash[0]);
	close(leash[1]);
}
END_TEST

/* The grace is over: with nothing to be waited for after it, too. */
START_TEST(who_is_not_waited_for_is_cut_all_the_same)
{
	struct ssv_threading_tcp_server of;
	struct ssv_server *server = make_threading(&of, _i);
	struct served served;
	int client;
	char byte;

	server->handler = &echo_handler;
	server->abort_timeout = 0;
	serve(&served, server);
	client = connect_to(server);
	ask(client, "hello", "hello");
	ck_assert_int_ge(ssv_server_close(server), 0); /* some threads may have ended */
	ck_assert_int_eq(read(client, &byte, 1), 0);
	server->abort_timeout = 5000;
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	close(client);
}
END_TEST

static void *close_both(void *context)
{
	return (void *)(intptr_t)ssv_close_all(context, 2);
}

START_TEST(a_server_without_grace_takes_none_from_another)
{
	struct ssv_threading_tcp_server hasty, patient;
	struct ssv_server *both[] = {make_threading(&hasty, 20), make_threading(&patient, 10000)};
	struct served served[2];
	pthread_t closing;
	int clients[2];
	void *left;
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash), 0);
	patient.tcp.base.handler = &echo_handler;
	for (int i = 0; i < 2; i++) {
		serve(&served[i], both[i]);
		clients[i] = connect_to(both[i]);
	}
	expect_stuck(1);
	ask(clients[1], "hello", "hello");
	pthread_create(&closing, NULL, close_both, both);
	ck_assert_int_eq(read(clients[0], &byte, 1), 0); /* it was cut */
	ask(clients[1], "as ever", "as ever");
	let_go(1);
	close(clients[1]);
	pthread_join(closing, &left);
	ck_assert_ptr_null(left);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(result_of(&served[i]), 0);
	close(clients[0]);
	close(leash[0]);
	close(leash[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server_group");
	TCase *tcase = topic(suite, "server_group");

	tcase_add_checked_fixture(tcase, open_servers, close_servers);
	tcase_add_test(
		tcase, all_servers_of_a_group_are_served_by_one_thread_until_each_is_stopped);
	tcase_add_test(tcase, a_group_can_be_served_again);
	tcase_add_test(tcase, an_error_or_exit_of_one_ends_them_all);
	tcase_add_test(tcase, a_group_whose_thread_was_ended_by_a_handler_can_be_served_again);
	tcase_add_test(tcase, closing_all_cuts_the_handler_of_one_and_leaves_none_running);
	tcase_add_test(tcase, each_member_has_its_own_poll_interval);
	tcase_add_test(tcase, a_stop_before_the_start_is_remembered_for_each);
	tcase_add_test(tcase, a_server_that_is_not_open_or_is_served_already_is_refused);
	tcase = topic(suite, "closing");
	tcase_add_test(tcase, the_times_of_all_that_are_closed_run_side_by_side);
	tcase_add_test(tcase, a_server_without_grace_takes_none_from_another);
	tcase_add_test(tcase, a_grace_without_end_does_not_end_with_anothers);
	tcase_add_loop_test(tcase, who_is_not_waited_for_is_cut_all_the_same, 0, 2);
	return run_suite(suite);
}
