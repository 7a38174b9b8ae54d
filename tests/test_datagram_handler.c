/* datagram_handler.h: a packet in, at most one reply out; on each class of datagram servers. */
#include "support.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_REPLY 65507

enum { UDP, UNIXGRAM, CLASSES };

static union {
	struct ssv_udp_server udp;
	struct ssv_unix_datagram_server local;
} of;
static struct ssv_server *server;
static struct kept_log events;

static void make_server(int class, const struct ssv_handler_ops *handler)
{
	struct ssv_address at =
		class == UDP ? address_of("udp://127.0.0.1:0") : address_in_directory(SSV_UNIXGRAM);

	if (class == UDP)
		ssv_udp_server_init(&of.udp, &at, handler);
	else
		ssv_unix_datagram_server_init(&of.local, &at, handler);
	server = class == UDP ? &of.udp.base : &of.local.base;
	keep_log(&events, server);
}

static void set_max_packet_size(int class, size_t size)
{
	if (class == UDP)
		of.udp.max_packet_size = size;
	else
		of.local.max_packet_size = size;
}

static void open_server(int class, const struct ssv_handler_ops *handler)
{
	make_server(class, handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

static void close_server(void)
{
	ck_assert_int_eq(ssv_server_close(server), 0);
}

/* Sends a packet and has it handled; on a thread of the test's own nothing else runs meanwhile. */
static void put(int client, const void *data, size_t size)
{
	ck_assert_int_eq(send(client, data, size, 0), (ssize_t)size);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
}

static void expect_reply(int client, const void *data, size_t size)
{
	char *got = malloc(size + 1);

	ck_assert_int_eq(recv(client, got, size + 1, MSG_TRUNC), (ssize_t)size);
	ck_assert_int_eq(memcmp(got, data, size), 0);
	free(got);
}

static void expect_no_reply(int client)
{
	ck_assert_int_eq(recv(client, &(char){0}, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

/* --- the reply --- */

static int write_thrice(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	const struct iovec parts[] = {{(void *)"t", 1}, {(void *)"wo ", 3}};

	if (ssv_stream_write(stream, "one ", 4) != 4 || ssv_stream_writev(stream, parts, 2) != 4 ||
		ssv_stream_flush(stream) != 0 || ssv_stream_shutdown(stream) != 0 ||
		ssv_stream_flush(stream) != 0)
		return -EIO;
	return (int)ssv_stream_printf(stream, "%s", "three");
}

static int write_buffered(struct ssv_handler *handler)
{
	int rc = ssv_stream_set_write_buffer(handler->request->stream, 6);

	return rc < 0 ? rc : write_thrice(handler);
}

START_TEST(all_writes_are_one_reply_and_a_flush_neither_sends_nor_repeats)
{
	static const struct ssv_handler_ops writers[] = {
		{.handle = write_thrice}, {.finish = write_thrice}, {.handle = write_buffered}};
	int client;
	size_t i;

	open_server(_i, &writers[0]);
	client = connect_to(server);
	for (i = 0; i < 3; i++) {
		server->handler = &writers[i];
		put(client, "x", 1);
		expect_reply(client, "one two three", 13);
		expect_no_reply(client);
	}
	close(client);
	close_server();
}
END_TEST

static int do_nothing(struct ssv_handler *handler)
{
	(void)handler;
	return 0;
}

/* As a stream would that is built upon the request's. */
static int read_past_the_packet(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[8];
	ssize_t n = stream->ops->read(stream, data, sizeof(data), SSV_NOW);

	return n == 0 ? (int)ssv_stream_write(stream, "the end", 7) : -EIO;
}

START_TEST(behind_the_packet_there_is_the_end_for_streams_built_upon_it_too)
{
	static const struct ssv_handler_ops built_upon = {.handle = read_past_the_packet};
	int client;

	open_server(_i, &built_upon);
	client = connect_to(server);
	put(client, "packet", 6);
	expect_reply(client, "the end", 7);
	close(client);
	close_server();
}
END_TEST

START_TEST(without_a_write_there_is_no_reply)
{
	static const struct ssv_handler_ops silent = {.handle = do_nothing};
	int client;

	open_server(_i, &silent);
	client = connect_to(server);
	put(client, "anybody there?", 14);
	expect_no_reply(client);
	server->handler = &echo_handler;
	put(client, "now", 3);
	expect_reply(client, "now", 3);
	close(client);
	close_server();
}
END_TEST

static int write_nothing(struct ssv_handler *handler)
{
	return (int)ssv_stream_write(handler->request->stream, "", 0);
}

static int try_to_write_nothing(struct ssv_handler *handler)
{
	return (int)ssv_stream_try_write(handler->request->stream, "", 0);
}

static int gather_nothing(struct ssv_handler *handler)
{
	int rc = ssv_stream_set_write_buffer(handler->request->stream, 100);

	return rc < 0 ? rc : (int)ssv_stream_printf(handler->request->stream, "%s", "");
}

START_TEST(a_write_of_nothing_asks_for_an_empty_reply)
{
	static const struct ssv_handler_ops empty[] = {{.handle = write_nothing},
		{.handle = try_to_write_nothing}, {.handle = gather_nothing}};
	int client;
	size_t i;

	open_server(_i, &empty[0]);
	client = connect_to(server);
	for (i = 0; i < 3; i++) {
		server->handler = &empty[i];
		put(client, "x", 1);
		expect_reply(client, "", 0);
		expect_no_reply(client);
	}
	close(client);
	close_server();
}
END_TEST

static int write_and_fail(struct ssv_handler *handler)
{
	ck_assert_int_eq(ssv_stream_write(handler->request->stream, "half an ans", 11), 11);
	return -EIO;
}

START_TEST(there_is_no_reply_where_a_method_failed)
{
	static const struct ssv_handler_ops failing[] = {
		{.setup = write_and_fail}, {.handle = write_and_fail}, {.finish = write_and_fail}};
	int client;
	size_t i;

	open_server(_i, &failing[0]);
	client = connect_to(server);
	for (i = 0; i < 3; i++) {
		server->handler = &failing[i];
		put(client, "x", 1);
		expect_no_reply(client);
	}
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 3);
	server->handler = &echo_handler; /* and nothing of it is in the next one */
	put(client, "next", 4);
	expect_reply(client, "next", 4);
	close(client);
	close_server();
}
END_TEST

static int say_bye(struct ssv_handler *handler)
{
	ck_assert_int_eq(ssv_stream_write(handler->request->stream, "bye", 3), 3);
	return SSV_EXIT;
}

START_TEST(a_handler_that_ends_the_server_may_answer_first)
{
	static const struct ssv_handler_ops last = {.handle = say_bye};
	int client;

	open_server(_i, &last);
	client = connect_to(server);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_int_eq(ssv_server_serve_forever(server), SSV_EXIT);
	expect_reply(client, "bye", 3);
	close(client);
	close_server();
}
END_TEST

static char noise[2 * MAX_REPLY];

static int write_too_much(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;

	ck_assert_int_eq(ssv_stream_write(stream, noise, MAX_REPLY + 1), -EMSGSIZE);
	ck_assert_int_eq(ssv_stream_write(stream, noise, 2), 2);
	ck_assert_int_eq(ssv_stream_write(stream, noise + 2, MAX_REPLY - 1), -EMSGSIZE);
	ck_assert_int_eq(ssv_stream_write(stream, noise + 2, MAX_REPLY - 2), MAX_REPLY - 2);
	return (int)ssv_stream_write(stream, noise, 1);
}

static int write_just_enough(struct ssv_handler *handler)
{
	return write_too_much(handler) == -EMSGSIZE ? 0 : -EIO;
}

START_TEST(a_reply_has_at_most_65507_bytes_and_a_longer_one_is_an_error)
{
	static const struct ssv_handler_ops much = {.handle = write_too_much};
	static const struct ssv_handler_ops enough = {.handle = write_just_enough};
	int client;

	fill_with_noise(noise, sizeof(noise), 1);
	open_server(_i, &much);
	client = connect_to(server);
	put(client, "x", 1);
	expect_no_reply(client);
	ck_assert_str_eq(events.last, "handle: Message too long");
	server->handler = &enough;
	put(client, "x", 1);
	expect_reply(client, noise, MAX_REPLY);
	close(client);
	close_server();
}
END_TEST

/* --- the packet --- */

START_TEST(a_packet_of_any_length_is_a_request_and_an_empty_one_too)
{
	static const size_t sizes[] = {0, 1, 1000, 0, 16384, 16385, MAX_REPLY, 0};
	struct served served;
	int client, i;

	fill_with_noise(noise, sizeof(noise), 2);
	open_server(_i, &echo_handler);
	serve(&served, server);
	client = connect_to(server);
	for (i = 0; i < LENGTH(sizes); i++) {
		ck_assert_int_eq(send(client, noise, sizes[i], 0), (ssize_t)sizes[i]);
		expect_reply(client, noise, sizes[i]);
	}
	close(client);
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
}
END_TEST

static int read_all_ways(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;
	struct ssv_stream *stream = request->stream;
	char *line, byte;

	ck_assert_uint_eq(request->packet_size, 16);
	ck_assert_uint_eq(request->packet_length, 16);
	ck_assert_int_eq(memcmp(request->packet, "one\ntwo\nabc\0last", 16), 0);
	ck_assert_int_eq(ssv_stream_wait(stream, -1, 0), SSV_WAIT_INPUT);
	ck_assert_int_eq(ssv_stream_readline(stream, &line), 4);
	ck_assert_str_eq(line, "one\n");
	ck_assert_int_eq(ssv_stream_read(stream, &byte, 1), 1);
	ck_assert_int_eq(byte, 't');
	ck_assert_int_eq(ssv_stream_peek(stream, &line), 11);
	ck_assert_int_eq(ssv_stream_readline(stream, &line), 3);
	ck_assert_int_eq(ssv_stream_read_exact(stream, &byte, 1), 1);
	ck_assert_int_eq(ssv_stream_readline(stream, &line), 7);
	ck_assert_int_eq(memcmp(line, "bc\0last", 8), 0);
	ck_assert_int_eq(ssv_stream_readline(stream, &line), 0);
	ck_assert_int_eq(ssv_stream_read(stream, &byte, 1), 0);
	ck_assert_int_eq(ssv_stream_wait(stream, server->wake_fd, 0), SSV_WAIT_INPUT);
	ck_assert_int_eq(memcmp(request->packet, "one\ntwo\nabc\0last", 16), 0);
	return (int)ssv_stream_printf(stream, "read");
}

/* Also where the memory is as small as the packet: it does not move. */
START_TEST(the_stream_reads_the_packet_and_then_ends)
{
	static const struct ssv_handler_ops reading = {.handle = read_all_ways};
	int client;

	make_server(_i % CLASSES, &reading);
	if (_i >= CLASSES)
		set_max_packet_size(_i % CLASSES, 16);
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	put(client, "one\ntwo\nabc\0last", 16);
	expect_reply(client, "read", 4);
	close(client);
	close_server();
}
END_TEST

static int say_lengths(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;

	return (int)ssv_stream_printf(request->stream, "%zu of %zu: %.*s", request->packet_size,
		request->packet_length, (int)request->packet_size, request->packet);
}

START_TEST(a_packet_that_was_cut_says_so)
{
	static const struct ssv_handler_ops saying = {.handle = say_lengths};
	int client;

	make_server(_i, &saying);
	set_max_packet_size(_i, 4);
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	put(client, "12345678", 8);
	expect_reply(client, "4 of 8: 1234", 12);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
	put(client, "1234", 4);
	expect_reply(client, "4 of 4: 1234", 12);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
	close(client);
	close_server();
}
END_TEST

/* --- beyond one request --- */

struct keeping_mixin {
	struct ssv_layer layer;
	struct ssv_request kept[3];
	int count;
};

static int keep_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct keeping_mixin *keeping = ssv_container_of(layer, struct keeping_mixin, layer);

	ssv_request_move(&keeping->kept[keeping->count++], request);
	return 0;
}

static void answer_in_reverse(struct keeping_mixin *keeping)
{
	static const char *const texts[] = {"first", "second", "third"};
	int clients[3], i;

	keeping->count = 0;
	for (i = 0; i < 3; i++) {
		clients[i] = connect_to(server);
		put(clients[i], texts[i], strlen(texts[i]));
	}
	for (i = 2; i >= 0; i--) {
		ck_assert_int_eq(ssv_server_finish_request(server, &keeping->kept[i]), 0);
		ssv_server_shutdown_request(server, &keeping->kept[i]);
		expect_reply(clients[i], texts[i], strlen(texts[i]));
		close(clients[i]);
	}
}

/* The memory that they have from the first time serves the second. */
START_TEST(a_packet_stays_with_its_request_while_others_come)
{
	static const struct ssv_layer_ops keeping_ops = {.process_request = keep_request};
	static struct keeping_mixin keeping;
	int i;

	make_server(_i, &echo_handler);
	ssv_server_link(server, &keeping.layer, &keeping_ops);
	ck_assert_int_eq(ssv_server_open(server), 0);
	for (i = 0; i < 3; i++)
		ssv_request_init(&keeping.kept[i], server);
	answer_in_reverse(&keeping);
	answer_in_reverse(&keeping);
	for (i = 0; i < 3; i++)
		ssv_request_free(&keeping.kept[i]);
	close_server();
}
END_TEST

START_TEST(packets_are_counted_with_their_bytes)
{
	struct ssv_counters counters;
	int client;

	open_server(_i, &echo_handler);
	client = connect_to(server);
	put(client, "12345", 5);
	put(client, "", 0);
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.accepted, 2);
	ck_assert_uint_eq(counters.active, 0);
	ck_assert_uint_eq(counters.bytes_read, 5);
	ck_assert_uint_eq(counters.bytes_written, 5);
	close(client);
	close_server();
}
END_TEST

static int gate[2], inside[2];

static int wait_at_the_gate(struct ssv_handler *handler)
{
	char byte;

	if (write(inside[1], "x", 1) != 1 || read(gate[0], &byte, 1) != 1)
		return -EIO;
	return (int)ssv_stream_write(handler->request->stream, "late", 4);
}

/* The socket is every request's: cutting one off would cut all. */
START_TEST(a_close_that_gives_up_waiting_does_not_cut_the_reply_off)
{
	static const struct ssv_handler_ops waiting = {.handle = wait_at_the_gate};
	struct served served;
	int client, i;

	ck_assert_int_eq(pipe(gate), 0);
	ck_assert_int_eq(pipe(inside), 0);
	make_server(_i, &waiting);
	server->grace = 0;
	server->abort_timeout = 1;
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	serve(&served, server);
	ck_assert_int_eq(read(inside[0], &(char){0}, 1), 1);
	ck_assert_int_eq(ssv_server_close(server), 1);
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	expect_reply(client, "late", 4);
	ck_assert_int_eq(result_of(&served), 0);
	for (i = 0; i < 2; i++) {
		close(gate[i]);
		close(inside[i]);
	}
	close(client);
	close_server();
}
END_TEST

START_TEST(a_stopped_server_serves_again_what_came_meanwhile)
{
	struct served served;
	int client, i;

	open_server(_i, &echo_handler);
	client = connect_to(server);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(send(client, &i, sizeof(i), 0), sizeof(i));
		serve(&served, server);
		expect_reply(client, &i, sizeof(i));
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
	}
	close(client);
	close_server();
}
END_TEST

static void *get_request(void *context)
{
	struct ssv_request *request = context;

	return (void *)(intptr_t)ssv_server_get_request(request->server, request);
}

/* Whether it waits already when that happens or not. */
START_TEST(a_thread_that_waits_for_a_packet_is_woken_when_the_socket_is_shut_down)
{
	struct ssv_request request;
	pthread_t thread;
	void *rc;

	open_server(_i, &echo_handler);
	ssv_request_init(&request, server);
	request.may_wait = true;
	pthread_create(&thread, NULL, get_request, &request);
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(thread, &rc);
	ck_assert_int_eq((intptr_t)rc, -EINVAL);
	ssv_request_free(&request);
	close_server();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(
		tcase, all_writes_are_one_reply_and_a_flush_neither_sends_nor_repeats, 0, CLASSES);
	tcase_add_loop_test(tcase, behind_the_packet_there_is_the_end_for_streams_built_upon_it_too,
		0, CLASSES);
	tcase_add_loop_test(tcase, without_a_write_there_is_no_reply, 0, CLASSES);
	tcase_add_loop_test(tcase, a_write_of_nothing_asks_for_an_empty_reply, 0, CLASSES);
	tcase_add_loop_test(tcase, there_is_no_reply_where_a_method_failed, 0, CLASSES);
	tcase_add_loop_test(tcase, a_handler_that_ends_the_server_may_answer_first, 0, CLASSES);
	tcase_add_loop_test(
		tcase, a_reply_has_at_most_65507_bytes_and_a_longer_one_is_an_error, 0, CLASSES);
	tcase_add_loop_test(
		tcase, a_packet_of_any_length_is_a_request_and_an_empty_one_too, 0, CLASSES);
	tcase_add_loop_test(tcase, the_stream_reads_the_packet_and_then_ends, 0, 2 * CLASSES);
	tcase_add_loop_test(tcase, a_packet_that_was_cut_says_so, 0, CLASSES);
	tcase_add_loop_test(tcase, a_packet_stays_with_its_request_while_others_come, 0, CLASSES);
	tcase_add_loop_test(tcase, packets_are_counted_with_their_bytes, 0, CLASSES);
	tcase_add_loop_test(
		tcase, a_close_that_gives_up_waiting_does_not_cut_the_reply_off, 0, CLASSES);
	tcase_add_loop_test(tcase, a_stopped_server_serves_again_what_came_meanwhile, 0, CLASSES);
	tcase_add_loop_test(tcase,
		a_thread_that_waits_for_a_packet_is_woken_when_the_socket_is_shut_down, 0, CLASSES);
}

int main(void)
{
	Suite *suite = suite_create("datagram_handler");
	TCase *tcase = topic(suite, "datagram_handler");

	tcase_add_checked_fixture(tcase, make_directory, expect_empty_directory);
	add_tests(tcase);
	return run_suite(suite);
}
