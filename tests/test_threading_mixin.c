/* threading_mixin.h: requests on threads, their limits, and how they end. */
#include "support.h"

#include "clock.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

static struct ssv_threading_tcp_server threaded;
static struct ssv_server *const server = &threaded.tcp.base;
static struct ssv_threading_mixin *const threading = &threaded.threading;
static struct kept_log events;

static void make_server(const struct ssv_handler_ops *handler)
{
	struct ssv_address at = address_of(own_address("tcp"));

	ssv_threading_tcp_server_init(&threaded, &at, handler);
	keep_log(&events, server);
}

static void open_server(const struct ssv_handler_ops *handler)
{
	make_server(handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

static int threads_now(void)
{
	int n;

	pthread_mutex_lock(&threading->lock);
	n = threading->threads;
	pthread_mutex_unlock(&threading->lock);
	return n;
}

static void wait_until_somebody_is_free(void)
{
	bool free = false;

	while (!free) {
		pthread_mutex_lock(&threading->lock);
		free = threading->waiting > 0 || threading->idle != NULL;
		pthread_mutex_unlock(&threading->lock);
		poll(NULL, 0, 1);
	}
}

static void expect_echo(void)
{
	int client = connect_to(server);

	ask(client, "hello", "hello");
	close(client);
}

/* The three ways in which the threads come by their requests. */
enum { ACCEPTING, POLLING, HANDED_OVER, WAYS };

static int plain_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	return ssv_super_get_request(layer, request);
}

static const struct ssv_layer_ops one_at_a_time = {.get_request = plain_get_request};
static struct ssv_layer one_at_a_time_layer;

static void open_way(int way, const struct ssv_handler_ops *handler)
{
	make_server(handler);
	server->shared = way == POLLING;
	if (way == HANDED_OVER)
		ssv_server_link(server, &one_at_a_time_layer, &one_at_a_time);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

/* --- serving --- */

START_TEST(clients_are_served_at_the_same_time)
{
	int clients[50], i, round;
	struct served served;

	open_way(_i, &echo_handler);
	serve(&served, server);
	for (i = 0; i < 50; i++)
		clients[i] = connect_to(server);
	for (round = 0; round < 3; round++) {
		for (i = 49; i >= 0; i--)
			ask(clients[i], "side by side", "side by side");
	}
	for (i = 0; i < 50; i++)
		close(clients[i]);
	stop_and_close(&served);
}
END_TEST

static void *churn(void *context)
{
	(void)context;
	for (int i = 0; i < 100; i++)
		expect_echo();
	return NULL;
}

static void churn_from_many(int n)
{
	pthread_t threads[16];
	int i;

	for (i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, churn, NULL);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(many_short_connections_are_all_served)
{
	struct served served;
	struct ssv_counters counters;

	open_way(_i, &echo_handler);
	serve(&served, server);
	churn_from_many(8);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.accepted, 800);
	ck_assert_uint_eq(counters.active, 0);
	ck_assert_uint_eq(counters.failed, 0);
	ck_assert_uint_eq(counters.refused, 0);
	ck_assert_uint_eq(counters.bytes_read, 800 * 5);
	ck_assert_uint_eq(counters.bytes_written, 800 * 5);
	ck_assert_int_eq(logged(&events, SSV_LOG_WARNING) + logged(&events, SSV_LOG_ERROR), 0);
}
END_TEST

START_TEST(threads_are_used_again)
{
	struct served served;
	int i;

	open_way(_i, &echo_handler);
	serve(&served, server);
	for (i = 0; i < 100; i++)
		expect_echo();
	ck_assert_int_le(threads_now(), 50);
	stop_and_close(&served);
}
END_TEST

static pthread_t handler_thread;
static sigset_t handler_mask;
static size_t handler_stack;

static int note_thread(struct ssv_handler *handler)
{
	pthread_attr_t attributes;

	handler_thread = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &handler_mask);
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstacksize(&attributes, &handler_stack);
	pthread_attr_destroy(&attributes);
	return (int)ssv_stream_write(handler->request->stream, "in", 2);
}

static const struct ssv_handler_ops noting = {.handle = note_thread};

START_TEST(a_handler_runs_on_a_thread_of_its_own_without_the_hosts_signals_and_with_a_bounded_stack)
{
	struct served served;
	int client;

	open_way(_i, &noting);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "", "in");
	expect_end(client);
	close(client);
	ck_assert(!pthread_equal(handler_thread, served.thread));
	ck_assert(sigismember(&handler_mask, SIGINT));
	ck_assert(sigismember(&handler_mask, SIGCHLD));
	ck_assert(!sigismember(&handler_mask, SIGSEGV));
	ck_assert_uint_le(handler_stack, 2 * 1024 * 1024); /* and not the 8 MiB of the default */
	stop_and_close(&served);
}
END_TEST

/* --- stopping and going on --- */

START_TEST(a_stop_leaves_running_handlers_alone)
{
	struct served served;
	int client;

	open_way(_i, &echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ask(client, "still here", "still here");
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(what_comes_after_a_stop_is_kept_for_the_next_run)
{
	struct served served;
	int clients[12], i, round;

	open_way(_i, &echo_handler);
	for (round = 0; round < 10; round++) {
		serve(&served, server);
		expect_echo();
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
		for (i = 0; i < 12; i++) {
			clients[i] = connect_to(server);
			ask(clients[i], "queued", "");
		}
		ck_assert_int_eq(recv(clients[0], &(char){0}, 1, MSG_DONTWAIT), -1);
		serve(&served, server);
		for (i = 0; i < 12; i++) {
			ask(clients[i], "", "queued");
			close(clients[i]);
		}
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static bool under_load;

static void *load(void *context)
{
	(void)context;
	while (__atomic_load_n(&under_load, __ATOMIC_SEQ_CST))
		expect_echo();
	return NULL;
}

START_TEST(a_hundred_stops_under_load_lose_nobody)
{
	pthread_t threads[4];
	struct served served;
	int i, round;

	open_way(_i, &echo_handler);
	__atomic_store_n(&under_load, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, load, NULL);
	for (round = 0; round < 100; round++) {
		serve(&served, server);
		expect_echo();
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
	}
	__atomic_store_n(&under_load, false, __ATOMIC_SEQ_CST);
	serve(&served, server);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	expect_echo(); /* it serves again: a stop before that would be one after the last run */
	stop_and_close(&served);
	ck_assert_int_eq(logged(&events, SSV_LOG_WARNING) + logged(&events, SSV_LOG_ERROR), 0);
}
END_TEST

START_TEST(handle_request_and_step_hand_a_request_to_a_thread)
{
	int clients[3], i, handled = 0;
	struct served served;

	open_way(_i, &echo_handler);
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(server);
		ck_assert_int_eq(ssv_server_handle_request(server), 1);
		ask(clients[i], "one", "one"); /* though the former ones still run */
	}
	serve(&served, server);
	expect_echo();
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	for (i = 0; i < 3; i++)
		close(clients[i]);

	for (i = 0; i < 3; i++) /* and now the threads wait where the run has left them */
		clients[i] = connect_to(server);
	while (handled < 3) {
		struct pollfd polled = {.fd = ssv_server_poll_fd(server), .events = POLLIN};

		ck_assert_int_eq(poll(&polled, 1, 10000), 1);
		i = ssv_server_step(server);
		ck_assert_int_ge(i, 0);
		handled += i;
	}
	for (i = 0; i < 3; i++) {
		ask(clients[i], "two", "two");
		close(clients[i]);
	}
	clients[0] = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ask(clients[0], "three", "three");
	close(clients[0]);
	server->timeout = 10;
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int shut_down(struct ssv_handler *handler)
{
	ck_assert_int_eq(ssv_server_close(handler->server), -EDEADLK);
	ck_assert_int_eq(ssv_server_shutdown(handler->server), 0);
	return (int)ssv_stream_write(handler->request->stream, "bye", 3);
}

START_TEST(a_handler_may_shut_its_server_down_and_is_refused_to_close_it)
{
	static const struct ssv_handler_ops last = {.handle = shut_down};
	struct served served;
	int client;

	open_way(_i, &last);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "", "bye");
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	close(client);
}
END_TEST

static int give_exit(struct ssv_handler *handler)
{
	(void)handler;
	return SSV_EXIT;
}

START_TEST(ssv_exit_ends_that_request_alone)
{
	static const struct ssv_handler_ops leaving = {.handle = give_exit};
	struct served served;
	int client, i;

	open_way(_i, &leaving);
	serve(&served, server);
	for (i = 0; i < 3; i++) {
		client = connect_to(server);
		expect_end(client);
		close(client);
	}
	stop_and_close(&served);
	ck_assert_int_eq(logged(&events, SSV_LOG_ERROR), 0);
}
END_TEST

/* --- closing --- */

START_TEST(close_waits_for_running_handlers)
{
	struct served served;
	pthread_t thread;
	int client;

	open_way(_i, &echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))ssv_server_close, server);
	ck_assert_int_eq(result_of(&served), 0);
	ask(client, "still here", "still here");
	close(client);
	pthread_join(thread, NULL);
	ck_assert_int_eq(ssv_server_fileno(server), -1);
}
END_TEST

START_TEST(close_cuts_connections_when_the_grace_is_over)
{
	int clients[20], i;
	struct served served;

	open_way(_i % WAYS, &echo_handler);
	server->grace = 20;
	if (_i >= WAYS) {
		server->grace = SSV_FOREVER;
		threading->daemon_threads = _i < 2 * WAYS;
		threading->block_on_close = _i < 2 * WAYS;
	}
	serve(&served, server);
	for (i = 0; i < 20; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "a", "a");
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	for (i = 0; i < 20; i++) {
		expect_end(clients[i]);
		close(clients[i]);
	}
}
END_TEST

static int gate;

static int wait_for_gate(struct ssv_handler *handler)
{
	eventfd_t count;

	(void)ssv_stream_write(handler->request->stream, "in", 2);
	return eventfd_read(gate, &count);
}

static const struct ssv_handler_ops stubborn = {.handle = wait_for_gate};

START_TEST(close_counts_handlers_that_cannot_be_stopped_and_a_later_close_joins_them)
{
	struct served served;
	int clients[3], i;

	gate = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	open_way(_i, &stubborn);
	server->grace = server->abort_timeout = 10;
	serve(&served, server);
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "", "in");
	}
	ck_assert_int_eq(ssv_server_close(server), 3);
	ck_assert_int_eq(result_of(&served), 0);
	eventfd_write(gate, 1);
	while (threads_now() > 2)
		poll(NULL, 0, 1);
	ck_assert_int_eq(ssv_server_close(server), 2);
	eventfd_write(gate, 2);
	server->grace = SSV_FOREVER;
	ck_assert_int_eq(ssv_server_close(server), 0);
	for (i = 0; i < 3; i++)
		close(clients[i]);
	close(gate);
}
END_TEST

static void wait_until_one_is_held(void)
{
	bool held = false;

	while (!held) {
		pthread_mutex_lock(&threading->lock);
		held = threading->holding != NULL;
		pthread_mutex_unlock(&threading->lock);
		poll(NULL, 0, 1);
	}
}

/* In the kernel's queue it is not: a thread has it, which was in accept4 when the stop came. */
static int get_one_held(void)
{
	struct served served;
	int client;

	serve(&served, server);
	expect_echo();
	wait_until_somebody_is_free();
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	client = connect_to(server);
	wait_until_one_is_held();
	return client;
}

START_TEST(close_serves_what_a_thread_got_after_the_stop)
{
	int client;

	open_way(_i, &echo_handler);
	client = get_one_held();
	ck_assert_int_eq(send(client, "late", 4, MSG_NOSIGNAL), 4);
	shutdown(client, SHUT_WR);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ask(client, "", "late");
	expect_end(client);
	close(client);
}
END_TEST

START_TEST(close_cuts_what_came_after_the_stop_when_the_grace_is_over)
{
	struct served served;
	int clients[5], i;

	open_way(_i, &echo_handler);
	serve(&served, server);
	expect_echo();
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	for (i = 0; i < 5; i++)
		clients[i] = connect_to(server);
	server->grace = 10;
	ck_assert_int_eq(ssv_server_close(server), 0);
	for (i = 0; i < 5; i++) {
		expect_end(clients[i]);
		close(clients[i]);
	}
}
END_TEST

/* CPython's test_close_immediately. */
START_TEST(a_server_that_never_served_closes_at_once_and_can_be_opened_again)
{
	struct served served;

	open_way(_i, &echo_handler);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
}
END_TEST

START_TEST(a_shared_socket_is_not_shut_down)
{
	struct served served;
	int other, client;

	open_way(POLLING, &echo_handler);
	other = dup(server->fd);
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
	client = connect_to(server);
	close(client);
	close(other);
}
END_TEST

START_TEST(who_waits_is_woken_by_close_though_the_socket_is_shared_since)
{
	struct served served;

	open_way(ACCEPTING, &echo_handler);
	serve(&served, server);
	expect_echo();
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	server->shared = true;
	serve(&served, server);
	expect_echo();
	wait_until_somebody_is_free();
	stop_and_close(&served);
}
END_TEST

static void *close_server(void *context)
{
	int *result = context;

	*result = ssv_server_close(server);
	return NULL;
}

static int try_to_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	if (connect(fd, &server->server_address.socket.any, server->server_address.length) < 0)
		error = errno;
	close(fd);
	return error;
}

START_TEST(who_connects_while_close_waits_is_refused)
{
	struct served served;
	int client, error = 0, closed = -1;
	pthread_t closer;

	open_way(_i == 0 ? ACCEPTING : HANDED_OVER, &echo_handler);
	server->grace = 10000;
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	pthread_create(&closer, NULL, close_server, &closed);
	for (int i = 0; error == 0 && i < 1000; i++) {
		poll(NULL, 0, 1);
		error = try_to_connect();
	}
	ck_assert_int_eq(error, ECONNREFUSED);
	ask(client, "still here", "still here");
	close(client);
	pthread_join(closer, NULL);
	ck_assert_int_eq(closed, 0);
	ck_assert_int_eq(result_of(&served), 0);
}
END_TEST

/* --- limits --- */

START_TEST(at_max_threads_the_rest_waits_and_is_served_later)
{
	struct served served;
	int clients[6], i;

	open_way(_i, &echo_handler);
	threading->max_threads = 3;
	serve(&served, server);
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "a", "a");
	}
	for (i = 3; i < 6; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "b", "");
	}
	ck_assert_int_eq(threads_now(), 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(recv(clients[i + 3], &(char){0}, 1, MSG_DONTWAIT), -1);
		close(clients[i]);
		ask(clients[i + 3], "", "b");
	}
	for (i = 3; i < 6; i++)
		close(clients[i]);
	ck_assert_int_eq(threads_now(), 3);
	stop_and_close(&served);
}
END_TEST

START_TEST(at_max_threads_the_rest_is_refused_when_that_is_wanted)
{
	struct ssv_counters counters;
	struct served served;
	int clients[3], client, i;

	open_way(_i == 0 ? ACCEPTING : HANDED_OVER, &echo_handler);
	threading->max_threads = 3;
	threading->refuse = true;
	serve(&served, server);
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "a", "a");
	}
	for (i = 0; i < 5; i++) {
		client = connect_to(server);
		expect_end(client);
		close(client);
	}
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.refused, 5);
	for (i = 0; i < 3; i++) {
		ask(clients[i], "a", "a");
		close(clients[i]);
	}
	for (i = 0; i < 20; i++) {
		wait_until_somebody_is_free();
		expect_echo();
	}
	stop_and_close(&served);
}
END_TEST

/* A layer that gives errors while one is wanted: before super is asked, or for what came. */
static int wanted_error;
static bool after_accept;

static int get_request_or_fail(struct ssv_layer *layer, struct ssv_request *request)
{
	const int error = __atomic_load_n(&wanted_error, __ATOMIC_SEQ_CST);
	int rc = error < 0 && !after_accept ? error : ssv_super_get_request(layer, request);

	return rc < 0 ? rc : error;
}

static const struct ssv_layer_ops failing_at_will = {
	.get_request = get_request_or_fail,
	.concurrent_get_request = true,
};
static struct ssv_layer failing_layer;

/* The client whom its only thread serves. */
static int client_of_a_full_server(struct served *served)
{
	int client;

	make_server(&echo_handler);
	ssv_server_link(server, &failing_layer, &failing_at_will);
	threading->max_threads = 1;
	threading->refuse = true;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	return client;
}

START_TEST(a_surplus_that_cannot_be_accepted_is_not_spun_upon_and_is_refused_later)
{
	struct served served;
	int client = client_of_a_full_server(&served), other;

	after_accept = false;
	__atomic_store_n(&wanted_error, -EMFILE, __ATOMIC_SEQ_CST);
	other = connect_to(server);
	for (int i = 0; logged(&events, SSV_LOG_WARNING) == 0 && i < 1000; i++)
		poll(NULL, 0, 1);
	ck_assert_int_eq(logged(&events, SSV_LOG_WARNING), 1); /* it rests */
	__atomic_store_n(&wanted_error, 0, __ATOMIC_SEQ_CST);
	expect_end(other);
	close(other);
	ask(client, "a", "a");
	close(client);
	wait_until_somebody_is_free();
	expect_echo();
	stop_and_close(&served);
}
END_TEST

START_TEST(a_surplus_that_a_layer_will_not_have_is_closed)
{
	struct ssv_counters counters;
	struct served served;
	int client = client_of_a_full_server(&served), other;

	after_accept = true;
	__atomic_store_n(&wanted_error, -EACCES, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 3; i++) {
		other = connect_to(server);
		expect_end(other);
		close(other);
	}
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.active, 1);
	__atomic_store_n(&wanted_error, 0, __ATOMIC_SEQ_CST);
	ask(client, "a", "a");
	close(client);
	stop_and_close(&served);
}
END_TEST

START_TEST(ssv_exit_ends_the_run_for_a_surplus_too)
{
	struct served served;
	int client = client_of_a_full_server(&served), other;

	after_accept = _i == 1;
	__atomic_store_n(&wanted_error, SSV_EXIT, __ATOMIC_SEQ_CST);
	other = connect_to(server);
	ck_assert_int_eq(result_of(&served), SSV_EXIT);
	wanted_error = 0;
	close(other);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(few_wait_and_surplus_threads_leave_after_a_while)
{
	struct served served;
	int clients[30], i;

	open_way(_i, &echo_handler);
	threading->idle_timeout = 10;
	threading->max_waiting = 3;
	serve(&served, server);
	for (i = 0; i < 30; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "a", "a");
	}
	ck_assert_int_ge(threads_now(), 30);
	for (i = 0; i < 30; i++)
		close(clients[i]);
	while (threads_now() > 3)
		poll(NULL, 0, 1);
	expect_echo();
	stop_and_close(&served);
}
END_TEST

enum { BURST = 200 }; /* as many as a socket has room for */

static int reply_at_once(struct ssv_handler *handler)
{
	return (int)ssv_stream_write(handler->request->stream, "a", 1);
}

static const struct ssv_handler_ops reply_handler = {.handle = reply_at_once};

static int send_burst(const struct ssv_address *to)
{
	int client = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_eq(connect(client, &to->socket.any, to->length), 0);
	for (int i = 0; i < BURST; i++)
		ck_assert_int_eq(send(client, "q", 1, 0), 1);
	return client;
}

static void receive_burst(int client)
{
	char reply;

	for (int i = 0; i < BURST; i++)
		ck_assert_int_eq(recv(client, &reply, 1, 0), 1);
	close(client);
}

static void use_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

START_TEST(while_a_thread_is_on_its_way_to_wait_no_other_is_started)
{
	struct ssv_address at = address_of("udp://127.0.0.1:0");
	struct ssv_threading_udp_server udp;
	struct served served;
	int client;

	use_one_processor();
	ssv_threading_udp_server_init(&udp, &at, &reply_handler);
	udp.threading.max_waiting = 1;
	ck_assert_int_eq(ssv_server_open(&udp.udp.base), 0);
	client = send_burst(&udp.udp.base.server_address);
	serve(&served, &udp.udp.base);
	receive_burst(client);
	pthread_mutex_lock(&udp.threading.lock);
	ck_assert_int_le(udp.threading.threads, BURST / 4);
	pthread_mutex_unlock(&udp.threading.lock);
	stop_and_close(&served);
}
END_TEST

/* Takes a packet, and says that there is none. */
static int get_request_or_drop(struct ssv_layer *layer, struct ssv_request *request)
{
	int rc = ssv_super_get_request(layer, request);

	return rc == 0 && *(const char *)request->packet == 'u' ? -EAGAIN : rc;
}

START_TEST(a_packet_that_a_layer_will_not_have_is_closed_and_no_other_put_in_its_place)
{
	static const struct ssv_layer_ops dropping = {
		.get_request = get_request_or_drop, .concurrent_get_request = true};
	struct ssv_address at = address_of("udp://127.0.0.1:0");
	struct ssv_threading_udp_server udp;
	struct ssv_counters counters;
	struct ssv_layer layer;
	struct served served;
	int client;

	ssv_threading_udp_server_init(&udp, &at, &reply_handler);
	ssv_server_link(&udp.udp.base, &layer, &dropping);
	ck_assert_int_eq(ssv_server_open(&udp.udp.base), 0);
	serve(&served, &udp.udp.base);
	client = connect_to(&udp.udp.base);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(send(client, "u", 1, 0), 1);
		ask(client, "q", "a");
	}
	ssv_server_counters(&udp.udp.base, &counters);
	ck_assert_uint_eq(counters.accepted, 20);
	close(client);
	stop_and_close(&served);
	ssv_server_counters(&udp.udp.base, &counters);
	ck_assert_uint_eq(counters.active, 0);
}
END_TEST

START_TEST(no_more_than_an_eighth_of_the_descriptors_is_taken_by_waiting_threads)
{
	const struct rlimit low = {.rlim_cur = 24, .rlim_max = 20000};
	struct rlimit before;
	struct served served;
	int clients[6], i;

	getrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){low.rlim_cur, before.rlim_max}), 0);
	open_server(&echo_handler);
	serve(&served, server);
	for (i = 0; i < 2; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "a", "a");
	}
	for (i = 0; i < 2; i++)
		close(clients[i]);
	ck_assert_int_eq(threading->waiting_limit, 3);
	stop_and_close(&served);
	setrlimit(RLIMIT_NOFILE, &before);
}
END_TEST

START_TEST(out_of_descriptors_they_rest_and_serve_on_when_one_is_given_back)
{
	struct rlimit before, low;
	struct served served;
	int client, other;

	if (under_valgrind())
		return;
	getrlimit(RLIMIT_NOFILE, &before);
	open_way(_i, &echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	other = connect_to(server);
	ask(other, "b", "b");
	close(other); /* at least one more thread waits from here on, and holds a number */
	low = before;
	low.rlim_cur = (rlim_t)client;
	for (int i = 0; logged(&events, SSV_LOG_WARNING) == 0 && i < 200; i++) {
		other = connect_to(server);
		setrlimit(RLIMIT_NOFILE, &low);
		ask(other, "c", "");
		poll(NULL, 0, 5);
		setrlimit(RLIMIT_NOFILE, &before);
		ask(other, "", "c");
		close(other);
	}
	ck_assert_int_ge(logged(&events, SSV_LOG_WARNING), 1); /* the fault has fired */
	expect_echo();
	ask(client, "unharmed", "unharmed");
	close(client);
	stop_and_close(&served);
}
END_TEST

/* A run that leaves the one thread there may be with the request of this client. */
static int client_that_is_held(void)
{
	int client = get_one_held();

	ask(client, "held", "");
	return client;
}

START_TEST(at_max_threads_handle_request_serves_what_came_after_a_stop)
{
	int client, i;

	open_way(_i, &echo_handler);
	threading->max_threads = 1;
	for (i = 0; i < 20; i++) {
		client = client_that_is_held();
		ck_assert_int_eq(ssv_server_handle_request(server), 1);
		ask(client, "", "held");
		close(client);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(with_less_than_one_thread_there_is_one)
{
	struct served served;
	int client;

	make_server(&echo_handler);
	threading->max_threads = -_i;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	for (int i = 0; i < 3; i++) {
		client = connect_to(server);
		ask(client, "hello", "hello");
		close(client);
	}
	stop_and_close(&served);
}
END_TEST

START_TEST(what_came_after_a_stop_is_not_refused_in_place_of_the_surplus)
{
	struct served served;
	int client, surplus, i;

	make_server(&echo_handler);
	threading->max_threads = 1;
	threading->refuse = true;
	ck_assert_int_eq(ssv_server_open(server), 0);
	for (i = 0; i < 20; i++) {
		client = client_that_is_held();
		surplus = connect_to(server);
		serve(&served, server);
		ask(client, "", "held");
		expect_end(surplus);
		close(surplus);
		close(client);
		wait_until_somebody_is_free();
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static pthread_key_t at_exit;
static int exit_gate; /* an eventfd */

static void wait_at_gate(void *unused)
{
	eventfd_t count;

	(void)unused;
	eventfd_read(exit_gate, &count);
}

/* The first thread does not get to its end, nor then the second, which joins it. */
static int exit_late(struct ssv_handler *handler)
{
	static bool is_first = true;

	(void)handler;
	if (is_first)
		pthread_setspecific(at_exit, &exit_gate);
	is_first = false;
	return 0;
}

static pthread_t last_to_end(void)
{
	pthread_t last;

	pthread_mutex_lock(&threading->lock);
	last = threading->ended;
	pthread_mutex_unlock(&threading->lock);
	return last;
}

static void handle_one(void)
{
	int client = connect_to(server);

	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_end(client);
	close(client);
}

START_TEST(a_run_that_begins_while_the_last_thread_leaves_has_another)
{
	struct served served;
	pthread_t first;
	int client;

	pthread_key_create(&at_exit, wait_at_gate);
	exit_gate = eventfd(0, 0);
	open_server(&echo_handler);
	server->handler = &(struct ssv_handler_ops){.handle = exit_late};
	threading->max_threads = 1;
	threading->idle_timeout = 0;
	handle_one();
	while (threads_now() > 0)
		poll(NULL, 0, 1);
	first = last_to_end();
	handle_one();
	while (pthread_equal(last_to_end(), first))
		poll(NULL, 0, 1);
	serve(&served, server);
	client = connect_to(server);
	eventfd_write(exit_gate, 1);
	expect_end(client);
	close(client);
	stop_and_close(&served);
	close(exit_gate);
	pthread_key_delete(at_exit);
}
END_TEST

static int services;

static int count_service(struct ssv_layer *layer)
{
	__atomic_add_fetch(&services, 1, __ATOMIC_SEQ_CST);
	return ssv_super_service_actions(layer);
}

START_TEST(a_thread_that_could_not_be_started_is_not_spun_upon_when_another_waits)
{
	static const struct ssv_layer_ops counting = {.service_actions = count_service};
	struct served served;
	struct ssv_layer layer;
	int before;

	make_server(&echo_handler);
	ssv_server_link(server, &layer, &counting);
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	wait_until_somebody_is_free();
	pthread_mutex_lock(&threading->lock);
	threading->stack_size = (size_t)1 << 60;
	pthread_mutex_unlock(&threading->lock);
	expect_echo();
	ck_assert_int_eq(logged(&events, SSV_LOG_WARNING), 1); /* the fault has fired */
	wait_until_somebody_is_free();
	poll(NULL, 0, 50);
	before = __atomic_load_n(&services, __ATOMIC_SEQ_CST);
	poll(NULL, 0, 200); /* the absence of something takes time to see */
	ck_assert_int_eq(__atomic_load_n(&services, __ATOMIC_SEQ_CST), before);
	stop_and_close(&served);
}
END_TEST

static int failing_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)layer;
	(void)request;
	return -EINVAL;
}

START_TEST(a_listener_that_is_none_ends_serve_forever_with_the_error)
{
	const struct ssv_layer_ops failing = {
		.get_request = failing_get_request,
		.concurrent_get_request = true,
	};
	struct ssv_layer layer;

	make_server(&echo_handler);
	ssv_server_link(server, &layer, &failing);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_serve_forever(server), -EINVAL);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- what never runs at the same time --- */

static int inside_turn, most_inside;

static int in_turn(void)
{
	int now = __atomic_add_fetch(&inside_turn, 1, __ATOMIC_SEQ_CST);

	if (now > most_inside)
		most_inside = now;
	sched_yield();
	__atomic_sub_fetch(&inside_turn, 1, __ATOMIC_SEQ_CST);
	return 1;
}

static int turn_verify(struct ssv_layer *layer, struct ssv_request *request)
{
	return in_turn() && ssv_super_verify_request(layer, request);
}

static int turn_process(struct ssv_layer *layer, struct ssv_request *request)
{
	in_turn();
	return ssv_super_process_request(layer, request);
}

static int turn_service(struct ssv_layer *layer)
{
	in_turn();
	return ssv_super_service_actions(layer);
}

START_TEST(verify_process_and_service_never_run_at_the_same_time)
{
	static const struct ssv_layer_ops turns = {
		.verify_request = turn_verify,
		.process_request = turn_process,
		.service_actions = turn_service,
	};
	struct served served;
	struct ssv_layer layer;

	open_way(_i, &echo_handler);
	ssv_server_link(server, &layer, &turns);
	server->poll_interval = 1;
	serve(&served, server);
	churn_from_many(8);
	stop_and_close(&served);
	ck_assert_int_eq(most_inside, 1);
}
END_TEST

START_TEST(service_actions_run_at_intervals_and_not_after_each_request)
{
	static const struct ssv_layer_ops counting = {.service_actions = count_service};
	struct served served;
	struct ssv_layer layer;

	make_server(&echo_handler);
	ssv_server_link(server, &layer, &counting);
	server->poll_interval = _i;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	churn(NULL);
	if (_i == 0)
		ck_assert_int_lt(__atomic_load_n(&services, __ATOMIC_SEQ_CST), 10); /* of 100 */
	while (_i > 0 && __atomic_load_n(&services, __ATOMIC_SEQ_CST) < 10)
		sched_yield();
	stop_and_close(&served);
}
END_TEST

static int refuse_all(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)layer;
	(void)request;
	return 0;
}

START_TEST(what_is_not_verified_is_shut_down)
{
	static const struct ssv_layer_ops refusing = {.verify_request = refuse_all};
	struct served served;
	struct ssv_layer layer;
	int client;

	open_way(_i, &echo_handler);
	ssv_server_link(server, &layer, &refusing);
	serve(&served, server);
	for (int i = 0; i < 5; i++) {
		client = connect_to(server);
		expect_end(client);
		close(client);
	}
	stop_and_close(&served);
	ck_assert_uint_eq(server->tally->counters.refused, 5);
}
END_TEST

static int count_request(const struct ssv_request *request, void *context)
{
	ck_assert_int_eq(request->client_address.transport, SSV_TCP);
	ck_assert_int_le(request->opened, ssv_now());
	++*(int *)context;
	return *(int *)context == 4 ? 42 : 0;
}

START_TEST(the_live_requests_can_be_walked)
{
	struct ssv_counters counters;
	struct served served;
	int clients[4], i, n;

	open_way(_i, &echo_handler);
	serve(&served, server);
	for (i = 0; i < 4; i++) {
		clients[i] = connect_to(server);
		ask(clients[i], "a", "a");
		n = 0;
		ck_assert_int_eq(
			ssv_server_each_request(server, count_request, &n), i == 3 ? 42 : 0);
		ck_assert_int_eq(n, i + 1);
		ssv_server_counters(server, &counters);
		ck_assert_uint_eq(counters.active, (unsigned int)i + 1);
	}
	for (i = 0; i < 4; i++)
		close(clients[i]);
	stop_and_close(&served);
	n = 0;
	ck_assert_int_eq(ssv_server_each_request(server, count_request, &n), 0);
	ck_assert_int_eq(n, 0);
}
END_TEST

#define IN_EVERY_WAY(tcase, test) tcase_add_loop_test(tcase, test, 0, WAYS)

static void add_serving_tests(TCase *tcase)
{
	IN_EVERY_WAY(tcase, clients_are_served_at_the_same_time);
	IN_EVERY_WAY(tcase, many_short_connections_are_all_served);
	IN_EVERY_WAY(tcase, threads_are_used_again);
	IN_EVERY_WAY(tcase,
		a_handler_runs_on_a_thread_of_its_own_without_the_hosts_signals_and_with_a_bounded_stack);
	IN_EVERY_WAY(tcase, ssv_exit_ends_that_request_alone);
	IN_EVERY_WAY(tcase, verify_process_and_service_never_run_at_the_same_time);
	tcase_add_loop_test(
		tcase, service_actions_run_at_intervals_and_not_after_each_request, 0, 2);
	IN_EVERY_WAY(tcase, what_is_not_verified_is_shut_down);
	IN_EVERY_WAY(tcase, the_live_requests_can_be_walked);
}

static void add_stopping_tests(TCase *tcase)
{
	IN_EVERY_WAY(tcase, a_stop_leaves_running_handlers_alone);
	IN_EVERY_WAY(tcase, what_comes_after_a_stop_is_kept_for_the_next_run);
	IN_EVERY_WAY(tcase, a_hundred_stops_under_load_lose_nobody);
	IN_EVERY_WAY(tcase, handle_request_and_step_hand_a_request_to_a_thread);
	IN_EVERY_WAY(tcase, a_handler_may_shut_its_server_down_and_is_refused_to_close_it);
}

static void add_closing_tests(TCase *tcase)
{
	IN_EVERY_WAY(tcase, close_waits_for_running_handlers);
	tcase_add_loop_test(tcase, close_cuts_connections_when_the_grace_is_over, 0, 3 * WAYS);
	IN_EVERY_WAY(
		tcase, close_counts_handlers_that_cannot_be_stopped_and_a_later_close_joins_them);
	tcase_add_loop_test(tcase, close_serves_what_a_thread_got_after_the_stop, 0, HANDED_OVER);
	IN_EVERY_WAY(tcase, close_cuts_what_came_after_the_stop_when_the_grace_is_over);
	IN_EVERY_WAY(tcase, a_server_that_never_served_closes_at_once_and_can_be_opened_again);
	tcase_add_test(tcase, a_shared_socket_is_not_shut_down);
	tcase_add_test(tcase, who_waits_is_woken_by_close_though_the_socket_is_shared_since);
	tcase_add_loop_test(tcase, who_connects_while_close_waits_is_refused, 0, 2);
}

static void add_limit_tests(TCase *tcase)
{
	IN_EVERY_WAY(tcase, at_max_threads_the_rest_waits_and_is_served_later);
	tcase_add_loop_test(tcase, at_max_threads_the_rest_is_refused_when_that_is_wanted, 0, 2);
	tcase_add_test(
		tcase, a_surplus_that_cannot_be_accepted_is_not_spun_upon_and_is_refused_later);
	tcase_add_test(tcase, a_surplus_that_a_layer_will_not_have_is_closed);
	tcase_add_loop_test(tcase, ssv_exit_ends_the_run_for_a_surplus_too, 0, 2);
	IN_EVERY_WAY(tcase, few_wait_and_surplus_threads_leave_after_a_while);
	tcase_add_test(
		tcase, a_packet_that_a_layer_will_not_have_is_closed_and_no_other_put_in_its_place);
	tcase_add_test(tcase, while_a_thread_is_on_its_way_to_wait_no_other_is_started);
	tcase_add_test(
		tcase, no_more_than_an_eighth_of_the_descriptors_is_taken_by_waiting_threads);
	IN_EVERY_WAY(tcase, out_of_descriptors_they_rest_and_serve_on_when_one_is_given_back);
	tcase_add_loop_test(
		tcase, at_max_threads_handle_request_serves_what_came_after_a_stop, 0, HANDED_OVER);
	tcase_add_loop_test(tcase, with_less_than_one_thread_there_is_one, 0, 2);
	tcase_add_test(tcase, what_came_after_a_stop_is_not_refused_in_place_of_the_surplus);
	tcase_add_test(tcase, a_run_that_begins_while_the_last_thread_leaves_has_another);
	tcase_add_test(
		tcase, a_thread_that_could_not_be_started_is_not_spun_upon_when_another_waits);
	tcase_add_test(tcase, a_listener_that_is_none_ends_serve_forever_with_the_error);
}

int main(void)
{
	Suite *suite = suite_create("threading_mixin");

	add_serving_tests(topic(suite, "serving"));
	add_stopping_tests(topic(suite, "stopping"));
	add_closing_tests(topic(suite, "closing"));
	add_limit_tests(topic(suite, "limits"));
	return run_suite(suite);
}
