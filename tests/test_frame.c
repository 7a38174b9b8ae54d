/* frame.h: messages stay apart, whatever the stream does to them. */
#include "stream.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB 1048576

/* --- two streams that are connected --- */

enum kind { TCP, UNIX, KINDS, MESSAGES = KINDS };

static struct ssv_stream ours, theirs;

static void tcp_pair(int pair[2])
{
	struct ssv_address at = address_of(ANYWHERE);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(listener, &at.socket.any, at.length), 0);
	ck_assert_int_eq(getsockname(listener, &at.socket.any, &at.length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(pair[1], &at.socket.any, at.length), 0);
	pair[0] = accept(listener, NULL, NULL);
	close(listener);
}

static void open_streams(int kind)
{
	const int type = kind == MESSAGES ? SOCK_SEQPACKET : SOCK_STREAM;
	int pair[2];

	if (kind == TCP)
		tcp_pair(pair);
	else
		ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	ssv_stream_open(&ours, pair[0], kind == TCP ? SSV_TCP : SSV_UNIX);
	ssv_stream_open(&theirs, pair[1], kind == TCP ? SSV_TCP : SSV_UNIX);
}

static void close_streams(void)
{
	ssv_stream_close(&ours);
	ssv_stream_close(&theirs);
}

/* The other side, as bytes. */
static void say(const void *data, size_t size)
{
	ck_assert_int_eq(ssv_stream_write(&theirs, data, size), (ssize_t)size);
}

static void say_text(const char *text)
{
	say(text, strlen(text));
}

static void hang_up(void)
{
	ssv_stream_close(&theirs);
}

static void expect_heard(const void *data, size_t size)
{
	char heard[256];

	ck_assert_uint_le(size, sizeof(heard));
	ck_assert_int_eq(ssv_stream_read_exact(&theirs, heard, size), (ssize_t)size);
	ck_assert_mem_eq(heard, data, size);
}

static void expect_silence(void)
{
	ck_assert_int_eq(ssv_stream_wait(&theirs, -1, 0), 0);
}

static void expect_frame(const void *expected, size_t size)
{
	char *data;
	size_t got;

	ck_assert_int_eq(ssv_frame_read(&ours, &data, &got), 1);
	ck_assert_uint_eq(got, size);
	ck_assert_msg(memcmp(data, expected, size) == 0, "damaged");
	ck_assert_int_eq(data[size], '\0');
}

static void expect_no_frame(int error)
{
	char *data;
	size_t size;

	ck_assert_int_eq(ssv_frame_read(&ours, &data, &size), error);
}

static void expect_delimited(const char *delimiter, const char *expected, size_t size)
{
	char *data;
	size_t got;

	ck_assert_int_eq(ssv_frame_read_delimited(&ours, delimiter, &data, &got), 1);
	ck_assert_uint_eq(got, size);
	ck_assert_mem_eq(data, expected, size);
	ck_assert_int_eq(data[size], '\0');
}

static void expect_no_delimited(const char *delimiter, int error)
{
	char *data;
	size_t size;

	ck_assert_int_eq(ssv_frame_read_delimited(&ours, delimiter, &data, &size), error);
}

static char *noise(size_t size, unsigned int seed)
{
	char *data = malloc(size + 1);

	ck_assert_ptr_nonnull(data);
	fill_with_noise(data, size, seed);
	return data;
}

/* --- with the length in front --- */

static const size_t sizes[] = {
	0, 1, 2, 4, 255, 256, 8187, 8188, 8189, 8192, 65535, 65536, MIB - 1, MIB};
#define SIZES LENGTH(sizes)

struct message {
	pthread_t thread;
	char *data;
	size_t size;
	ssize_t result[2];
};

static void *write_twice(void *context)
{
	struct message *message = context;
	int i;

	for (i = 0; i < 2; i++)
		message->result[i] = ssv_frame_write(&theirs, message->data, message->size);
	return NULL;
}

START_TEST(a_frame_of_any_size_comes_as_it_went)
{
	const size_t size = sizes[_i / KINDS];
	struct message message = {.data = noise(size, 1), .size = size};

	open_streams(_i % KINDS);
	ck_assert_int_eq(pthread_create(&message.thread, NULL, write_twice, &message), 0);
	expect_frame(message.data, size);
	expect_frame(message.data, size);
	pthread_join(message.thread, NULL);
	ck_assert_int_eq(message.result[0], (ssize_t)size);
	ck_assert_int_eq(message.result[1], (ssize_t)size);
	hang_up();
	expect_no_frame(0);
	expect_no_frame(0);
	close_streams();
	free(message.data);
}
END_TEST

START_TEST(a_frame_is_four_bytes_of_length_the_highest_first_and_its_bytes)
{
	char *data = noise(0x10203, 2);

	open_streams(_i);
	ck_assert_int_eq(ssv_frame_write(&ours, "hello", 5), 5);
	expect_heard("\0\0\0\5hello", 9);
	ck_assert_int_eq(ssv_frame_write(&ours, NULL, 0), 0);
	expect_heard("\0\0\0\0", 4);
	ck_assert_int_eq(ssv_frame_write(&ours, data, 0x10203), 0x10203);
	expect_heard("\0\1\2\3", 4);
	close_streams();
	free(data);
}
END_TEST

START_TEST(a_frame_leaves_in_one_piece)
{
	char got[100];

	open_streams(MESSAGES);
	ck_assert_int_eq(ssv_frame_write(&ours, "whole", 5), 5);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "line", 4, "\r\n"), 4);
	ck_assert_int_eq(recv(theirs.fd, got, sizeof(got), 0), 9);
	ck_assert_int_eq(recv(theirs.fd, got, sizeof(got), 0), 6);
	close_streams();
}
END_TEST

START_TEST(frames_are_gathered_by_a_write_buffer)
{
	open_streams(_i);
	ssv_stream_set_write_buffer(&theirs, 1000);
	ck_assert_int_eq(ssv_frame_write(&theirs, "one", 3), 3);
	ck_assert_int_eq(ssv_frame_write(&theirs, "", 0), 0);
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), 0);
	ck_assert_int_eq(ssv_stream_flush(&theirs), 0);
	expect_frame("one", 3);
	expect_frame("", 0);
	close_streams();
}
END_TEST

START_TEST(many_frames_in_one_segment_come_one_by_one)
{
	const char text[] = "\0\0\0\3one\0\0\0\0\0\0\0\0\0\0\0\3two\0\0\0\1\0\0\0\0\4\0\0\0\1";

	open_streams(_i);
	say(text, sizeof(text) - 1);
	expect_frame("one", 3);
	expect_frame("", 0);
	expect_frame("", 0);
	expect_frame("two", 3);
	expect_frame("\0", 1);
	expect_frame("\0\0\0\1", 4);
	hang_up();
	expect_no_frame(0);
	close_streams();
}
END_TEST

START_TEST(a_thousand_frames_come_in_order)
{
	char frame[1000];
	size_t i;

	open_streams(UNIX);
	memset(frame, 'x', sizeof(frame));
	for (i = 0; i < 1000; i++) {
		ck_assert_int_eq(ssv_frame_write(&theirs, frame, i), (ssize_t)i);
		if (i % 20 == 19) { /* what 20 frames hold is in flight, and in the buffer */
			size_t j;

			for (j = i - 19; j <= i; j++)
				expect_frame(frame, j);
		}
	}
	close_streams();
}
END_TEST

START_TEST(a_frame_that_dribbles_comes_whole)
{
	static const char text[] = "\0\0\0\5hello\0\0\0\2yo";
	size_t i;

	open_streams(_i);
	for (i = 0; i < sizeof(text) - 1; i++) {
		ours.limits.timeout = 0;
		if (i != 9)
			expect_no_frame(-ETIMEDOUT); /* what has come is kept */
		say(text + i, 1);
		ours.limits.timeout = SSV_FOREVER;
		if (i == 8)
			expect_frame("hello", 5);
	}
	expect_frame("yo", 2);
	close_streams();
}
END_TEST

START_TEST(a_frame_is_the_callers_to_change)
{
	char *data;
	size_t size;

	open_streams(_i);
	say("\0\0\0\5first\0\0\0\6second", 19);
	ck_assert_int_eq(ssv_frame_read(&ours, &data, &size), 1);
	memset(data, 0xff, size);
	expect_frame("second", 6);
	close_streams();
}
END_TEST

START_TEST(frames_and_lines_and_bytes_may_be_mixed)
{
	const char text[] = "line\n\0\0\0\5frameabc\0\0\0\0message;rest\n";
	char data[4] = "", *line;

	open_streams(_i);
	say(text, sizeof(text) - 1);
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), 5);
	expect_frame("frame", 5);
	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 3), 3);
	ck_assert_str_eq(data, "abc");
	expect_frame("", 0);
	expect_delimited(";", "message", 7);
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), 5);
	ck_assert_str_eq(line, "rest\n");
	close_streams();
}
END_TEST

START_TEST(a_frame_may_be_as_long_as_max_frame_and_no_longer)
{
	char data[101] = "";

	open_streams(_i);
	ours.limits.max_frame = theirs.limits.max_frame = 100;
	ck_assert_int_eq(ssv_frame_write(&theirs, data, 101), -EMSGSIZE);
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), 0); /* and nothing of it was sent */
	ck_assert_int_eq(ssv_frame_write(&theirs, data, 100), 100);
	expect_frame(data, 100);
	theirs.limits.max_frame = 101;
	ck_assert_int_eq(ssv_frame_write(&theirs, data, 101), 101);
	expect_no_frame(-EMSGSIZE);
	close_streams();
}
END_TEST

START_TEST(a_length_above_max_frame_costs_no_memory)
{
	static const char *const lengths[] = {"\377\377\377\377", "\200\0\0\0", "\0\20\0\1"};

	open_streams(UNIX);
	say("\0\0\0\0", 4);
	expect_frame("", 0);
	say(lengths[_i], 4);
	expect_no_frame(-EMSGSIZE);
	expect_no_frame(-EMSGSIZE);
	ck_assert_uint_lt(ours.in.size, 20000);
	close_streams();
}
END_TEST

/* Memory is spent on what has come, not on what was announced. */
START_TEST(an_announced_frame_costs_no_memory_before_it_comes)
{
	open_streams(UNIX);
	ours.limits.max_frame = SIZE_MAX;
	ours.limits.timeout = 0;
	say("\377\377\377\377some", 8);
	expect_no_frame(-ETIMEDOUT);
	ck_assert_uint_lt(ours.in.size, 40000);
	hang_up();
	expect_no_frame(-EPROTO);
	close_streams();
}
END_TEST

START_TEST(a_frame_longer_than_its_length_can_say_is_refused)
{
	open_streams(UNIX);
	ours.limits.max_frame = SIZE_MAX;
	ck_assert_int_eq(ssv_frame_write(&ours, "", (size_t)UINT32_MAX + 1), -EMSGSIZE);
	expect_silence();
	close_streams();
}
END_TEST

START_TEST(the_end_within_a_frame_is_an_error)
{
	static const char text[] = "\0\0\0\1x\0\0\0\3two";
	const size_t size = (size_t)(_i / KINDS);

	open_streams(_i % KINDS);
	say(text, size);
	hang_up();
	if (size >= 5)
		expect_frame("x", 1);
	expect_no_frame(size == 0 || size == 5 ? 0 : -EPROTO);
	close_streams();
}
END_TEST

START_TEST(a_reset_is_an_error_of_reading_a_frame)
{
	const struct linger at_once = {.l_onoff = 1};

	open_streams(_i);
	ck_assert_int_eq(ssv_frame_write(&ours, "unread", 6), 6);
	say("\0\0\0\5he", 6);
	ck_assert_int_eq(ssv_stream_gather(&ours, 6), 1);
	setsockopt(theirs.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	hang_up();
	expect_no_frame(-ECONNRESET);
	close_streams();
}
END_TEST

START_TEST(a_frame_ends_at_the_deadline)
{
	open_streams(_i);
	set_clock(1000);
	ssv_stream_set_deadline(&ours, 100);
	say("\0\0\0\5hello", 9);
	set_clock(1100);
	expect_no_frame(-ETIMEDOUT);
	ck_assert_int_eq(ssv_frame_write(&ours, "x", 1), -ETIMEDOUT);
	ssv_stream_set_deadline(&ours, SSV_FOREVER);
	expect_frame("hello", 5);
	close_streams();
}
END_TEST

/* --- with a delimiter behind --- */

static const char *const delimiters[] = {"\n", "\r\n", "--", "aab", "abab",
	"0123456789abcdef0123456789abcdef" /* 32: the longest */};
#define DELIMITERS LENGTH(delimiters)

START_TEST(delimited_messages_come_as_they_went)
{
	const char *delimiter = delimiters[_i];

	open_streams(UNIX);
	ck_assert_int_eq(ssv_frame_write_delimited(&theirs, "one", 3, delimiter), 3);
	ck_assert_int_eq(ssv_frame_write_delimited(&theirs, "", 0, delimiter), 0);
	ck_assert_int_eq(ssv_frame_write_delimited(&theirs, NULL, 0, delimiter), 0);
	ck_assert_int_eq(ssv_frame_write_delimited(&theirs, "t\0wo", 4, delimiter), 4);
	hang_up();
	expect_delimited(delimiter, "one", 3);
	expect_delimited(delimiter, "", 0);
	expect_delimited(delimiter, "", 0);
	expect_delimited(delimiter, "t\0wo", 4);
	expect_no_delimited(delimiter, 0);
	expect_no_delimited(delimiter, 0);
	close_streams();
}
END_TEST

START_TEST(a_delimited_message_goes_as_it_is)
{
	open_streams(_i);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "message", 7, ";;"), 7);
	expect_heard("message;;", 9);
	close_streams();
}
END_TEST

START_TEST(a_delimiter_may_come_in_pieces)
{
	open_streams(_i);
	ours.limits.timeout = 0;
	say_text("first-");
	expect_no_delimited("--", -ETIMEDOUT);
	say_text("-second-");
	ours.limits.timeout = SSV_FOREVER;
	expect_delimited("--", "first", 5);
	say_text("third--");
	expect_delimited("--", "second-third", 12);
	close_streams();
}
END_TEST

START_TEST(a_delimited_message_is_the_callers_to_change)
{
	char *data;
	size_t size;

	open_streams(_i);
	say_text("first\nsecond\n");
	ck_assert_int_eq(ssv_frame_read_delimited(&ours, "\n", &data, &size), 1);
	memset(data, '\n', size + 1); /* with the NUL */
	expect_delimited("\n", "second", 6);
	close_streams();
}
END_TEST

START_TEST(the_end_before_the_delimiter_is_an_error)
{
	open_streams(_i);
	say_text("whole--half-");
	hang_up();
	expect_delimited("--", "whole", 5);
	expect_no_delimited("--", -EPROTO);
	expect_no_delimited("--", 0);
	close_streams();
}
END_TEST

START_TEST(less_than_a_delimiter_at_the_end_is_an_error)
{
	open_streams(_i);
	say_text("-");
	hang_up();
	expect_no_delimited("--", -EPROTO);
	close_streams();
}
END_TEST

START_TEST(a_message_that_holds_the_delimiter_is_refused)
{
	open_streams(_i);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "a\nb", 3, "\n"), -EINVAL);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "\n", 1, "\n"), -EINVAL);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "ab", 2, "bb"), -EINVAL);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "--", 2, "--"), -EINVAL);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "-", 1, "--"), -EINVAL);
	expect_silence();
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "ba", 2, "bb"), 2);
	expect_heard("babb", 4);
	close_streams();
}
END_TEST

/* Letter number `i` of the text with this number: the texts of a and b of each length. */
static void spell(char *text, size_t length, unsigned int number)
{
	size_t i;

	for (i = 0; i < length; i++)
		text[i] = number >> i & 1 ? 'b' : 'a';
	text[length] = '\0';
}

/* Refused exactly where a reader would be misled, else read back. */
static void expect_right_or_refused(const char *message, const char *delimiter)
{
	size_t size = strlen(message);
	char wire[32];
	ssize_t n = ssv_frame_write_delimited(&theirs, message, size, delimiter);

	snprintf(wire, sizeof(wire), "%s%s", message, delimiter);
	if (strstr(wire, delimiter) < wire + size) {
		ck_assert_int_eq(n, -EINVAL);
		return;
	}
	ck_assert_int_eq(n, (ssize_t)size);
	expect_delimited(delimiter, message, size);
}

START_TEST(no_message_can_mislead_the_reader)
{
	const size_t length = (size_t)_i; /* of the delimiter */
	char message[16], delimiter[16];
	unsigned int d, m;
	size_t size;

	open_streams(UNIX);
	for (d = 0; d < 1U << length; d++) {
		spell(delimiter, length, d);
		for (size = 0; size <= 6; size++) {
			for (m = 0; m < 1U << size; m++) {
				spell(message, size, m);
				expect_right_or_refused(message, delimiter);
			}
		}
	}
	close_streams();
}
END_TEST

START_TEST(a_delimiter_has_1_to_32_bytes)
{
	open_streams(_i);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "x", 1, ""), -EINVAL);
	ck_assert_int_eq(ssv_frame_write_delimited(&ours, "", 0, ""), -EINVAL);
	ck_assert_int_eq(
		ssv_frame_write_delimited(&ours, "x", 1, "0123456789abcdef0123456789abcdefg"),
		-EINVAL);
	expect_no_delimited("", -EINVAL);
	expect_silence();
	close_streams();
}
END_TEST

START_TEST(a_delimited_message_may_be_as_long_as_max_line_and_no_longer)
{
	open_streams(_i);
	ours.limits.max_line = theirs.limits.max_line = 8;
	ck_assert_int_eq(ssv_frame_write_delimited(&theirs, "1234567", 7, ";;"), -EMSGSIZE);
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), 0);
	ck_assert_int_eq(ssv_frame_write_delimited(&theirs, "123456", 6, ";;"), 6);
	expect_delimited(";;", "123456", 6);
	say_text("1234567;;");
	expect_no_delimited(";;", -EMSGSIZE);
	close_streams();
}
END_TEST

#define ADD(test) tcase_add_test(tcase, test)
#define ADD_KINDS(test) tcase_add_loop_test(tcase, test, 0, KINDS)
#define ADD_LOOP(test, count) tcase_add_loop_test(tcase, test, 0, (int)(count))

static void add_prefixed(TCase *tcase)
{
	ADD_LOOP(a_frame_of_any_size_comes_as_it_went, SIZES * KINDS);
	ADD_KINDS(a_frame_is_four_bytes_of_length_the_highest_first_and_its_bytes);
	ADD(a_frame_leaves_in_one_piece);
	ADD_KINDS(frames_are_gathered_by_a_write_buffer);
	ADD_KINDS(many_frames_in_one_segment_come_one_by_one);
	ADD(a_thousand_frames_come_in_order);
	ADD_KINDS(a_frame_that_dribbles_comes_whole);
	ADD_KINDS(a_frame_is_the_callers_to_change);
	ADD_KINDS(frames_and_lines_and_bytes_may_be_mixed);
	ADD_KINDS(a_frame_may_be_as_long_as_max_frame_and_no_longer);
	ADD_LOOP(a_length_above_max_frame_costs_no_memory, 3);
	ADD(an_announced_frame_costs_no_memory_before_it_comes);
	ADD(a_frame_longer_than_its_length_can_say_is_refused);
	ADD_LOOP(the_end_within_a_frame_is_an_error, 12 * KINDS);
	ADD_KINDS(a_reset_is_an_error_of_reading_a_frame);
	ADD_KINDS(a_frame_ends_at_the_deadline);
}

static void add_delimited(TCase *tcase)
{
	ADD_LOOP(delimited_messages_come_as_they_went, DELIMITERS);
	ADD_KINDS(a_delimited_message_goes_as_it_is);
	ADD_KINDS(a_delimiter_may_come_in_pieces);
	ADD_KINDS(a_delimited_message_is_the_callers_to_change);
	ADD_KINDS(the_end_before_the_delimiter_is_an_error);
	ADD_KINDS(less_than_a_delimiter_at_the_end_is_an_error);
	ADD_KINDS(a_message_that_holds_the_delimiter_is_refused);
	tcase_add_loop_test(tcase, no_message_can_mislead_the_reader, 1, 5);
	ADD_KINDS(a_delimiter_has_1_to_32_bytes);
	ADD_KINDS(a_delimited_message_may_be_as_long_as_max_line_and_no_longer);
}

int main(void)
{
	Suite *suite = suite_create("frame");

	add_prefixed(topic(suite, "prefixed"));
	add_delimited(topic(suite, "delimited"));
	return run_suite(suite);
}
