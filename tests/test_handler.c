/* handler.h, stream_handler.h: in which order a handler's methods run, and what each failure does.
 */
#include "support.h"

#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* What happens, as text: each method adds its letter. A capital letter is a method that fails. */
static char story[64];
static int setup_result, handle_result, finish_result;

static int tell(char letter, int result)
{
	story[strlen(story)] = result < 0 ? (char)(letter - 'a' + 'A') : letter;
	return result;
}

struct telling {
	struct ssv_handler base;
	char scratch[100];
};

static int telling_setup(struct ssv_handler *handler)
{
	struct telling *telling = ssv_container_of(handler, struct telling, base);

	ck_assert_int_eq(telling->scratch[0], 0);
	ck_assert_int_eq(telling->scratch[99], 0);
	memset(telling->scratch, 'x', sizeof(telling->scratch));
	ck_assert_ptr_eq(handler->server, handler->request->server);
	ck_assert_ptr_nonnull(handler->request->stream);
	return tell('s', setup_result);
}

static int telling_handle(struct ssv_handler *handler)
{
	(void)handler;
	return tell('h', handle_result);
}

static int telling_finish(struct ssv_handler *handler)
{
	(void)handler;
	return tell('f', finish_result);
}

static const struct ssv_handler_ops telling_handler = {
	.size = sizeof(struct telling),
	.setup = telling_setup,
	.handle = telling_handle,
	.finish = telling_finish,
};

static int base_setup_result, base_finish_result;

static int base_setup(struct ssv_handler *handler)
{
	(void)handler;
	return tell('b', base_setup_result);
}

static int base_finish(struct ssv_handler *handler)
{
	(void)handler;
	return tell('e', base_finish_result);
}

static const struct ssv_handler_ops telling_base = {.setup = base_setup, .finish = base_finish};

/* A layer that notes what handle_error() is told. */
static int told_count, told_error;
static const char *told_stage;

static void hear(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	(void)layer;
	told_count++;
	told_error = error;
	told_stage = request->stage;
}

static const struct ssv_layer_ops hearing_ops = {.handle_error = hear};

static struct ssv_server server;
static struct ssv_layer hearing;
static struct ssv_request request;
static int peer;

static void open_request(void)
{
	struct ssv_address at = address_of(ANYWHERE);
	int pair[2];

	ssv_server_init(&server, &at, &telling_handler);
	ssv_server_link(&server, &hearing, &hearing_ops);
	ssv_request_init(&request, &server);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ssv_request_open(&request, pair[0], SSV_UNIX, NULL, 0);
	peer = pair[1];
}

static void close_request(void)
{
	ssv_request_free(&request);
	close(peer);
}

static const struct {
	int base_setup, setup, handle, finish, base_finish;
	const char *story, *stage;
	int result, told;
} cases[] = {
	{0, 0, 0, 0, 0, "bshfe", NULL, 0, 0},
	{0, 0, 42, 7, 0, "bshfe", NULL, 0, 0},
	{-EIO, 0, 0, 0, 0, "B", "setup", -EIO, 0},
	{0, -EIO, 0, 0, 0, "bSe", "setup", -EIO, 0},
	{0, 0, -EIO, 0, 0, "bsHfe", "handle", -EIO, 0},
	{0, 0, 0, -EIO, 0, "bshFe", "finish", -EIO, 0},
	{0, 0, 0, 0, -EIO, "bshfE", "finish", -EIO, 0},
	{0, 0, -EIO, -EPROTO, 0, "bsHFe", "finish", -EPROTO, -EIO},
	{0, 0, -EIO, 0, -EPIPE, "bsHfE", "handle", -EIO, 0},
	{0, 0, SSV_EXIT, 0, 0, "bsHfe", "handle", SSV_EXIT, 0},
	{0, 0, SSV_EXIT, -EIO, 0, "bsHFe", "handle", SSV_EXIT, -EIO},
	{0, 0, -EIO, SSV_EXIT, 0, "bsHFe", "finish", SSV_EXIT, -EIO},
	{0, SSV_EXIT, 0, 0, 0, "bSe", "setup", SSV_EXIT, 0},
};

START_TEST(each_method_runs_in_its_turn_and_each_failure_ends_only_what_it_must)
{
	base_setup_result = cases[_i].base_setup;
	setup_result = cases[_i].setup;
	handle_result = cases[_i].handle;
	finish_result = cases[_i].finish;
	base_finish_result = cases[_i].base_finish;

	ck_assert_int_eq(
		ssv_handler_run(&telling_handler, &telling_base, &request), cases[_i].result);
	ck_assert_str_eq(story, cases[_i].story);
	ck_assert_int_eq(told_count, cases[_i].told != 0);
	ck_assert_int_eq(told_error, cases[_i].told);
	if (cases[_i].stage != NULL)
		ck_assert_str_eq(request.stage, cases[_i].stage);
	if (cases[_i].told != 0)
		ck_assert_str_ne(told_stage, request.stage);
	ck_assert_ptr_nonnull(request.stream);
}
END_TEST

START_TEST(an_instance_is_zeroed_also_when_its_memory_is_used_again)
{
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(ssv_handler_run(&telling_handler, &telling_base, &request), 0);
	ck_assert_str_eq(story, "bshfebshfebshfe");
}
END_TEST

static int plain_handle(struct ssv_handler *handler)
{
	return (int)ssv_stream_write(handler->request->stream, "plain", 5);
}

START_TEST(a_handler_needs_no_more_than_handle)
{
	static const struct ssv_handler_ops plain = {.handle = plain_handle}, none = {0};

	ck_assert_int_eq(ssv_handler_run(&plain, &ssv_stream_handler, &request), 0);
	ck_assert_int_eq(ssv_handler_run(&none, &ssv_stream_handler, &request), 0);
	ask(peer, "", "plain");
}
END_TEST

static int gather_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char byte;

	ck_assert_int_eq(ssv_stream_write(stream, "one ", 4), 4);
	ck_assert_int_eq(ssv_stream_write(stream, "two", 3), 3);
	ck_assert_int_eq(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(stream->limits.timeout, 250);
	return -EIO;
}

START_TEST(the_class_attributes_take_effect_and_what_was_written_is_flushed_after_an_error_too)
{
	static const struct ssv_handler_ops gathering = {
		.handle = gather_handle,
		.timeout = 250,
		.wbufsize = 100,
		.disable_nagle_algorithm = true, /* no TCP here: no effect, and no error */
	};

	ck_assert_int_eq(ssv_handler_run(&gathering, &ssv_stream_handler, &request), -EIO);
	ask(peer, "", "one two");
}
END_TEST

static int unread_handle(struct ssv_handler *handler)
{
	char byte, *line;

	ck_assert_int_eq(handler->request->stream->limits.timeout, SSV_FOREVER);
	ck_assert_int_eq(ssv_stream_readline(handler->request->stream, &line), 4);
	ck_assert_str_eq(line, "one\n");
	ck_assert_int_eq(recv(ssv_stream_fileno(handler->request->stream), &byte, 1, MSG_PEEK), 1);
	ck_assert_int_eq(byte, 't');
	return 0;
}

START_TEST(rbufsize_1_never_reads_ahead_and_timeout_forever_overrules_the_servers)
{
	static const struct ssv_handler_ops unread = {
		.handle = unread_handle,
		.rbufsize = 1,
		.timeout = SSV_FOREVER,
	};

	request.stream->limits.timeout = 10;
	ask(peer, "one\ntwo\n", "");
	ck_assert_int_eq(ssv_handler_run(&unread, &ssv_stream_handler, &request), 0);
}
END_TEST

static int value_of_nodelay;

static int nodelay_handle(struct ssv_handler *handler)
{
	socklen_t size = sizeof(value_of_nodelay);

	return getsockopt(ssv_stream_fileno(handler->request->stream), IPPROTO_TCP, TCP_NODELAY,
		&value_of_nodelay, &size);
}

START_TEST(nagles_algorithm_can_be_turned_off)
{
	static const struct ssv_handler_ops hasty = {
		.handle = nodelay_handle,
		.disable_nagle_algorithm = true,
	};
	struct ssv_address at = address_of(ANYWHERE);
	struct ssv_tcp_server tcp;
	int client;

	ssv_tcp_server_init(&tcp, &at, &hasty);
	ck_assert_int_eq(ssv_server_open(&tcp.base), 0);
	client = connect_to(&tcp.base);
	ck_assert_int_eq(ssv_server_handle_request(&tcp.base), 1);
	ck_assert_int_eq(value_of_nodelay, 1);
	ck_assert_int_eq(ssv_server_close(&tcp.base), 0);
	close(client);
}
END_TEST

START_TEST(and_on_again_by_the_class_that_takes_its_place)
{
	static const struct ssv_handler_ops of_each[] = {
		{.handle = nodelay_handle, .disable_nagle_algorithm = true},
		{.handle = nodelay_handle},
	};
	struct ssv_address at = address_of(ANYWHERE);
	struct ssv_tcp_server tcp;
	int client;

	ssv_tcp_server_init(&tcp, &at, &of_each[_i]);
	ck_assert_int_eq(ssv_server_open(&tcp.base), 0);
	for (int i = 0; i < 4; i++) {
		tcp.base.handler = &of_each[i % 2];
		client = connect_to(&tcp.base);
		ck_assert_int_eq(ssv_server_handle_request(&tcp.base), 1);
		ck_assert_int_eq(value_of_nodelay, i % 2 == 0);
		close(client);
	}
	ck_assert_int_eq(ssv_server_close(&tcp.base), 0);
}
END_TEST

START_TEST(a_request_that_is_moved_belongs_to_the_new_owner_alone)
{
	struct ssv_request moved;
	static const struct ssv_handler_ops plain = {.handle = plain_handle};

	ssv_request_init(&moved, &server);
	ssv_request_move(&moved, &request);
	ck_assert_ptr_null(request.stream);
	ck_assert_ptr_eq(moved.stream, &moved.socket);
	ck_assert_ptr_eq(server.live, &moved);
	ck_assert_ptr_null(moved.next);
	ssv_request_close(&request);
	ck_assert_int_eq(ssv_handler_run(&plain, &ssv_stream_handler, &moved), 0);
	ask(peer, "", "plain");
	ssv_request_free(&moved);
	expect_end(peer);
	ck_assert_ptr_null(server.live);
}
END_TEST

static bool looked_enough;

static void *move_to_and_fro(void *context)
{
	struct ssv_request *other = context;

	while (!__atomic_load_n(&looked_enough, __ATOMIC_SEQ_CST)) {
		ssv_request_move(other, &request);
		ssv_request_move(&request, other);
	}
	return NULL;
}

START_TEST(a_request_that_is_moved_is_open_all_the_while)
{
	struct ssv_counters counters;
	struct ssv_request other;
	pthread_t mover;

	ssv_request_init(&other, &server);
	ck_assert_int_eq(pthread_create(&mover, NULL, move_to_and_fro, &other), 0);
	for (int i = 0; i < 200000; i++) {
		ssv_server_counters(&server, &counters);
		ck_assert_uint_eq(counters.active, 1);
	}
	__atomic_store_n(&looked_enough, true, __ATOMIC_SEQ_CST);
	pthread_join(mover, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handler");
	TCase *tcase = topic(suite, "handler");

	tcase_add_checked_fixture(tcase, open_request, close_request);
	FOR_EACH(
		tcase, each_method_runs_in_its_turn_and_each_failure_ends_only_what_it_must, cases);
	tcase_add_test(tcase, an_instance_is_zeroed_also_when_its_memory_is_used_again);
	tcase_add_test(tcase, a_handler_needs_no_more_than_handle);
	tcase_add_test(tcase,
		the_class_attributes_take_effect_and_what_was_written_is_flushed_after_an_error_too);
	tcase_add_test(
		tcase, rbufsize_1_never_reads_ahead_and_timeout_forever_overrules_the_servers);
	tcase_add_test(tcase, nagles_algorithm_can_be_turned_off);
	tcase_add_loop_test(tcase, and_on_again_by_the_class_that_takes_its_place, 0, 2);
	tcase_add_test(tcase, a_request_that_is_moved_belongs_to_the_new_owner_alone);
	tcase_add_test(tcase, a_request_that_is_moved_is_open_all_the_while);
	return run_suite(suite);
}
