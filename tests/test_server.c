/* server.h: the loop, the order of the calls, stopping, and what each failure does. */
#include "support.h"

#include "clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* A layer that counts the calls, and gives the results that a test wants. */
struct spy {
	struct ssv_layer layer;
	int get_request_error, get_request_failures; /* that often, before super is asked */
	int refuse_after_accept;                     /* an errno for what came */
	int verify_result, process_result, service_result;
	int got, verified, processed, finished, shut_down, closed, told, serviced, timed_out;
	int error;
	const char *stage;
};

static struct spy *spy_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct spy, layer);
}

static int spy_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct spy *spy = spy_of(layer);
	int rc;

	if (spy->get_request_failures > 0) {
		spy->get_request_failures--;
		return spy->get_request_error;
	}
	rc = ssv_super_get_request(layer, request);
	spy->got += rc >= 0;
	if (rc >= 0 && spy->refuse_after_accept != 0) {
		rc = spy->refuse_after_accept;
		spy->refuse_after_accept = 0;
	}
	return rc;
}

static int spy_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	spy_of(layer)->verified++;
	return spy_of(layer)->verify_result != 1 ? spy_of(layer)->verify_result
						 : ssv_super_verify_request(layer, request);
}

static int spy_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	spy_of(layer)->processed++;
	return spy_of(layer)->process_result < 0 ? spy_of(layer)->process_result
						 : ssv_super_process_request(layer, request);
}

static int spy_finish_request(struct ssv_layer *layer, struct ssv_request *request)
{
	spy_of(layer)->finished++;
	return ssv_super_finish_request(layer, request);
}

static void spy_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	spy_of(layer)->shut_down++;
	ck_assert_ptr_nonnull(request->stream);
	ssv_super_shutdown_request(layer, request);
}

static void spy_close_request(struct ssv_layer *layer, struct ssv_request *request)
{
	spy_of(layer)->closed++;
	ssv_super_close_request(layer, request);
}

static void spy_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	spy_of(layer)->told++;
	spy_of(layer)->error = error;
	spy_of(layer)->stage = request->stage;
	ssv_super_handle_error(layer, request, error);
}

static int spy_service_actions(struct ssv_layer *layer)
{
	struct spy *spy = spy_of(layer);

	__atomic_add_fetch(&spy->serviced, 1, __ATOMIC_SEQ_CST);
	return spy->service_result != 0 ? spy->service_result : ssv_super_service_actions(layer);
}

static int spy_handle_timeout(struct ssv_layer *layer)
{
	spy_of(layer)->timed_out++;
	return ssv_super_handle_timeout(layer);
}

static const struct ssv_layer_ops spy_ops = {
	.get_request = spy_get_request,
	.verify_request = spy_verify_request,
	.process_request = spy_process_request,
	.finish_request = spy_finish_request,
	.shutdown_request = spy_shutdown_request,
	.close_request = spy_close_request,
	.handle_error = spy_handle_error,
	.service_actions = spy_service_actions,
	.handle_timeout = spy_handle_timeout,
};

static struct ssv_tcp_server tcp;
static struct ssv_server *const server = &tcp.base;
static struct spy spy;
static struct kept_log events;

static void make_server(const struct ssv_handler_ops *handler)
{
	struct ssv_address at = address_of(own_address("tcp"));

	ssv_tcp_server_init(&tcp, &at, handler);
	spy = (struct spy){.verify_result = 1};
	ssv_server_link(server, &spy.layer, &spy_ops);
	keep_log(&events, server);
}

static void open_server(const struct ssv_handler_ops *handler)
{
	make_server(handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

static void expect_echo(void)
{
	int client = connect_to(server);

	ask(client, "hello", "hello");
	close(client);
}

/* --- serving --- */

START_TEST(a_request_goes_through_every_method_once)
{
	struct served served;

	open_server(&echo_handler);
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(spy.got, 1);
	ck_assert_int_eq(spy.verified, 1);
	ck_assert_int_eq(spy.processed, 1);
	ck_assert_int_eq(spy.finished, 1);
	ck_assert_int_eq(spy.shut_down, 1);
	ck_assert_int_eq(spy.closed, 1);
	ck_assert_int_eq(spy.told, 0);
}
END_TEST

START_TEST(many_requests_one_after_the_other_are_all_served)
{
	struct served served;
	int i;

	open_server(&echo_handler);
	serve(&served, server);
	for (i = 0; i < 200; i++)
		expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(spy.closed, 200);
}
END_TEST

START_TEST(server_address_is_the_real_one_after_open)
{
	open_server(&echo_handler);
	ck_assert_uint_gt(ssv_address_port(&server->server_address), 0);
	ck_assert_int_eq(ssv_server_fileno(server), server->fd);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_fileno(server), -1);
}
END_TEST

START_TEST(open_is_refused_twice_and_allowed_again_after_close_on_the_same_port)
{
	uint16_t port;

	open_server(&echo_handler);
	port = ssv_address_port(&server->server_address);
	ck_assert_int_eq(ssv_server_open(server), -EBUSY);
	ck_assert_int_eq(ssv_server_bind(server), -EBUSY);
	ck_assert_int_eq(ssv_server_activate(server), -EBUSY);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_uint_eq(ssv_address_port(&server->server_address), port);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_server_that_is_not_open_serves_nothing)
{
	make_server(&echo_handler);
	ck_assert_int_eq(ssv_server_serve_forever(server), -EBADF);
	ck_assert_int_eq(ssv_server_handle_request(server), -EBADF);
	ck_assert_int_eq(ssv_server_step(server), -EBADF);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_bind(server), 0);
	ck_assert_int_eq(ssv_server_serve_forever(server), -EBADF);
	ck_assert_int_eq(ssv_server_activate(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_serve_forever(server), -EBADF);
}
END_TEST

START_TEST(a_server_of_no_class_can_neither_be_opened_nor_asked_for_a_request)
{
	const struct ssv_address at = address_of(ANYWHERE);
	struct ssv_request request;
	struct ssv_server base;

	ssv_server_init(&base, &at, &echo_handler);
	ssv_request_init(&request, &base);
	ck_assert_int_eq(ssv_server_open(&base), -EOPNOTSUPP);
	ck_assert_int_eq(ssv_server_get_request(&base, &request), -ENOSYS);
	ssv_request_free(&request);
	ck_assert_int_eq(ssv_server_close(&base), 0);
}
END_TEST

START_TEST(a_second_thread_that_serves_is_refused)
{
	struct served served;
	int client;

	open_server(&echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a"); /* it is inside now */
	ck_assert_int_eq(ssv_server_serve_forever(server), -EBUSY);
	ck_assert_int_eq(ssv_server_handle_request(server), -EBUSY);
	ck_assert_int_eq(ssv_server_step(server), -EBUSY);
	close(client);
	stop_and_close(&served);
}
END_TEST

/* --- stopping --- */

START_TEST(a_stop_before_the_first_run_ends_it_at_once_and_the_next_one_serves)
{
	struct served served;

	open_server(&echo_handler);
	ssv_server_request_stop(server);
	ssv_server_request_stop(server);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(ssv_server_serve_forever(server), 0);
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
}
END_TEST

START_TEST(a_stop_after_a_run_leaves_no_trace)
{
	struct served served;

	open_server(&echo_handler);
	serve(&served, server);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ssv_server_request_stop(server);
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
}
END_TEST

/* CPython's test_shutdown: whether it lands before or after the loop begins. */
START_TEST(a_shutdown_right_after_the_start_always_returns_and_always_stops)
{
	struct served served;
	int i;

	for (i = 0; i < 50; i++) {
		open_server(&echo_handler);
		serve(&served, server);
		stop_and_close(&served);
	}
}
END_TEST

static void *shut_down(void *context)
{
	ck_assert_int_eq(ssv_server_shutdown(context), 0);
	return NULL;
}

START_TEST(shutdowns_from_several_threads_all_return)
{
	struct served served;
	pthread_t threads[4];
	int i, round;

	open_server(&echo_handler);
	for (round = 0; round < 20; round++) {
		serve(&served, server);
		expect_echo();
		for (i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, shut_down, server);
		for (i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		ck_assert_int_eq(result_of(&served), 0);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(what_was_queued_between_two_runs_is_served_by_the_next)
{
	struct served served;
	int clients[5], i, round;

	open_server(&echo_handler);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 5; i++)
			clients[i] = connect_to(server);
		serve(&served, server);
		for (i = 0; i < 5; i++) {
			ask(clients[i], "queued", "queued");
			close(clients[i]);
		}
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int shut_down_here(struct ssv_handler *handler)
{
	ck_assert_int_eq(ssv_server_shutdown(handler->server), -EDEADLK);
	ck_assert_int_eq(ssv_server_close(handler->server), -EDEADLK);
	return (int)ssv_stream_write(handler->request->stream, "bye", 3);
}

START_TEST(a_handler_that_shuts_its_server_down_does_not_deadlock_and_ends_it)
{
	static const struct ssv_handler_ops last = {.handle = shut_down_here};
	struct served served;
	int client;

	open_server(&last);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "", "bye");
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	close(client);
}
END_TEST

static void stop_from_signal_handler(int signal)
{
	(void)signal;
	ssv_server_request_stop(server);
}

START_TEST(a_signal_handler_may_ask_for_the_stop)
{
	struct sigaction action = {.sa_handler = stop_from_signal_handler};
	struct served served;

	sigaction(SIGUSR1, &action, NULL);
	open_server(&echo_handler);
	serve(&served, server);
	expect_echo();
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_stop_costs_a_wake_up_not_an_interval)
{
	struct served served;
	int64_t fastest = INT64_MAX, start, took;
	int i;

	open_server(&echo_handler);
	for (i = 0; i < 20; i++) {
		serve(&served, server);
		expect_echo();
		start = ssv_now();
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		took = ssv_now() - start;
		fastest = took < fastest ? took : fastest;
		ck_assert_int_eq(result_of(&served), 0);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_lt(fastest, 5 * 1000000);
}
END_TEST

START_TEST(a_shutdown_waits_for_the_running_handler_of_a_synchronous_server)
{
	struct served served;
	pthread_t thread;
	int client;

	open_server(&echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	pthread_create(&thread, NULL, shut_down, server);
	ask(client, "b", "b"); /* it runs on */
	close(client);
	pthread_join(thread, NULL);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- closing --- */

START_TEST(close_from_another_thread_stops_the_serving_first)
{
	struct served served;

	open_server(&echo_handler);
	serve(&served, server);
	expect_echo();
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
}
END_TEST

static void *serve_again_and_again(void *rc)
{
	do
		*(int *)rc = ssv_server_serve_forever(server);
	while (*(int *)rc == 0);
	return NULL;
}

START_TEST(who_serves_again_and_again_finds_the_server_closed)
{
	pthread_t thread;
	int i, rc;

	for (i = 0; i < 50; i++) {
		open_server(&echo_handler);
		pthread_create(&thread, NULL, serve_again_and_again, &rc);
		expect_echo();
		ck_assert_int_eq(ssv_server_close(server), 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(rc, -EBADF);
	}
}
END_TEST

START_TEST(close_cuts_the_connection_of_a_handler_that_outlasts_the_grace)
{
	struct served served;
	int client;

	make_server(&echo_handler);
	server->grace = 20;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	expect_end(client);
	close(client);
}
END_TEST

static int gate; /* an eventfd that a stubborn handler waits for */

static int wait_for_gate(struct ssv_handler *handler)
{
	eventfd_t count;

	(void)ssv_stream_write(handler->request->stream, "in", 2);
	return eventfd_read(gate, &count);
}

START_TEST(close_counts_a_handler_that_cannot_be_stopped_and_a_later_close_ends_it)
{
	static const struct ssv_handler_ops stubborn = {.handle = wait_for_gate};
	struct served served;
	int client;

	gate = eventfd(0, EFD_CLOEXEC);
	make_server(&stubborn);
	server->grace = server->abort_timeout = 10;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "", "in");
	ck_assert_int_eq(ssv_server_close(server), 1);
	ck_assert_int_eq(ssv_server_close(server), 1);
	eventfd_write(gate, 1);
	server->grace = SSV_FOREVER;
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	close(client);
	close(gate);
}
END_TEST

START_TEST(close_without_an_open_is_harmless)
{
	make_server(&echo_handler);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- one request, and steps --- */

START_TEST(handle_request_handles_exactly_one)
{
	int one, other;

	open_server(&echo_handler);
	one = connect_to(server);
	other = connect_to(server);
	shutdown(one, SHUT_WR);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_int_eq(spy.closed, 1);
	ck_assert_int_eq(spy.serviced, 0);
	shutdown(other, SHUT_WR);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_int_eq(spy.closed, 2);
	close(one);
	close(other);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(handle_request_calls_handle_timeout_when_nothing_comes)
{
	static const int timeouts[] = {0, 20};

	open_server(&echo_handler);
	server->timeout = timeouts[_i];
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ck_assert_int_eq(spy.timed_out, 1);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_stop_ends_handle_request_once)
{
	open_server(&echo_handler);
	server->timeout = 0;
	ssv_server_request_stop(server);
	ck_assert_int_eq(ssv_server_handle_request(server), -ECANCELED);
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ssv_server_request_stop(server);
	ck_assert_int_eq(ssv_server_handle_request(server), -ECANCELED);
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static bool is_readable(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	return poll(&polled, 1, 0) == 1;
}

START_TEST(step_does_what_the_pollable_descriptor_tells_of_and_never_waits)
{
	int clients[3], i;

	open_server(&echo_handler);
	ck_assert(!is_readable(ssv_server_poll_fd(server)));
	ck_assert_int_eq(ssv_server_poll_timeout(server), -1);
	ck_assert_int_eq(ssv_server_step(server), 0);
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(server);
		shutdown(clients[i], SHUT_WR);
	}
	ck_assert(is_readable(ssv_server_poll_fd(server)));
	ck_assert_int_eq(ssv_server_step(server), 3);
	ck_assert(!is_readable(ssv_server_poll_fd(server)));
	ck_assert_int_eq(ssv_server_step(server), 0);
	ssv_server_request_stop(server);
	ck_assert(is_readable(ssv_server_poll_fd(server)));
	ck_assert_int_eq(ssv_server_step(server), -ECANCELED);
	ck_assert_int_eq(ssv_server_step(server), 0);
	for (i = 0; i < 3; i++)
		close(clients[i]);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_step_takes_no_more_than_a_batch_and_the_descriptor_stays_readable)
{
	int clients[40], i;

	open_server(&echo_handler);
	for (i = 0; i < 40; i++) {
		clients[i] = connect_to(server);
		shutdown(clients[i], SHUT_WR);
	}
	ck_assert_int_lt(ssv_server_step(server), 40);
	ck_assert(is_readable(ssv_server_poll_fd(server)));
	while (ssv_server_step(server) > 0)
		;
	ck_assert_int_eq(spy.closed, 40);
	for (i = 0; i < 40; i++)
		close(clients[i]);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(poll_timeout_is_the_next_service_interval)
{
	make_server(&echo_handler);
	server->poll_interval = 5000;
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_gt(ssv_server_poll_timeout(server), 4000);
	ck_assert_int_le(ssv_server_poll_timeout(server), 5000);
	ck_assert_int_eq(ssv_server_step(server), 0);
	ck_assert_int_eq(spy.serviced, 1);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- hooks and their failures --- */

START_TEST(a_request_that_is_not_verified_is_shut_down_once_and_nobody_is_told)
{
	int client;

	open_server(&echo_handler);
	spy.verify_result = 0;
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_end(client);
	close(client);
	ck_assert_int_eq(spy.processed, 0);
	ck_assert_int_eq(spy.shut_down, 1);
	ck_assert_int_eq(spy.closed, 1);
	ck_assert_int_eq(spy.told, 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* Python's loop dies of the first two, and leaks the connection. */
START_TEST(a_failing_hook_costs_that_request_and_the_server_goes_on)
{
	struct served served;
	int client;

	open_server(&echo_handler);
	if (_i == 0)
		spy.verify_result = -EACCES;
	else
		spy.process_result = -EACCES;
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_end(client);
	close(client);
	ck_assert_int_eq(spy.told, 1);
	ck_assert_int_eq(spy.error, -EACCES);
	ck_assert_str_eq(spy.stage, _i == 0 ? "verify_request" : "process_request");
	ck_assert_int_eq(spy.shut_down, 1);
	ck_assert_int_eq(spy.closed, 1);
	spy.verify_result = 1;
	spy.process_result = 0;
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
}
END_TEST

START_TEST(an_error_in_get_request_after_accept_costs_that_request_alone)
{
	struct served served;
	int client;

	open_server(&echo_handler);
	spy.refuse_after_accept = -EINVAL; /* as a fatal error of a listener would be */
	client = connect_to(server);
	serve(&served, server);
	expect_end(client);
	close(client);
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(spy.got, 2);
	ck_assert_int_eq(spy.closed, 2);
	ck_assert_int_eq(spy.told, 0);
}
END_TEST

START_TEST(service_actions_runs_after_each_request_and_at_each_interval)
{
	struct served served;
	int before;

	make_server(&echo_handler);
	server->poll_interval = 5;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	expect_echo();
	before = __atomic_load_n(&spy.serviced, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&spy.serviced, __ATOMIC_SEQ_CST) < before + 3)
		expect_echo();
	stop_and_close(&served);
}
END_TEST

START_TEST(failing_service_actions_are_reported_and_the_server_goes_on)
{
	struct served served;

	open_server(&echo_handler);
	spy.service_result = -EIO;
	serve(&served, server);
	expect_echo();
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_ge(events.count[SSV_LOG_ERROR], 1);
}
END_TEST

static int result;

static int give_result(struct ssv_handler *handler)
{
	(void)handler;
	return result;
}

static const struct ssv_handler_ops resulting = {.handle = give_result};

START_TEST(a_failing_handler_is_told_to_handle_error_once_and_the_server_goes_on)
{
	static const struct {
		int result;
		enum ssv_log_level level;
	} cases[] = {
		{-EIO, SSV_LOG_ERROR},
		{-EINVAL, SSV_LOG_ERROR},
		{-EAGAIN, SSV_LOG_ERROR},
		{-EPIPE, SSV_LOG_DEBUG},
		{-ECONNRESET, SSV_LOG_DEBUG},
		{-ETIMEDOUT, SSV_LOG_DEBUG},
	};
	int client;

	open_server(&resulting);
	result = cases[_i].result;
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_end(client);
	close(client);
	ck_assert_int_eq(spy.told, 1);
	ck_assert_int_eq(spy.error, cases[_i].result);
	ck_assert_str_eq(spy.stage, "handle");
	ck_assert_int_eq(spy.shut_down, 1);
	ck_assert_int_eq(events.count[cases[_i].level], 1);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(ssv_exit_ends_a_synchronous_server_and_nobody_is_told)
{
	int client;

	open_server(&resulting);
	result = SSV_EXIT;
	client = connect_to(server);
	if (_i == 0)
		ck_assert_int_eq(ssv_server_serve_forever(server), SSV_EXIT);
	else if (_i == 1)
		ck_assert_int_eq(ssv_server_handle_request(server), SSV_EXIT);
	else
		ck_assert_int_eq(ssv_server_step(server), SSV_EXIT);
	expect_end(client);
	close(client);
	ck_assert_int_eq(spy.told, 0);
	ck_assert_int_eq(spy.shut_down, 1);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(an_error_of_a_request_that_nobody_has_processed_yet_is_told_as_well)
{
	int client;

	open_server(&echo_handler);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_get_request(server, &server->request), 0);
	ssv_server_handle_error(server, &server->request, -EIO);
	ck_assert_str_eq(spy.stage, "get_request");
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 1);
	ssv_server_close_request(server, &server->request);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(ten_thousand_equal_errors_are_counted_not_printed)
{
	int i, client;

	open_server(&resulting);
	result = -EIO;
	for (i = 0; i < 10000; i++)
		ssv_server_handle_error(
			server, &(struct ssv_request){.server = server, .stage = "handle"}, result);
	ck_assert_int_eq(spy.told, 10000);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 10);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_ptr_nonnull(strstr(events.last, "9991 more"));
}
END_TEST

/* --- a listener in trouble --- */

static const int lost_connections[] = {EINTR, ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENETUNREACH,
	ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENONET, EOPNOTSUPP, ETIMEDOUT, ECONNRESET, EAGAIN};

START_TEST(an_error_of_one_connection_costs_no_other)
{
	struct served served;

	open_server(&echo_handler);
	spy.get_request_error = -lost_connections[_i];
	spy.get_request_failures = 5;
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(spy.get_request_failures, 0);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 0);
}
END_TEST

static const int overloads[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSR, EIO, 3999};

START_TEST(in_an_overload_the_listener_rests_says_so_once_and_recovers)
{
	struct served served;

	open_server(&echo_handler);
	spy.get_request_error = -overloads[_i];
	spy.get_request_failures = 6; /* 1 + 2 + … + 32 ms */
	serve(&served, server);
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(spy.get_request_failures, 0);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
}
END_TEST

START_TEST(an_error_that_never_ends_is_not_spun_upon)
{
	struct served served;
	int client;
	const int failures = 1000000;

	open_server(&echo_handler);
	server->poll_interval = 5;
	spy.get_request_error = -(_i == 0 ? ECONNABORTED : EMFILE);
	spy.get_request_failures = failures;
	client = connect_to(server);
	serve(&served, server);
	while (__atomic_load_n(&spy.serviced, __ATOMIC_SEQ_CST) < 40)
		poll(NULL, 0, 1);
	ck_assert_int_eq(ssv_server_shutdown(server), 0); /* it stops at once all the same */
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_gt(spy.get_request_failures, failures - 60);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static const int programming_errors[] = {EBADF, EINVAL, ENOTSOCK, EFAULT, ENOSYS};

START_TEST(a_listener_that_is_none_ends_the_loop_with_the_error)
{
	int client;

	open_server(&echo_handler);
	spy.get_request_error = -programming_errors[_i];
	spy.get_request_failures = 1000;
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_serve_forever(server), -programming_errors[_i]);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 1);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(out_of_descriptors_it_waits_and_serves_when_there_are_some_again)
{
	struct rlimit before, low;
	struct served served;
	int client;

	if (under_valgrind())
		return;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	open_server(&echo_handler);
	client = connect_to(server);
	low = before;
	low.rlim_cur = (rlim_t)client + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	serve(&served, server);
	ck_assert_int_eq(send(client, "hello", 5, 0), 5);
	while (__atomic_load_n(&spy.serviced, __ATOMIC_SEQ_CST) < 4)
		poll(NULL, 0, 1); /* it has met the limit a few times */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ask(client, "", "hello");
	close(client);
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
}
END_TEST

static pid_t serving_thread;

static int note_thread(struct ssv_handler *handler)
{
	serving_thread = gettid();
	return (int)ssv_stream_write(handler->request->stream, "in", 2);
}

START_TEST(an_idle_server_is_not_woken_by_anything)
{
	static const struct ssv_handler_ops noting = {.handle = note_thread};
	struct served served;
	int client;

	open_server(&noting);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "", "in");
	expect_end(client);
	close(client);
	expect_idleness(serving_thread);
	stop_and_close(&served);
}
END_TEST

/* --- watches --- */

struct tick {
	struct ssv_watch watch;
	pthread_t thread;
	int ticks, result;
	bool leave;
};

static int tick(struct ssv_watch *watch)
{
	struct tick *ticking = ssv_container_of(watch, struct tick, watch);
	eventfd_t count;

	ck_assert_int_eq(eventfd_read(watch->fd, &count), 0);
	ticking->thread = pthread_self();
	if (ticking->leave)
		ssv_server_unwatch(watch->server, watch);
	__atomic_add_fetch(&ticking->ticks, 1, __ATOMIC_SEQ_CST);
	return ticking->result;
}

static void expect_ticks(struct tick *ticking, int n)
{
	while (__atomic_load_n(&ticking->ticks, __ATOMIC_SEQ_CST) < n)
		poll(NULL, 0, 1);
}

START_TEST(a_watch_is_called_on_the_serving_thread_and_may_fail)
{
	struct tick ticking = {.watch = {.ready = tick}, .result = -EIO};
	struct served served;

	ticking.watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	make_server(&echo_handler);
	ck_assert_int_eq(ssv_server_watch(server, &ticking.watch), 0); /* before open, too */
	ck_assert_int_eq(ssv_server_watch(server, &ticking.watch), -EEXIST);
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	eventfd_write(ticking.watch.fd, 1);
	expect_ticks(&ticking, 1);
	eventfd_write(ticking.watch.fd, 1);
	expect_ticks(&ticking, 2);
	ck_assert(pthread_equal(ticking.thread, served.thread));
	expect_echo();
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 2);
	close(ticking.watch.fd);
}
END_TEST

START_TEST(a_watch_may_take_itself_out)
{
	struct tick ticking = {.watch = {.ready = tick}, .leave = true};
	struct served served;

	ticking.watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	open_server(&echo_handler);
	ck_assert_int_eq(ssv_server_watch(server, &ticking.watch), 0);
	serve(&served, server);
	eventfd_write(ticking.watch.fd, 1);
	expect_ticks(&ticking, 1);
	eventfd_write(ticking.watch.fd, 1);
	expect_echo();
	ck_assert_int_eq(ticking.ticks, 1);
	stop_and_close(&served);
	close(ticking.watch.fd);
}
END_TEST

START_TEST(a_watch_may_end_the_server)
{
	struct tick ticking = {.watch = {.ready = tick}, .result = SSV_EXIT};

	ticking.watch.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	open_server(&echo_handler);
	ck_assert_int_eq(ssv_server_watch(server, &ticking.watch), 0);
	ck_assert_int_eq(ssv_server_serve_forever(server), SSV_EXIT);
	ck_assert_int_eq(ssv_server_close(server), 0);
	close(ticking.watch.fd);
}
END_TEST

static int take_one(struct ssv_server *s)
{
	return ssv_server_handle_request(s);
}

static int take_step(struct ssv_server *s)
{
	return ssv_server_step(s);
}

static int (*const ways_to_take[])(struct ssv_server *s) = {take_one, take_step};

/* One of two calls finds the listener, the other one the watch. */
START_TEST(a_watch_has_its_turn_though_requests_never_end)
{
	static const struct ssv_handler_ops nothing = {.handle = NULL};
	struct tick ticking = {.watch = {.ready = tick}};
	int clients[64];

	open_server(&nothing);
	ticking.watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_eq(ssv_server_watch(server, &ticking.watch), 0);
	for (int i = 0; i < 64; i++)
		clients[i] = connect_to(server);
	ck_assert_int_ge(ways_to_take[_i](server), 1);
	eventfd_write(ticking.watch.fd, 1);
	ck_assert_int_ge(ways_to_take[_i](server), 1);
	ck_assert_int_ge(ways_to_take[_i](server), 1);
	ck_assert_int_eq(ticking.ticks, 1);
	ck_assert(server->ready); /* requests have not ended */
	for (int i = 0; i < 64; i++)
		close(clients[i]);
	ck_assert_int_eq(ssv_server_close(server), 0);
	close(ticking.watch.fd);
}
END_TEST

START_TEST(what_cannot_be_watched_is_refused)
{
	struct ssv_watch watch = {.fd = -1, .ready = tick};
	FILE *file = tmpfile();

	make_server(&echo_handler);
	ck_assert_int_eq(ssv_server_watch(server, &watch), -EBADF);
	watch.fd = fileno(file);
	ck_assert_int_eq(ssv_server_watch(server, &watch), -EPERM);
	ck_assert_int_eq(ssv_server_close(server), 0);
	fclose(file);
}
END_TEST

static int say_user(struct ssv_handler *handler)
{
	return (int)ssv_stream_printf(
		handler->request->stream, "%s", (char *)handler->server->user);
}

START_TEST(the_user_pointer_reaches_the_handlers)
{
	static const struct ssv_handler_ops saying = {.handle = say_user};
	char text[] = "shared";
	int client;

	open_server(&saying);
	server->user = text;
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ask(client, "", "shared");
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static void add_serving_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_request_goes_through_every_method_once);
	tcase_add_test(tcase, many_requests_one_after_the_other_are_all_served);
	tcase_add_test(tcase, server_address_is_the_real_one_after_open);
	tcase_add_test(tcase, open_is_refused_twice_and_allowed_again_after_close_on_the_same_port);
	tcase_add_test(tcase, a_server_that_is_not_open_serves_nothing);
	tcase_add_test(tcase, a_server_of_no_class_can_neither_be_opened_nor_asked_for_a_request);
	tcase_add_test(tcase, a_second_thread_that_serves_is_refused);
	tcase_add_test(tcase, the_user_pointer_reaches_the_handlers);
	tcase_add_test(tcase, an_idle_server_is_not_woken_by_anything);
}

static void add_stopping_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_stop_before_the_first_run_ends_it_at_once_and_the_next_one_serves);
	tcase_add_test(tcase, a_stop_after_a_run_leaves_no_trace);
	tcase_add_test(tcase, a_shutdown_right_after_the_start_always_returns_and_always_stops);
	tcase_add_test(tcase, shutdowns_from_several_threads_all_return);
	tcase_add_test(tcase, what_was_queued_between_two_runs_is_served_by_the_next);
	tcase_add_test(tcase, a_handler_that_shuts_its_server_down_does_not_deadlock_and_ends_it);
	tcase_add_test(tcase, a_signal_handler_may_ask_for_the_stop);
	tcase_add_test(tcase, a_stop_costs_a_wake_up_not_an_interval);
	tcase_add_test(tcase, a_shutdown_waits_for_the_running_handler_of_a_synchronous_server);
	tcase_add_test(tcase, close_from_another_thread_stops_the_serving_first);
	tcase_add_test(tcase, who_serves_again_and_again_finds_the_server_closed);
	tcase_add_test(tcase, close_cuts_the_connection_of_a_handler_that_outlasts_the_grace);
	tcase_add_test(
		tcase, close_counts_a_handler_that_cannot_be_stopped_and_a_later_close_ends_it);
	tcase_add_test(tcase, close_without_an_open_is_harmless);
}

static void add_stepping_tests(TCase *tcase)
{
	tcase_add_test(tcase, handle_request_handles_exactly_one);
	tcase_add_loop_test(tcase, handle_request_calls_handle_timeout_when_nothing_comes, 0, 2);
	tcase_add_test(tcase, a_stop_ends_handle_request_once);
	tcase_add_test(tcase, step_does_what_the_pollable_descriptor_tells_of_and_never_waits);
	tcase_add_test(tcase, a_step_takes_no_more_than_a_batch_and_the_descriptor_stays_readable);
	tcase_add_test(tcase, poll_timeout_is_the_next_service_interval);
}

static void add_failure_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_request_that_is_not_verified_is_shut_down_once_and_nobody_is_told);
	tcase_add_loop_test(tcase, a_failing_hook_costs_that_request_and_the_server_goes_on, 0, 2);
	tcase_add_test(tcase, an_error_in_get_request_after_accept_costs_that_request_alone);
	tcase_add_test(tcase, service_actions_runs_after_each_request_and_at_each_interval);
	tcase_add_test(tcase, failing_service_actions_are_reported_and_the_server_goes_on);
	tcase_add_loop_test(
		tcase, a_failing_handler_is_told_to_handle_error_once_and_the_server_goes_on, 0, 6);
	tcase_add_loop_test(tcase, ssv_exit_ends_a_synchronous_server_and_nobody_is_told, 0, 3);
	tcase_add_test(tcase, an_error_of_a_request_that_nobody_has_processed_yet_is_told_as_well);
	tcase_add_test(tcase, ten_thousand_equal_errors_are_counted_not_printed);
	FOR_EACH(tcase, an_error_of_one_connection_costs_no_other, lost_connections);
	FOR_EACH(tcase, in_an_overload_the_listener_rests_says_so_once_and_recovers, overloads);
	tcase_add_loop_test(tcase, an_error_that_never_ends_is_not_spun_upon, 0, 2);
	FOR_EACH(tcase, a_listener_that_is_none_ends_the_loop_with_the_error, programming_errors);
	tcase_add_test(tcase, out_of_descriptors_it_waits_and_serves_when_there_are_some_again);
}

static void add_watch_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_watch_is_called_on_the_serving_thread_and_may_fail);
	tcase_add_test(tcase, a_watch_may_take_itself_out);
	tcase_add_test(tcase, a_watch_may_end_the_server);
	FOR_EACH(tcase, a_watch_has_its_turn_though_requests_never_end, ways_to_take);
	tcase_add_test(tcase, what_cannot_be_watched_is_refused);
}

int main(void)
{
	Suite *suite = suite_create("server");

	add_serving_tests(topic(suite, "serving"));
	add_stopping_tests(topic(suite, "stopping"));
	add_stepping_tests(topic(suite, "stepping"));
	add_failure_tests(topic(suite, "failures"));
	add_watch_tests(topic(suite, "watches"));
	return run_suite(suite);
}
