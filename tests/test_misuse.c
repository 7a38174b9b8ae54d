/** What handlers and hosts must not do, and what becomes of it: a handler closes its connection's
 * descriptor or ends its thread, a host closes the listener. Nobody else loses anything by it. */
#include "child.h"
#include "classes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct server_class *class;
static union any_server any;
static struct ssv_server *server;
static struct served served;
static int pair[2]; /* what has got a number that the library had */
static int told[2]; /* a pipe: what the log is told, in children, too */

static void tell(struct ssv_log *log, enum ssv_log_level level, const struct ssv_request *request,
	const char *message)
{
	(void)log;
	(void)level;
	(void)request;
	dprintf(told[1], "%s\n", message);
}

static struct ssv_log log_to_test = {.write = tell, .level = SSV_LOG_ERROR};

/* What else was told before is passed over. */
static void expect_told(const char *what)
{
	char line[1024];
	size_t n;

	do {
		for (n = 0; n == 0 || line[n - 1] != '\n'; n++) {
			ck_assert_uint_lt(n, sizeof(line) - 1);
			ck_assert_int_eq(read(told[0], &line[n], 1), 1);
		}
		line[n] = '\0';
	} while (strstr(line, what) == NULL);
}

static void expect_nothing_told(void)
{
	struct pollfd polled = {.fd = told[0], .events = POLLIN};

	ck_assert_int_eq(poll(&polled, 1, 0), 0);
}

static void make_server(int i, const struct ssv_handler_ops *handler)
{
	struct ssv_address at = fresh_address(&classes[i]);

	class = &classes[i];
	server = class->init(&any, &at, handler);
	server->log = &log_to_test;
	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void open_and_serve(void)
{
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
}

static void forget_descriptors(void)
{
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(pair[i]);
	}
}

static void expect_service(void)
{
	struct ssv_stream client;

	connect_client(&client, server);
	ask_client(&client, "hello", "hello");
	disconnect_client(&client);
}

/* Nobody serves: who comes now waits for whoever asks for a request next. */
static void expect_service_by_handle_request(void)
{
	struct ssv_stream client;

	connect_client(&client, server);
	ck_assert_int_eq(ssv_stream_write(&client, "hello", 5), 5);
	if (class->is_stream)
		shutdown(client.fd, SHUT_WR);
	server->timeout = 5000;
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_answer(&client, "hello");
	disconnect_client(&client);
}

/* Nobody has written to it, read from it, or shut it down. */
static void expect_unharmed(int end, int other)
{
	char data[8];

	ck_assert_int_eq(recv(end, data, sizeof(data), MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ask(end, "it works", "");
	ask(other, "as ever", "it works");
	ask(end, "", "as ever");
}

/* An echo, until it is asked for something else. */
static int echo_until_told(
	struct ssv_handler *handler, void (*misbehave)(struct ssv_stream *stream))
{
	struct ssv_stream *stream = handler->request->stream;
	char data[64];
	ssize_t n;

	while ((n = ssv_stream_read(stream, data, sizeof(data))) > 0) {
		n = ssv_stream_write(stream, data, (size_t)n);
		if (data[0] == '!')
			misbehave(stream);
		else
			ssv_stream_flush(stream);
		if (n < 0 || data[0] == '!' || !ssv_transport_is_stream(stream->transport))
			break;
	}
	return n < 0 ? (int)n : 0;
}

/* --- a handler closes the descriptor itself --- */

static int number; /* the one that it closed */

static void close_it(struct ssv_stream *stream)
{
	number = ssv_stream_fileno(stream);
	close(number);
}

/* As if a file had been opened right behind the close. */
static void give_it_away(struct ssv_stream *stream)
{
	number = ssv_stream_fileno(stream);
	if (dup3(pair[0], number, O_CLOEXEC) < 0)
		abort(); /* Check's assertions have a lock, which no child may need */
}

static int close_handle(struct ssv_handler *handler)
{
	return echo_until_told(handler, close_it);
}

static int give_away_handle(struct ssv_handler *handler)
{
	return echo_until_told(handler, give_it_away);
}

/* What is buffered when the handler ends would go to the wrong one. */
static const struct ssv_handler_ops close_handler = {.handle = close_handle, .wbufsize = 1024};
static const struct ssv_handler_ops give_away_handler = {
	.handle = give_away_handle, .wbufsize = 1024};

static void misuse_descriptor(struct ssv_server *of)
{
	int client = connect_to(of);

	ask(client, "!", "");
	expect_end(client);
	close(client);
	expect_told("a handler has closed its connection's descriptor");
}

START_TEST(a_handler_that_closes_the_descriptor_ends_its_own_connection_alone)
{
	make_server(_i, &close_handler);
	open_and_serve();
	misuse_descriptor(server);
	expect_service();
	expect_service();
	stop_and_close(&served);
	forget_descriptors();
}
END_TEST

START_TEST(whoever_gets_the_number_of_a_closed_connection_is_left_alone)
{
	if (classes[_i].is_forking && under_valgrind())
		return; /* it finds fault with what is given away */
	make_server(_i, &give_away_handler);
	open_and_serve();
	misuse_descriptor(server);
	expect_service();
	expect_service();
	stop_and_close(&served);
	expect_unharmed(pair[1], pair[0]);
	if (!class->is_forking) { /* else it was the child's */
		expect_unharmed(pair[1], number);
		close(number);
	}
	forget_descriptors();
}
END_TEST

static int give_away_and_wait_handle(struct ssv_handler *handler)
{
	give_it_away(handler->request->stream);
	while (!ssv_server_is_aborting(handler->server))
		poll(NULL, 0, 1);
	poll(NULL, 0, 20); /* close cuts the connections now */
	return 0;
}

START_TEST(nor_is_it_cut_by_a_close_that_runs_out_of_patience)
{
	static const struct ssv_handler_ops handler = {.handle = give_away_and_wait_handle};
	int client;

	if (classes[_i].is_forking)
		return; /* a child has its own numbers */
	make_server(_i, &handler);
	server->grace = 1;
	open_and_serve();
	client = connect_to(server);
	expect_end(client); /* it was given away */
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	expect_unharmed(pair[1], number);
	close(number);
	forget_descriptors();
}
END_TEST

static int closed[2], leash[2]; /* pipes: the handler has closed it; and may go on */

static int close_and_wait_handle(struct ssv_handler *handler)
{
	char byte;

	close_it(handler->request->stream);
	return write(closed[1], "c", 1) == 1 && read(leash[0], &byte, 1) == 1 ? 0 : -EIO;
}

/* As if the kernel had given the number to this connection. */
static int get_request_at_number(struct ssv_layer *layer, struct ssv_request *request)
{
	int rc = ssv_super_get_request(layer, request);

	if (rc < 0 || request->socket.fd == number)
		return rc;
	dup3(request->socket.fd, number, O_CLOEXEC);
	close(request->socket.fd);
	request->socket.fd = number;
	return 0;
}

START_TEST(a_forked_child_keeps_its_connection_at_the_number_of_a_closed_one)
{
	static const struct ssv_handler_ops handler = {.handle = close_and_wait_handle};
	static const struct ssv_layer_ops at_number = {.get_request = get_request_at_number};
	const struct server_class *forking = &classes[FORKING_CLASS(_i)];
	struct ssv_address at = fresh_address(forking);
	struct ssv_layer layer;
	struct served children;
	union any_server other;
	struct ssv_stream asker;
	int client;

	ck_assert_int_eq(pipe2(closed, O_CLOEXEC) + pipe2(leash, O_CLOEXEC), 0);
	make_server(THREADING_CLASS(_i), &handler);
	threading_of(class, &any)->max_threads = 1; /* no other may wait, and hold the number */
	open_and_serve();
	children.server = forking->init(&other, &at, &echo_handler);
	ssv_server_link(children.server, &layer, &at_number);
	ck_assert_int_eq(ssv_server_open(children.server), 0);
	connect_client(&asker, children.server);
	client = connect_to(server);
	ck_assert_int_eq(read(closed[0], &(char){0}, 1), 1);
	serve(&children, children.server);
	ask_client(&asker, "hello", "hello");
	disconnect_client(&asker);
	stop_and_close(&children);
	ck_assert_int_eq(write(leash[1], "g", 1), 1);
	expect_told("a handler has closed its connection's descriptor");
	stop_and_close(&served);
	for (int i = 0; i < 2; i++) {
		close(closed[i]);
		close(leash[i]);
	}
	close(client);
	forget_descriptors();
}
END_TEST

/* --- a handler ends its thread --- */

static void end_thread(struct ssv_stream *stream)
{
	(void)stream;
	pthread_exit(NULL);
}

static void cancel_thread(struct ssv_stream *stream)
{
	(void)stream;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static int end_thread_handle(struct ssv_handler *handler)
{
	return echo_until_told(handler, end_thread);
}

static int cancel_thread_handle(struct ssv_handler *handler)
{
	return echo_until_told(handler, cancel_thread);
}

static const struct ssv_handler_ops thread_enders[] = {
	{.handle = end_thread_handle},
	{.handle = cancel_thread_handle},
};

/* The last thing that it has said arrives, over a stream; a packet's answer was not complete. */
static void end_a_thread(void)
{
	struct ssv_stream client;
	char byte;

	connect_client(&client, server);
	ck_assert_int_eq(ssv_stream_write(&client, "!", 1), 1);
	if (class->is_stream) {
		expect_answer(&client, "!");
		ck_assert_int_eq(receive(&client, &byte, 1), 0);
	}
	disconnect_client(&client);
	expect_told("a handler has ended its thread");
}

/* It was the thread that serves: another one may. */
static void serve_again(void)
{
	void *result;

	pthread_join(served.thread, &result);
	ck_assert(result == NULL || result == PTHREAD_CANCELED);
	serve(&served, server);
}

static void expect_none_active(void)
{
	struct ssv_counters counters = {.active = 1};

	for (int patience = 5000; counters.active > 0 && patience > 0; patience--) {
		ssv_server_counters(server, &counters);
		poll(NULL, 0, 1);
	}
	ck_assert_uint_eq(counters.active, 0);
}

static void limit_to_one(void)
{
	if (class->is_threading)
		threading_of(class, &any)->max_threads = 1;
	if (class->is_forking)
		forking_of(class, &any)->max_children = 1;
}

static void threads_end(int i, const struct ssv_handler_ops *handler, bool one_at_a_time)
{
	make_server(i, handler);
	if (one_at_a_time)
		limit_to_one();
	open_and_serve();
	for (int round = 0; round < 3; round++) {
		expect_service();
		end_a_thread();
		if (!class->is_threading && !class->is_forking)
			serve_again();
		expect_service();
	}
	expect_none_active();
	stop_and_close(&served);
	forget_descriptors();
}

/* It takes the frames that pthread_exit() has left behind for ones that are still in use. */
static bool under_address_sanitizer(void)
{
	return under_sanitizer() && strstr(getenv("SANITIZED"), "address") != NULL;
}

START_TEST(a_handler_that_ends_its_thread_loses_neither_its_client_nor_the_place)
{
	/* Nothing tells it of a cancellation. */
	const int kinds = under_address_sanitizer() ? 1 : LENGTH(thread_enders);

	if (classes[_i].is_threading && under_address_sanitizer())
		return;
	for (int i = 0; i < kinds; i++) {
		threads_end(_i, &thread_enders[i], false);
		threads_end(_i, &thread_enders[i], true);
	}
}
END_TEST

/* Of a class that serves on the thread that ended. */
START_TEST(a_foreign_loop_may_go_on_where_a_handler_ended_the_thread_of_ours)
{
	struct pollfd polled = {.events = POLLIN};
	struct ssv_stream client;

	if (classes[_i].is_threading || classes[_i].is_forking)
		return;
	make_server(_i, &thread_enders[0]);
	open_and_serve();
	end_a_thread();
	pthread_join(served.thread, NULL);
	connect_client(&client, server);
	ck_assert_int_eq(ssv_stream_write(&client, "?", 1), 1);
	polled.fd = ssv_server_poll_fd(server);
	ck_assert_int_eq(poll(&polled, 1, 5000), 1);
	disconnect_client(&client);
	ck_assert_int_eq(ssv_server_close(server), 0);
	forget_descriptors();
}
END_TEST

static int end_thread_ready(struct ssv_watch *watch)
{
	(void)watch;
	pthread_exit(NULL);
}

START_TEST(a_watch_that_ends_the_thread_that_serves_leaves_the_place_to_another)
{
	struct ssv_watch watch = {.ready = end_thread_ready};

	if (classes[_i].is_threading && under_address_sanitizer())
		return;
	make_server(_i, &echo_handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
	watch.fd = pair[0];
	ck_assert_int_eq(ssv_server_watch(server, &watch), 0);
	ck_assert_int_eq(write(pair[1], "!", 1), 1);
	serve(&served, server);
	pthread_join(served.thread, NULL);
	ssv_server_unwatch(server, &watch);
	expect_service_by_handle_request();
	serve(&served, server);
	expect_service();
	stop_and_close(&served);
	forget_descriptors();
}
END_TEST

static bool ended;

static int end_thread_service_actions(struct ssv_layer *layer)
{
	if (!ended) {
		ended = true;
		pthread_exit(NULL);
	}
	return ssv_super_service_actions(layer);
}

START_TEST(service_actions_that_end_the_thread_leave_the_place_and_the_turn_to_another)
{
	static const struct ssv_layer_ops ops = {.service_actions = end_thread_service_actions};
	struct ssv_layer layer;

	if (classes[_i].is_threading && under_address_sanitizer())
		return;
	make_server(_i, &echo_handler);
	ssv_server_link(server, &layer, &ops);
	server->poll_interval = 1;
	ended = false;
	open_and_serve();
	pthread_join(served.thread, NULL);
	expect_service_by_handle_request();
	serve(&served, server);
	expect_service();
	stop_and_close(&served);
	forget_descriptors();
}
END_TEST

static int answer_and_close(struct ssv_handler *handler)
{
	struct ssv_request *request = handler->request;
	char hello[5];
	int rc = (int)ssv_stream_read(request->stream, hello, sizeof(hello));

	if (rc > 0)
		rc = (int)ssv_stream_write(request->stream, "bye", 3);

	ssv_server_shutdown_request(handler->server, request);
	ssv_server_close_request(handler->server, request); /* harmless */
	return rc < 0 ? rc : 0;
}

/* As Python's may. A reply to a packet is sent by finish(), which comes too late. */
START_TEST(a_handler_may_close_its_request)
{
	static const struct ssv_handler_ops closing = {.handle = answer_and_close};
	struct ssv_stream client;

	make_server(_i, &closing);
	open_and_serve();
	for (int i = 0; i < 3; i++) {
		connect_client(&client, server);
		ck_assert_int_eq(ssv_stream_write(&client, "hello", 5), 5);
		if (class->is_stream)
			expect_answer(&client, "bye");
		disconnect_client(&client);
	}
	stop_and_close(&served);
	expect_nothing_told();
	forget_descriptors();
}
END_TEST

static int fails; /* so many times, then no more */

static int fail_after_super(struct ssv_layer *layer, struct ssv_request *request)
{
	int rc = ssv_super_process_request(layer, request);

	return rc < 0 || __atomic_sub_fetch(&fails, 1, __ATOMIC_SEQ_CST) < 0 ? rc : -ENOSPC;
}

START_TEST(a_process_request_that_fails_after_supers_costs_that_request_alone)
{
	static const struct ssv_layer_ops ops = {.process_request = fail_after_super};
	struct ssv_stream client;
	struct ssv_layer layer;

	make_server(_i, &echo_handler);
	ssv_server_link(server, &layer, &ops);
	fails = 1;
	open_and_serve();
	connect_client(&client, server);
	ck_assert_int_eq(ssv_stream_write(&client, "hello", 5), 5);
	if (class->is_stream)
		shutdown(client.fd, SHUT_WR);
	expect_told("No space left on device");
	disconnect_client(&client);
	expect_service();
	stop_and_close(&served);
	forget_descriptors();
}
END_TEST

static int stopped;

static int stop_in_turn(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)request;
	__atomic_store_n(&stopped, ssv_server_shutdown(layer->server), __ATOMIC_SEQ_CST);
	return 0;
}

START_TEST(a_shutdown_in_verify_request_stops_the_server_and_waits_for_nobody)
{
	static const struct ssv_layer_ops ops = {
		.verify_request = stop_in_turn,
		.service_actions = ssv_super_service_actions,
	};
	struct ssv_stream client;
	struct ssv_layer layer;

	make_server(_i, &echo_handler);
	ssv_server_link(server, &layer, &ops);
	server->poll_interval = 1;
	open_and_serve();
	connect_client(&client, server);
	if (!class->is_stream)
		ck_assert_int_eq(ssv_stream_write(&client, "hello", 5), 5);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(__atomic_load_n(&stopped, __ATOMIC_SEQ_CST), -EDEADLK);
	disconnect_client(&client);
	ck_assert_int_eq(ssv_server_close(server), 0);
	forget_descriptors();
}
END_TEST

static int close_and_fail(struct ssv_layer *layer)
{
	ssv_super_close(layer);
	return -EIO;
}

START_TEST(a_close_that_fails_is_told_and_all_is_given_back)
{
	static const struct ssv_layer_ops ops = {.close = close_and_fail};
	struct sigaction before, after;
	struct ssv_layer layer;
	int free_number;

	make_server(_i, &echo_handler);
	free_number = dup(told[0]);
	close(free_number);
	ssv_server_link(server, &layer, &ops);
	sigaction(SIGUSR1, NULL, &before);
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, 0), 0);
	open_and_serve();
	expect_service();
	stop_and_close(&served);
	expect_told("close failed: Input/output error");
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	expect_service();
	stop_and_close(&served);
	sigaction(SIGUSR1, NULL, &after);
	ck_assert(after.sa_handler == before.sa_handler);
	ck_assert_int_eq(dup(told[0]), free_number);
	close(free_number);
	forget_descriptors();
}
END_TEST

static int close_in_vain(struct ssv_handler *handler)
{
	int rc = ssv_server_close(handler->server);

	if (rc != -EDEADLK)
		return -EPROTO;
	return (int)ssv_stream_write(handler->request->stream, "served", 6);
}

START_TEST(a_handler_that_closes_its_server_has_not_done_anything)
{
	static const struct ssv_handler_ops closing = {.handle = close_in_vain};
	struct ssv_stream client;

	make_server(_i, &closing);
	open_and_serve();
	for (int i = 0; i < 2; i++) {
		connect_client(&client, server);
		if (!class->is_stream)
			ck_assert_int_eq(ssv_stream_write(&client, "hello", 5), 5);
		expect_answer(&client, "served");
		disconnect_client(&client);
	}
	stop_and_close(&served);
	expect_nothing_told();
	forget_descriptors();
}
END_TEST

/* --- a host forks --- */

static int passes;

static int count_passes(struct ssv_layer *layer)
{
	__atomic_add_fetch(&passes, 1, __ATOMIC_SEQ_CST);
	return ssv_super_service_actions(layer);
}

/* Two passes later nothing of before is still to be done. */
static void wait_until_idle(void)
{
	const int before = __atomic_load_n(&passes, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&passes, __ATOMIC_SEQ_CST) < before + 3)
		poll(NULL, 0, 1);
}

static void expect_good_end(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

/* Forks when no thread has AddressSanitizer's allocator locked, which would stay so in the child.
 */
START_TEST(a_process_that_the_host_forked_may_close_its_copy_and_the_server_goes_on)
{
	static const struct ssv_layer_ops ops = {.service_actions = count_passes};
	struct ssv_stream client;
	struct ssv_layer layer;
	pid_t child;

	make_server(_i, &echo_handler);
	ssv_server_link(server, &layer, &ops);
	server->poll_interval = 1;
	open_and_serve();
	connect_client(&client, server);
	ask_client(&client, "hello", "hello");
	if (class->is_threading || class->is_forking || !class->is_stream)
		wait_until_idle(); /* others have the client */
	child = fork();
	if (child == 0) {
		alarm(20);
		/* with what was covered */
		ssv_child_exit(ssv_server_close(server) != 0 || ssv_server_close(server) != 0);
	}
	expect_good_end(child);
	if (class->is_stream)
		ask_client(&client, "as ever", "as ever");
	disconnect_client(&client);
	expect_service();
	stop_and_close(&served);
	expect_nothing_told();
	forget_descriptors();
}
END_TEST

START_TEST(who_opens_and_has_a_forked_process_serve_may_close)
{
	struct ssv_address at;
	pid_t child;

	make_server(_i, &echo_handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
	child = fork();
	if (child == 0) {
		alarm(20);
		ssv_child_exit(ssv_server_stop_on_signals(server, SIGTERM, 0) < 0 ||
			       ssv_server_serve_forever(server) != 0 ||
			       ssv_server_close(server) != 0);
	}
	expect_service();
	at = server->server_address;
	if (at.socket.any.sa_family != AF_UNIX) { /* whose file goes with who made it */
		ck_assert_int_eq(ssv_server_close(server), 0);
		expect_service();
		expect_service();
	}
	ck_assert_int_eq(kill(child, SIGTERM), 0);
	expect_good_end(child);
	ck_assert_int_eq(ssv_server_close(server), 0);
	forget_descriptors();
}
END_TEST

static struct ssv_tcp_server inner;

static void serve_within(struct ssv_stream *stream)
{
	(void)stream;
	ssv_server_handle_request(&inner.base);
}

static int serve_within_handle(struct ssv_handler *handler)
{
	return echo_until_told(handler, serve_within);
}

static void open_inner(void)
{
	struct ssv_address at = address_of(ANYWHERE);

	ssv_tcp_server_init(&inner, &at, &thread_enders[0]);
	inner.base.log = &log_to_test;
	ck_assert_int_eq(ssv_server_open(&inner.base), 0);
}

static void serve_inner_and_close(void)
{
	struct served again;
	int client;

	inner.base.handler = &echo_handler;
	serve(&again, &inner.base);
	client = connect_to(&inner.base);
	ask(client, "hello", "hello");
	close(client);
	stop_and_close(&again);
}

START_TEST(a_thread_that_ends_in_a_server_within_a_handler_leaves_both_places_to_others)
{
	static const struct ssv_handler_ops handler = {.handle = serve_within_handle};
	struct ssv_stream client;
	int client_within;

	if (classes[_i].is_forking || (classes[_i].is_threading && under_address_sanitizer()))
		return;
	make_server(_i, &handler);
	open_inner();
	open_and_serve();
	connect_client(&client, server);
	ck_assert_int_eq(ssv_stream_write(&client, "!", 1), 1);
	client_within = connect_to(&inner.base);
	ck_assert_int_eq(write(client_within, "!", 1), 1);
	expect_told("a handler has ended its thread");
	expect_told("a handler has ended its thread");
	disconnect_client(&client);
	close(client_within);
	if (!class->is_threading)
		serve_again();
	expect_none_active();
	serve_inner_and_close();
	expect_service();
	expect_none_active();
	stop_and_close(&served);
	forget_descriptors();
}
END_TEST

static int give_away_and_end_handle(struct ssv_handler *handler)
{
	give_it_away(handler->request->stream);
	pthread_exit(NULL);
}

START_TEST(whoever_gets_the_number_is_left_alone_where_the_thread_ends_too)
{
	static const struct ssv_handler_ops handler = {.handle = give_away_and_end_handle};
	int client;

	if (classes[_i].is_threading && under_address_sanitizer())
		return;
	make_server(_i, &handler);
	open_and_serve();
	client = connect_to(server);
	expect_end(client);
	close(client);
	expect_told("a handler has ended its thread");
	expect_none_active();
	if (class->is_threading || class->is_forking)
		ssv_server_request_stop(server);
	pthread_join(served.thread, NULL);
	ck_assert_int_eq(ssv_server_close(server), 0);
	expect_unharmed(pair[1], pair[0]);
	if (!class->is_forking)
		close(number);
	forget_descriptors();
}
END_TEST

/* --- a host closes the listener --- */

static int64_t process_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void expect_no_spinning(void)
{
	int64_t since = process_time();

	poll(NULL, 0, 100);
	if (!under_sanitizer() && !under_valgrind())
		ck_assert_int_lt(process_time() - since, 50);
}

/* A thread notices when it is done and looks for the next request. The kernel tells the loop
 * nothing of it: that ends with the error when it looks for a request, or when it is stopped. */
static void expect_end_of_serving(struct ssv_stream *client)
{
	int result;

	if (!class->is_threading)
		ssv_server_shutdown(server);
	else if (!class->is_stream)
		ssv_stream_write(client, "hello", 5);
	result = result_of(&served);
	ck_assert_msg(result == -EBADF || result == -ENOTSOCK || result == -EINVAL ||
			      (result == 0 && !class->is_threading),
		"%s", strerror(-result));
}

static void lose_listener(int i, bool free_number)
{
	struct ssv_stream client;
	char data[2];

	make_server(i, &echo_handler);
	open_and_serve();
	number = server->fd;
	connect_client(&client, server);
	ask_client(&client, "hello", "hello");
	/* Not by dup3() and close(): that this is a race is what ThreadSanitizer would say. */
	ck_assert_int_eq(syscall(SYS_dup3, told[0], number, O_CLOEXEC), number);
	if (free_number)
		syscall(SYS_close, number);
	expect_no_spinning();
	if (class->is_stream) {
		ask_client(&client, "still here", "still here");
		shutdown(client.fd, SHUT_WR); /* and that is all of it */
	}
	expect_end_of_serving(&client);
	disconnect_client(&client);
	ck_assert_int_eq(ssv_server_close(server), 0);
	if (!free_number) {
		ck_assert_int_eq(write(told[1], "ok", 2), 2);
		ck_assert_int_eq(read(number, data, 2), 2);
		close(number);
	}
	forget_descriptors();
}

START_TEST(a_listener_that_the_host_closes_is_an_error_or_silence_and_no_spinning)
{
	lose_listener(_i, true);
}
END_TEST

START_TEST(whoever_gets_the_number_of_a_closed_listener_keeps_it)
{
	lose_listener(_i, false);
}
END_TEST

/* Who waits looks whose it is; a thread that waits in the kernel does not look again. */
START_TEST(a_listener_of_the_hosts_that_gets_the_number_keeps_its_clients)
{
	static const struct ssv_layer_ops ops = {.service_actions = count_passes};
	struct ssv_address at = address_of(ANYWHERE);
	struct ssv_tcp_server other;
	struct ssv_layer layer;
	int client, taken;

	make_server(_i, &echo_handler);
	if (class->is_threading) {
		forget_descriptors();
		return;
	}
	ssv_server_link(server, &layer, &ops);
	server->poll_interval = 1;
	ssv_tcp_server_init(&other, &at, &echo_handler);
	ck_assert_int_eq(ssv_server_open(&other.base), 0);
	open_and_serve();
	expect_service();
	wait_until_idle();
	number = server->fd;
	ck_assert_int_eq(syscall(SYS_dup3, other.base.fd, number, O_CLOEXEC), number);
	client = connect_to(&other.base);
	ck_assert_int_eq(result_of(&served), -EBADF);
	expect_told("the listener cannot be used");
	taken = accept4(other.base.fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(taken, 0);
	close(taken);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_server_close(&other.base), 0);
	close(number);
	forget_descriptors();
}
END_TEST

/* A range of classes is two arguments. */
#define ADD(test, ...) tcase_add_loop_test(tcase, test, __VA_ARGS__)

int main(void)
{
	Suite *suite = suite_create("misuse");
	TCase *tcase = topic(suite, "misuse");

	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	ADD(a_handler_that_closes_the_descriptor_ends_its_own_connection_alone, STREAM_CLASSES);
	ADD(whoever_gets_the_number_of_a_closed_connection_is_left_alone, STREAM_CLASSES);
	ADD(nor_is_it_cut_by_a_close_that_runs_out_of_patience, STREAM_CLASSES);
	ADD(a_forked_child_keeps_its_connection_at_the_number_of_a_closed_one, 0,
		N_FORKING_STREAM_CLASSES);
	ADD(a_handler_that_ends_its_thread_loses_neither_its_client_nor_the_place, ALL_CLASSES);
	ADD(a_foreign_loop_may_go_on_where_a_handler_ended_the_thread_of_ours, ALL_CLASSES);
	ADD(a_watch_that_ends_the_thread_that_serves_leaves_the_place_to_another, ALL_CLASSES);
	ADD(service_actions_that_end_the_thread_leave_the_place_and_the_turn_to_another,
		ALL_CLASSES);
	ADD(a_handler_may_close_its_request, ALL_CLASSES);
	ADD(a_process_request_that_fails_after_supers_costs_that_request_alone, ALL_CLASSES);
	ADD(a_shutdown_in_verify_request_stops_the_server_and_waits_for_nobody, ALL_CLASSES);
	ADD(a_close_that_fails_is_told_and_all_is_given_back, ALL_CLASSES);
	ADD(a_handler_that_closes_its_server_has_not_done_anything, ALL_CLASSES);
	ADD(a_process_that_the_host_forked_may_close_its_copy_and_the_server_goes_on, ALL_CLASSES);
	ADD(who_opens_and_has_a_forked_process_serve_may_close, ALL_CLASSES);
	ADD(a_thread_that_ends_in_a_server_within_a_handler_leaves_both_places_to_others,
		ALL_CLASSES);
	ADD(whoever_gets_the_number_is_left_alone_where_the_thread_ends_too, STREAM_CLASSES);
	ADD(a_listener_that_the_host_closes_is_an_error_or_silence_and_no_spinning, ALL_CLASSES);
	ADD(whoever_gets_the_number_of_a_closed_listener_keeps_it, ALL_CLASSES);
	ADD(a_listener_of_the_hosts_that_gets_the_number_keeps_its_clients, STREAM_CLASSES);
	return run_suite(suite);
}
