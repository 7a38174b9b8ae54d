/* Whole handlers over a pair of sockets: all of what goes in is answered as it should be. The time
 * stands still (the linker puts __wrap_time() in the place of time()). */
#include "../../handlers/clock_format.h"
#include "../../handlers/handlers.h"
#include "../../handlers/room.h"
#include "fuzz.h"

#include <ctype.h>
#include <socketserver/testing.h>
#include <string.h>
#include <unistd.h>

#define NOW 1795224794 /* Sat Nov 21 01:33:14 2026 UTC */
#define MAX_INPUT 4096
#define MAX_LINES 200 /* each may become a write of its own: so many go into a socket */
#define MAX_CLOCK_LINE 128

time_t __wrap_time(time_t *now); /* NOLINT: the linker's */

time_t __wrap_time(time_t *now) /* NOLINT */
{
	if (now != NULL)
		*now = NOW;
	return NOW;
}

/* --- what should come back --- */

static void echo(struct text *reply, struct input input)
{
	text_add(reply, input.data, input.size);
}

static void upper(struct text *reply, struct input input)
{
	for (size_t i = 0; i < input.size; i++) {
		char c = (char)toupper((unsigned char)input.data[i]);

		text_add(reply, &c, 1);
	}
}

static void timestamp(struct text *reply, struct input input)
{
	struct input piece;

	while ((piece = input_bytes(&input, 1024)).size > 0) {
		text_print(reply, "[Sat Nov 21 01:33:14 2026] ");
		text_add(reply, piece.data, piece.size);
	}
}

static void welcome(struct text *reply, struct input input)
{
	(void)input;
	text_print(reply, "welcome to socketserver!\r\n");
}

/* With its end, if it has one. */
static struct input take_line(struct input *input)
{
	const char *end = input->size == 0 ? NULL : memchr(input->data, '\n', input->size);

	return input_bytes(input, end == NULL ? input->size : (size_t)(end - input->data) + 1);
}

/* What formats mean is fuzz_clock_format.c's affair. */
static void clock_answer(struct text *reply, struct input line)
{
	static locale_t locale;
	const time_t now = NOW;
	char text[CLOCK_MAX_TEXT + 1];
	struct tm broken_down;
	ssize_t n;

	if (locale == (locale_t)0)
		locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (line.size > MAX_CLOCK_LINE)
		return;
	if (line.size > 0 && line.data[line.size - 1] == '\n')
		line.size--;
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	n = clock_format(text, line.data, line.size, localtime_r(&now, &broken_down), locale);
	if (n >= 0) {
		text_add(reply, text, (size_t)n);
		text_add(reply, "\n", 1);
	}
}

static void clock_lines(struct text *reply, struct input input)
{
	while (input.size > 0)
		clock_answer(reply, take_line(&input));
}

static bool is_quit(struct input line)
{
	while (line.size > 0 && isspace((unsigned char)line.data[0]))
		input_byte(&line);
	while (line.size > 0 && isspace((unsigned char)line.data[line.size - 1]))
		line.size--;
	return line.size == 5 && memcmp(line.data, "/quit", 5) == 0;
}

/* Each read is split at its line ends; and so much is a read. */
static void chat(struct text *reply, struct input input)
{
	struct input piece, line;

	while ((piece = input_bytes(&input, ROOM_TEXT_SIZE)).size > 0) {
		while (piece.size > 0) {
			line = take_line(&piece);
			if (line.data[line.size - 1] == '\n')
				line.size--;
			if (is_quit(line))
				return;
			if (line.size > 0)
				text_print(reply, "unix:%ld\n", (long)getpid());
			text_add(reply, line.data, line.size);
			if (line.size > 0)
				text_add(reply, "\n", 1);
		}
	}
}

static const struct {
	const struct ssv_handler_descriptor *descriptor;
	void (*answer)(struct text *reply, struct input input);
} handlers[] = {
	{&echo_descriptor, echo},
	{&upper_descriptor, upper},
	{&timestamp_descriptor, timestamp},
	{&clock_descriptor, clock_lines},
	{&welcome_descriptor, welcome},
	{&chat_descriptor, chat},
};

/* --- running it --- */

static void *open_state(const struct ssv_handler_descriptor *descriptor)
{
	void *state = calloc(1, descriptor->state_size + 1);
	const char *error;

	EXPECT(state != NULL);
	if (descriptor->open != NULL)
		EXPECT(descriptor->open(state, NULL, 0, &error) == 0);
	return state;
}

static void close_state(const struct ssv_handler_descriptor *descriptor, void *state)
{
	if (descriptor->close != NULL)
		descriptor->close(state);
	free(state);
}

/* All that is to be read is there before it is said that nothing more comes. */
static void converse(const struct ssv_handler_descriptor *descriptor, struct input input,
	const struct text *reply)
{
	struct ssv_test *test = ssv_test_new(descriptor->ops, SSV_UNIX);
	void *state = open_state(descriptor);
	const char *wrong;

	ssv_test_server(test)->user = state;
	ssv_test_send_bytes(test, input.data, input.size);
	ssv_test_half_close(test);
	ssv_test_expect_bytes(test, reply->data, reply->size);
	ssv_test_expect_end(test);
	ssv_test_expect_result(test, 0);
	wrong = ssv_test_finish(test);
	if (wrong != NULL) {
		fprintf(stderr, "%s: %s\n", descriptor->name, wrong);
		abort();
	}
	ssv_test_free(test);
	close_state(descriptor, state);
}

static struct input limited(struct input input)
{
	size_t lines = 0, i;

	input = input_bytes(&input, MAX_INPUT);
	for (i = 0; i < input.size && lines < MAX_LINES; i++)
		lines += input.data[i] == '\n';
	return input_bytes(&input, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {(const char *)data, size};
	struct text should = {0};
	size_t which = input_byte(&input) % (sizeof(handlers) / sizeof(handlers[0]));

	setenv("TZ", "UTC", 1);
	input = limited(input);
	handlers[which].answer(&should, input);
	converse(handlers[which].descriptor, input, &should);
	text_free(&should);
	return 0;
}
