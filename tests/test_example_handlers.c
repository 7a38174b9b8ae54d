/* The handlers to copy from, each under its peers, by the test kit. */
#include "../handlers/handlers.h"
#include "support.h"

#include <socketserver/testing.h>
#include <stdlib.h>
#include <string.h>

static struct ssv_test *test;
static void *state;
static const struct ssv_handler_descriptor *served;

/* With its state open, as the program has it. */
static void begin_test(
	const struct ssv_handler_descriptor *descriptor, enum ssv_transport transport)
{
	const bool is_packet = !ssv_transport_is_stream(transport);
	const char *error;

	served = descriptor;
	state = calloc(1, descriptor->state_size + 1);
	ck_assert_ptr_nonnull(state);
	if (descriptor->open != NULL)
		ck_assert_int_eq(descriptor->open(state, NULL, 0, &error), 0);
	test = ssv_test_new(is_packet && descriptor->datagram_ops != NULL ? descriptor->datagram_ops
									  : descriptor->ops,
		transport);
	ssv_test_server(test)->user = state;
}

static void all_is_well(void)
{
	const char *wrong = ssv_test_finish(test);

	ck_assert_msg(wrong == NULL, "%s: %s", served->name, wrong);
	ssv_test_free(test);
	if (served->close != NULL)
		served->close(state);
	free(state);
}

static const struct {
	const struct ssv_handler_descriptor *descriptor;
	const char *question, *answer;
} dialogues[] = {
	{&echo_descriptor, "one two\n", "one two\n"},
	{&upper_descriptor, "one \xc3\xa9 2\n", "ONE \xc3\xa9 2\n"},
	{&clock_descriptor, "%%\n", "%\n"},
};

START_TEST(each_answers_what_it_is_asked)
{
	begin_test(dialogues[_i].descriptor, SSV_UNIX);
	ssv_test_send(test, dialogues[_i].question);
	ssv_test_expect(test, dialogues[_i].answer);
	ssv_test_half_close(test);
	ssv_test_expect_end(test);
	ssv_test_expect_result(test, 0);
	all_is_well();
}
END_TEST

/* It may answer what it has, or wait for a whole line: that changes no byte. */
START_TEST(each_answers_whom_it_has_to_wait_for)
{
	begin_test(dialogues[_i].descriptor, SSV_UNIX);
	ssv_test_send_slowly(test, dialogues[_i].question, 60 * 60 * 1000);
	ssv_test_expect(test, dialogues[_i].answer);
	all_is_well();
}
END_TEST

START_TEST(each_ends_when_the_connection_breaks)
{
	begin_test(dialogues[_i].descriptor, SSV_UNIX);
	ssv_test_expect_nothing(test); /* it reads: in a write it would be -EPIPE */
	ssv_test_reset(test);
	ssv_test_expect_result(test, -ECONNRESET);
	all_is_well();
}
END_TEST

START_TEST(each_gives_up_who_says_nothing_when_the_server_says_so)
{
	begin_test(dialogues[_i].descriptor, SSV_UNIX);
	ssv_test_server(test)->limits.timeout = 300 * 1000;
	ssv_test_pass(test, 299 * 1000);
	ssv_test_expect_nothing(test);
	ssv_test_pass(test, 1000);
	ssv_test_expect_end(test);
	ssv_test_expect_result(test, -ETIMEDOUT);
	all_is_well();
}
END_TEST

START_TEST(each_answers_a_datagram_with_one)
{
	begin_test(dialogues[_i].descriptor, SSV_UNIXGRAM);
	ssv_test_send_bytes(test, dialogues[_i].question, strlen(dialogues[_i].question) - 1);
	ssv_test_expect_bytes(test, dialogues[_i].answer, strlen(dialogues[_i].answer) - 1);
	all_is_well();
}
END_TEST

static const struct ssv_handler_descriptor *const copying[] = {&echo_descriptor, &upper_descriptor};

START_TEST(who_sends_and_never_reads_costs_a_server_no_more_than_a_time_out)
{
	begin_test(copying[_i], SSV_UNIX);
	ssv_test_stop_reading(test);
	ssv_test_send_bytes(test, (char[65536]){0}, 65536);
	ssv_test_pass(test, 31 * 1000);
	ssv_test_expect_result(test, -ETIMEDOUT);
	all_is_well();
}
END_TEST

START_TEST(echo_and_upper_answer_an_empty_datagram)
{
	begin_test(copying[_i], SSV_UNIXGRAM);
	ssv_test_send(test, "");
	ssv_test_expect(test, "");
	all_is_well();
}
END_TEST

START_TEST(welcome_speaks_first_and_hangs_up)
{
	begin_test(&welcome_descriptor, SSV_UNIX);
	ssv_test_expect(test, "welcome to socketserver!\r\n");
	ssv_test_expect_end(test);
	ssv_test_expect_methods(test, "handle");
	all_is_well();
}
END_TEST

START_TEST(timestamp_puts_the_time_in_front)
{
	char *text = NULL;

	begin_test(&timestamp_descriptor, _i == 0 ? SSV_UNIX : SSV_UNIXGRAM);
	ssv_test_send(test, "hello\n");
	text = strdup(ssv_test_read(test));
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), strlen("[Sat Nov 21 01:33:14 2026] hello\n"));
	ck_assert_str_eq(text + strlen("[Sat Nov 21 01:33:14 2026"), "] hello\n");
	free(text);
	all_is_well();
}
END_TEST

START_TEST(clock_throws_an_endless_line_away_and_answers_the_next)
{
	char line[4096];

	memset(line, 'x', sizeof(line));
	begin_test(&clock_descriptor, SSV_UNIX);
	ssv_test_send_bytes(test, line, sizeof(line));
	ssv_test_expect_nothing(test);
	ssv_test_send(test, "%%\n%%\n");
	ssv_test_expect(test, "%\n");
	all_is_well();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("example_handlers");
	TCase *tcase = topic(suite, "example handlers");

	FOR_EACH(tcase, each_answers_what_it_is_asked, dialogues);
	FOR_EACH(tcase, each_answers_whom_it_has_to_wait_for, dialogues);
	FOR_EACH(tcase, each_ends_when_the_connection_breaks, dialogues);
	FOR_EACH(tcase, each_gives_up_who_says_nothing_when_the_server_says_so, dialogues);
	FOR_EACH(tcase, each_answers_a_datagram_with_one, dialogues);
	FOR_EACH(tcase, who_sends_and_never_reads_costs_a_server_no_more_than_a_time_out, copying);
	FOR_EACH(tcase, echo_and_upper_answer_an_empty_datagram, copying);
	tcase_add_test(tcase, welcome_speaks_first_and_hangs_up);
	tcase_add_loop_test(tcase, timestamp_puts_the_time_in_front, 0, 2);
	tcase_add_test(tcase, clock_throws_an_endless_line_away_and_answers_the_next);
	return run_suite(suite);
}
