/* testing.h: what the test kit does for a good handler, and what it says of a bad one. */
#include "support.h"

#include <socketserver/testing.h>
#include <stdlib.h>
#include <string.h>

static struct ssv_test *test;

static void begin_test(const struct ssv_handler_ops *handler)
{
	test = ssv_test_new(handler, SSV_UNIX);
}

static void begin_datagrams(const struct ssv_handler_ops *handler)
{
	test = ssv_test_new(handler, SSV_UNIXGRAM);
}

static void all_is_well(void)
{
	const char *wrong = ssv_test_finish(test);

	ck_assert_msg(wrong == NULL, "%s", wrong);
	ssv_test_free(test);
}

static void it_says(const char *message)
{
	ck_assert_pstr_eq(ssv_test_finish(test), message);
	ssv_test_free(test);
}

/* --- handlers --- */

static int lines_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line;
	ssize_t n;

	while ((n = ssv_stream_readline(stream, &line)) > 0) {
		n = ssv_stream_write(stream, line, (size_t)n);
		if (n < 0)
			break;
	}
	return (int)n;
}

static int nothing(struct ssv_handler *handler)
{
	(void)handler;
	return 0;
}

static int failing(struct ssv_handler *handler)
{
	(void)handler;
	return -EIO;
}

static const struct ssv_handler_ops lines = {.handle = lines_handle};
static const struct ssv_handler_ops minute = {.handle = lines_handle, .timeout = 60 * 1000};
static const struct ssv_handler_ops whole = {
	.setup = nothing, .handle = lines_handle, .finish = nothing};
static const struct ssv_handler_ops stillborn = {
	.setup = failing, .handle = lines_handle, .finish = nothing};

static int flood_handle(struct ssv_handler *handler)
{
	static const char noise[64 * 1024];

	return (int)ssv_stream_write(handler->request->stream, noise, sizeof(noise));
}

static const struct ssv_handler_ops flood = {.handle = flood_handle};

/* Until the test lets it go. */
static pthread_mutex_t leash = PTHREAD_MUTEX_INITIALIZER;

static int stuck_handle(struct ssv_handler *handler)
{
	(void)handler;
	pthread_mutex_lock(&leash);
	pthread_mutex_unlock(&leash);
	return 0;
}

static const struct ssv_handler_ops stuck = {.handle = stuck_handle};

static int peer_handle(struct ssv_handler *handler)
{
	char text[SSV_ADDRESS_TEXT_SIZE];
	const char *user = handler->server->user;

	ssv_address_format(&handler->request->client_address, text);
	return (int)ssv_stream_printf(
		handler->request->stream, "%s %s\n", text, user != NULL ? user : "nobody");
}

static const struct ssv_handler_ops peer = {.handle = peer_handle};

static int even_handle(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;

	if (request->packet_size == 3)
		return -EPROTO;
	if (request->packet_size % 2 != 0)
		return 0;
	return (int)ssv_stream_write(request->stream, request->packet, request->packet_size);
}

static const struct ssv_handler_ops even = {.handle = even_handle};

/* --- what it does --- */

START_TEST(what_is_sent_is_answered_step_by_step)
{
	begin_test(&whole);
	ssv_test_send(test, "one\ntw");
	ssv_test_expect(test, "one\n");
	ssv_test_expect_nothing(test);
	ssv_test_send_bytes(test, "o\n\0\n", 4);
	ssv_test_expect_bytes(test, "two\n\0\n", 6);
	ssv_test_send(test, "3\n");
	ck_assert_str_eq(ssv_test_read(test), "3\n");
	ssv_test_half_close(test);
	ssv_test_expect_end(test);
	ssv_test_expect_result(test, 0);
	ssv_test_expect_methods(test, "setup handle finish");
	all_is_well();
}
END_TEST

START_TEST(a_megabyte_comes_back_while_it_is_sent)
{
	const size_t size = 1024 * 1024;
	char *data = malloc(size);

	ck_assert_ptr_nonnull(data);
	fill_with_noise(data, size, 1);
	begin_test(&echo_handler);
	ssv_test_send_bytes(test, data, size);
	ssv_test_expect_bytes(test, data, size);
	all_is_well();
	free(data);
}
END_TEST

START_TEST(an_hour_passes_in_no_time)
{
	begin_test(&minute);
	ssv_test_send_slowly(test, "slowly but surely\n", 59 * 1000);
	ssv_test_expect(test, "slowly but surely\n");
	ssv_test_pass(test, 59 * 1000);
	ssv_test_send(test, "in time\n");
	ssv_test_expect(test, "in time\n");
	ssv_test_pass(test, 60 * 1000);
	ssv_test_expect_end(test);
	ssv_test_expect_result(test, -ETIMEDOUT);
	all_is_well();
}
END_TEST

START_TEST(a_deadline_comes_nearer_with_each_pause)
{
	begin_test(&minute);
	ssv_test_server(test)->limits.deadline = 120 * 1000;
	ssv_test_send(test, "one\n");
	ssv_test_pass(test, 59 * 1000);
	ssv_test_send(test, "two\n");
	ssv_test_pass(test, 59 * 1000);
	ssv_test_expect(test, "one\ntwo\n");
	ssv_test_expect_nothing(test);
	ssv_test_pass(test, 3 * 1000);
	ssv_test_expect_result(test, -ETIMEDOUT);
	all_is_well();
}
END_TEST

START_TEST(who_does_not_read_is_given_up_in_time)
{
	begin_test(&flood);
	ssv_test_stop_reading(test);
	ssv_test_pass(test, 29 * 1000);
	ssv_test_pass(test, 2 * 1000);
	ssv_test_expect_result(test, -ETIMEDOUT);
	all_is_well();
}
END_TEST

START_TEST(an_endless_line_ends_at_the_limit)
{
	begin_test(&lines);
	ssv_test_send_endlessly(test, 'x', 1024 * 1024);
	ssv_test_expect_result(test, -EMSGSIZE);
	all_is_well();
}
END_TEST

START_TEST(a_connection_breaks_in_the_middle)
{
	begin_test(&lines);
	ssv_test_send(test, "one\ntw");
	ssv_test_expect(test, "one\n");
	ssv_test_reset(test);
	ssv_test_expect_result(test, -ECONNRESET);
	all_is_well();
}
END_TEST

START_TEST(after_a_failing_setup_nothing_else_runs)
{
	begin_test(&stillborn);
	ssv_test_expect_end(test);
	ssv_test_expect_methods(test, "setup");
	ssv_test_expect_result(test, -EIO);
	all_is_well();
}
END_TEST

START_TEST(the_client_and_what_handlers_share_are_the_tests_to_say)
{
	begin_test(&peer);
	ssv_test_set_client(test, "tcp://192.0.2.1:4711");
	ssv_test_server(test)->user = "somebody";
	ssv_test_expect(test, "tcp://192.0.2.1:4711 somebody\n");
	all_is_well();
}
END_TEST

static int refuse(struct ssv_layer *layer, struct ssv_request *request)
{
	(void)layer;
	(void)request;
	return 0;
}

START_TEST(layers_in_front_have_their_say)
{
	static const struct ssv_layer_ops refusing = {.verify_request = refuse};
	struct ssv_layer layer;

	begin_test(&peer);
	ssv_server_link(ssv_test_server(test), &layer, &refusing);
	ssv_test_expect_end(test);
	ssv_test_expect_methods(test, "");
	all_is_well();
}
END_TEST

static int closings;

static int refuse_to_bind(struct ssv_layer *layer)
{
	(void)layer;
	return -EACCES;
}

static int count_closing(struct ssv_layer *layer)
{
	closings++;
	return ssv_super_close(layer);
}

START_TEST(layers_in_front_are_bound_and_closed)
{
	static const struct ssv_layer_ops refusing = {.bind = refuse_to_bind};
	static const struct ssv_layer_ops counting = {.close = count_closing};
	struct ssv_admission_mixin admission;
	struct ssv_layer layer;

	begin_test(&peer);
	ssv_admission_mixin_init(&admission, ssv_test_server(test));
	admission.rate = 5;
	ssv_server_link(ssv_test_server(test), &layer, &counting);
	ssv_test_set_client(test, "tcp://192.0.2.1:4711");
	ssv_test_expect(test, "tcp://192.0.2.1:4711 nobody\n");
	all_is_well();
	ck_assert_int_eq(closings, 1);
	begin_test(&peer);
	ssv_server_link(ssv_test_server(test), &layer, &refusing);
	ssv_test_expect_end(test);
	it_says("step 1, expect_end: no pair of sockets: Permission denied");
}
END_TEST

START_TEST(datagrams_are_answered_one_by_one_or_not_at_all)
{
	begin_datagrams(&even);
	ssv_test_send(test, "four");
	ssv_test_send(test, "sixsix");
	ssv_test_expect(test, "four");
	ssv_test_expect(test, "sixsix");
	ssv_test_send(test, "1");
	ssv_test_expect_nothing(test);
	ssv_test_expect_result(test, 0);
	ssv_test_send(test, "3!!");
	ssv_test_expect_result(test, -EPROTO);
	ssv_test_expect_methods(test, "handle");
	ssv_test_send(test, "");
	ssv_test_expect(test, "");
	ssv_test_send(test, "read");
	ck_assert_str_eq(ssv_test_read(test), "read");
	all_is_well();
}
END_TEST

/* --- what it says when something is wrong --- */

START_TEST(what_differs_is_shown_and_what_follows_does_nothing)
{
	begin_test(&lines);
	ssv_test_send(test, "one\n");
	ssv_test_expect(test, "oNe\r\n");
	ssv_test_send(test, "two\n");
	ssv_test_expect(test, "never");
	ck_assert_str_eq(ssv_test_read(test), "");
	it_says("step 2, expect: expected \"oNe\\r\\n\" (5 bytes), got \"one\\n\" (4 bytes): "
		"byte 2 differs");
}
END_TEST

START_TEST(the_middle_of_what_is_long_is_left_out)
{
	char data[200];

	memset(data, 'x', sizeof(data));
	data[0] = '\0';
	data[199] = '\n';
	begin_test(&lines);
	ssv_test_send(test, "\n");
	ssv_test_expect_bytes(test, data, sizeof(data));
	it_says("step 2, expect: expected \"\\x00xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" … "
		"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\n\" (200 bytes), got \"\\n\" (1 bytes): "
		"byte 1 differs");
}
END_TEST

START_TEST(what_does_not_come_is_missed_in_time)
{
	begin_test(&lines);
	ssv_test_set_patience(test, 50);
	ssv_test_send(test, "one");
	ssv_test_expect(test, "one\n");
	it_says("step 2, expect: expected \"one\\n\" (4 bytes), got \"\" (0 bytes), "
		"and then the handler waits for input");
}
END_TEST

START_TEST(no_line_is_missed_in_time)
{
	begin_test(&echo_handler);
	ssv_test_set_patience(test, 50);
	ssv_test_send(test, "one");
	ck_assert_str_eq(ssv_test_read(test), "");
	it_says("step 2, read: no line, but \"one\" (3 bytes), and then the handler waits for "
		"input");
}
END_TEST

START_TEST(an_early_end_is_no_answer)
{
	begin_test(&peer);
	ssv_test_expect(test, "unix: nobody\nmore\n");
	it_says("step 1, expect: expected \"unix: nobody\\nmore\\n\" (18 bytes), "
		"got \"unix: nobody\\n\" (13 bytes), and then the handler has hung up");
}
END_TEST

START_TEST(what_nobody_expected_is_told_at_the_end)
{
	begin_test(&lines);
	ssv_test_send(test, "one\n");
	it_says("step 2, finish: expected \"\" (0 bytes), got \"one\\n\" (4 bytes)");
}
END_TEST

START_TEST(nothing_is_not_something)
{
	begin_test(&lines);
	ssv_test_send(test, "one\n");
	ssv_test_expect_nothing(test);
	it_says("step 2, expect_nothing: expected \"\" (0 bytes), got \"one\\n\" (4 bytes)");
}
END_TEST

START_TEST(an_end_that_does_not_come_is_missed)
{
	begin_test(&lines);
	ssv_test_set_patience(test, 50);
	ssv_test_expect_end(test);
	it_says("step 1, expect_end: after 50 ms the handler waits for input");
}
END_TEST

START_TEST(another_result_is_told)
{
	begin_test(&stillborn);
	ssv_test_expect_result(test, 0);
	it_says("step 1, expect_result: expected 0 (success), got -5 (Input/output error)");
}
END_TEST

START_TEST(other_methods_are_told)
{
	begin_test(&stillborn);
	ssv_test_expect_methods(test, "setup handle");
	it_says("step 1, expect_methods: expected \"setup handle\", got \"setup\"");
}
END_TEST

START_TEST(who_takes_everything_is_found_out)
{
	begin_test(&echo_handler);
	ssv_test_send_endlessly(test, 'x', 256 * 1024);
	it_says("step 1, send_endlessly: it still takes more after 262144 bytes");
}
END_TEST

START_TEST(who_hangs_up_does_not_take_more)
{
	begin_test(&peer);
	ssv_test_expect_end(test);
	ssv_test_send(test, "one\n");
	it_says("step 1, expect_end: expected \"\" (0 bytes), got \"unix: nobody\\n\" (13 bytes)");
	begin_test(&stillborn);
	ssv_test_expect_result(test, -EIO);
	ssv_test_send(test, "one\n");
	it_says("step 2, send: 0 of 4 bytes went, and then the handler hung up");
}
END_TEST

START_TEST(a_handler_that_hangs_fails_its_test)
{
	begin_test(&stuck);
	ssv_test_set_patience(test, 50);
	pthread_mutex_lock(&leash);
	ssv_test_expect(test, "ever");
	ck_assert_str_eq(ssv_test_finish(test),
		"step 1, expect: expected \"ever\" (4 bytes), got \"\" (0 bytes), "
		"and then the handler is busy, or waits for something else than its stream");
	pthread_mutex_unlock(&leash);
	ssv_test_free(test);
}
END_TEST

START_TEST(a_handler_that_never_ends_fails_its_test)
{
	begin_test(&stuck);
	ssv_test_set_patience(test, 50);
	pthread_mutex_lock(&leash);
	ck_assert_str_eq(ssv_test_finish(test),
		"step 1, finish: after 50 ms the handler is busy, or waits for something else than "
		"its stream");
	pthread_mutex_unlock(&leash);
	ssv_test_free(test);
}
END_TEST

static int end_thread(struct ssv_handler *handler)
{
	(void)handler;
	pthread_exit(NULL);
}

static const struct ssv_handler_ops suicidal = {.handle = end_thread};

START_TEST(a_handler_that_ends_its_thread_fails_its_test)
{
	begin_test(&suicidal);
	it_says("step 1, finish: the handler has ended its thread");
	begin_test(&suicidal);
	ssv_test_expect_end(test);
	it_says("step 1, expect_end: the handler has ended its thread");
	begin_datagrams(&suicidal);
	ssv_test_send(test, "one");
	it_says("step 2, finish: the handler has ended its thread");
}
END_TEST

START_TEST(a_reader_that_nobody_feeds_is_broken_off)
{
	begin_test(&lines);
	ssv_test_expect_nothing(test);
	ssv_test_free(test); /* without finish() */
	ssv_test_free(NULL);
}
END_TEST

START_TEST(a_silent_datagram_handler_is_told_of)
{
	begin_datagrams(&even);
	ssv_test_send(test, "1");
	ssv_test_expect(test, "1");
	it_says("step 2, expect: expected \"1\" (1 bytes), got \"\" (0 bytes), and then the "
		"handler "
		"has sent nothing");
}
END_TEST

START_TEST(what_is_for_streams_is_refused_on_datagrams)
{
	begin_datagrams(&even);
	ssv_test_half_close(test);
	it_says("step 1, half_close: this is for streams alone");
}
END_TEST

START_TEST(a_test_that_cannot_be_is_told_of)
{
	test = ssv_test_new(&lines, SSV_TCP);
	it_says("step 0, new: not a transport of tests: tcp; SSV_UNIX or SSV_UNIXGRAM");
	begin_test(&lines);
	ssv_test_set_client(test, "tcp://localhost:7");
	it_says("step 0, set_client: tcp://localhost:7: an address without a name, of a client on "
		"a stream");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testing");
	TCase *does = topic(suite, "what it does"), *says = topic(suite, "what it says");

	tcase_add_test(does, what_is_sent_is_answered_step_by_step);
	tcase_add_test(does, a_megabyte_comes_back_while_it_is_sent);
	tcase_add_test(does, an_hour_passes_in_no_time);
	tcase_add_test(does, a_deadline_comes_nearer_with_each_pause);
	tcase_add_test(does, who_does_not_read_is_given_up_in_time);
	tcase_add_test(does, an_endless_line_ends_at_the_limit);
	tcase_add_test(does, a_connection_breaks_in_the_middle);
	tcase_add_test(does, after_a_failing_setup_nothing_else_runs);
	tcase_add_test(does, the_client_and_what_handlers_share_are_the_tests_to_say);
	tcase_add_test(does, layers_in_front_have_their_say);
	tcase_add_test(does, layers_in_front_are_bound_and_closed);
	tcase_add_test(does, datagrams_are_answered_one_by_one_or_not_at_all);
	tcase_add_test(does, a_reader_that_nobody_feeds_is_broken_off);
	tcase_add_test(says, what_differs_is_shown_and_what_follows_does_nothing);
	tcase_add_test(says, the_middle_of_what_is_long_is_left_out);
	tcase_add_test(says, what_does_not_come_is_missed_in_time);
	tcase_add_test(says, no_line_is_missed_in_time);
	tcase_add_test(says, an_early_end_is_no_answer);
	tcase_add_test(says, what_nobody_expected_is_told_at_the_end);
	tcase_add_test(says, nothing_is_not_something);
	tcase_add_test(says, an_end_that_does_not_come_is_missed);
	tcase_add_test(says, another_result_is_told);
	tcase_add_test(says, other_methods_are_told);
	tcase_add_test(says, who_takes_everything_is_found_out);
	tcase_add_test(says, who_hangs_up_does_not_take_more);
	tcase_add_test(says, a_handler_that_hangs_fails_its_test);
	tcase_add_test(says, a_handler_that_never_ends_fails_its_test);
	tcase_add_test(says, a_handler_that_ends_its_thread_fails_its_test);
	tcase_add_test(says, a_silent_datagram_handler_is_told_of);
	tcase_add_test(says, what_is_for_streams_is_refused_on_datagrams);
	tcase_add_test(says, a_test_that_cannot_be_is_told_of);
	return run_suite(suite);
}
