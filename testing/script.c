/* The steps of a test: what the peer does, and what it expects. */
#include "readable.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 4096
#define MAX_READ 65536

static void make_room(struct output *output, size_t size)
{
	if (output->end + size <= output->size)
		return;
	output->size = 2 * output->size + size;
	output->data = realloc(output->data, output->size);
	if (output->data == NULL)
		abort();
}

/* Each step begins so: not at all where one has gone wrong. */
static bool enter(struct ssv_test *test, const char *step)
{
	if (test_failed(test))
		return false;
	test->steps++;
	test->step = step;
	make_room(&test->output, 1);
	test_open(test);
	return !test_failed(test);
}

/* And the handler runs. */
static bool begin(struct ssv_test *test, const char *step)
{
	if (enter(test, step))
		test_start(test);
	return !test_failed(test);
}

static int64_t out_of_patience(const struct ssv_test *test)
{
	return test_now() + test->patience * INT64_C(1000000);
}

static bool needs_a_stream(struct ssv_test *test)
{
	if (!test->is_stream)
		test_fail(test, "this is for streams alone");
	return test->is_stream;
}

/* --- waiting --- */

static size_t unexpected(const struct ssv_test *test)
{
	return test->output.end - test->output.start;
}

/* Takes what the handler has written, if there is anything. A datagram is taken alone. */
static void take_output(struct ssv_test *test)
{
	struct output *output = &test->output;
	const size_t room = MAX_READ; /* a whole datagram */
	ssize_t n;

	make_room(output, room + 1);
	do
		n = recv(test->peer, output->data + output->end, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		output->end += (size_t)n;
	else if (test->is_stream && (n == 0 || errno != EAGAIN))
		test->at_end = true;
}

static bool is_readable(const struct ssv_test *test)
{
	return test->is_stream && !test->deaf && !test->at_end;
}

/* Waits until something happens, of which the connection is one. False: no patience is left. */
static bool wait_a_turn(struct ssv_test *test, short events, int64_t until)
{
	const int left = test_ms_until(until);
	struct pollfd polled[] = {
		{.fd = test->peer, .events = events},
		{.fd = test->changed_fd, .events = POLLIN},
	};

	if (left == 0)
		return false;
	if (is_readable(test))
		polled[0].events |= POLLIN;
	if (polled[0].events == 0)
		polled[0].fd = -1; /* it may have hung up, which is no news */
	poll(polled, 2, left);
	if (polled[1].revents != 0)
		test_hear(test->changed_fd);
	if (is_readable(test) && polled[0].revents != 0)
		take_output(test);
	return true;
}

/* Nothing will happen unless the script goes on. */
static bool has_settled(struct ssv_test *test)
{
	bool settled;

	pthread_mutex_lock(&test->lock);
	settled = test->ended ||
		  (test->is_stream ? test_is_waiting(test) : test->processed == test->sent);
	pthread_mutex_unlock(&test->lock);
	return settled;
}

/* What it does, for who has waited for it in vain. */
static const char *pastime(struct ssv_test *test)
{
	short awaited;

	pthread_mutex_lock(&test->lock);
	awaited = test->awaited;
	pthread_mutex_unlock(&test->lock);
	if (test_has_ended(test))
		return "has ended";
	return awaited == POLLIN    ? "waits for input"
	       : awaited == POLLOUT ? "waits until its output is read"
				    : "is busy, or waits for something else than its stream";
}

/* Whether the handler lives, or has returned. */
static bool is_regular(struct ssv_test *test)
{
	if (!test_has_ended_early(test))
		return true;
	test_fail(test, "the handler has ended its thread");
	return false;
}

static bool wait_until(struct ssv_test *test, bool (*is_so)(struct ssv_test *test))
{
	const int64_t until = out_of_patience(test);

	while (is_regular(test) && !is_so(test)) {
		if (!wait_a_turn(test, 0, until)) {
			test_fail(
				test, "after %d ms the handler %s", test->patience, pastime(test));
			return false;
		}
	}
	return is_regular(test);
}

/* --- what the peer does --- */

/* Whether it went; where the handler has hung up, errno says so, else there is no patience left. */
static bool send_some(struct ssv_test *test, const char **data, size_t *size, int64_t until)
{
	ssize_t n = send(test->peer, *data, *size, MSG_NOSIGNAL | MSG_DONTWAIT);
	const int error = errno;

	test_start(test); /* what is sent first is there when the handler begins */
	errno = error;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		errno = EAGAIN;
		return wait_a_turn(test, POLLOUT, until);
	}
	if (n < 0)
		return false;
	*data += n;
	*size -= (size_t)n;
	return true;
}

/* Of `all` bytes those from `done` on, up to `end`. */
static bool send_part(struct ssv_test *test, const char *data, size_t done, size_t end, size_t all)
{
	const int64_t until = out_of_patience(test);
	const char *next = data + done;
	size_t left = end - done;

	do {
		if (send_some(test, &next, &left, until))
			continue;
		test_fail(test, "%zu of %zu bytes went, and then the handler %s", end - left, all,
			errno == EAGAIN ? pastime(test) : "hung up");
		return false;
	} while (left > 0);
	test->sent++;
	return true;
}

void ssv_test_send_bytes(struct ssv_test *test, const void *data, size_t size)
{
	if (!enter(test, "send"))
		return;
	if (size > 0 || !test->is_stream)
		send_part(test, data, 0, size, size);
	test_start(test);
}

void ssv_test_send(struct ssv_test *test, const char *text)
{
	ssv_test_send_bytes(test, text, strlen(text));
}

static void pass(struct ssv_test *test, int milliseconds)
{
	if (!wait_until(test, has_settled) || test_has_ended(test))
		return;
	pthread_mutex_lock(&test->lock);
	test->ahead += milliseconds * INT64_C(1000000);
	pthread_mutex_unlock(&test->lock);
	test_signal(test->wake_fd);
	wait_until(test, has_settled);
}

void ssv_test_pass(struct ssv_test *test, int milliseconds)
{
	if (begin(test, "pass") && needs_a_stream(test))
		pass(test, milliseconds);
}

void ssv_test_send_slowly(struct ssv_test *test, const char *text, int pause)
{
	const size_t size = strlen(text);

	if (!begin(test, "send_slowly") || !needs_a_stream(test))
		return;
	for (size_t i = 0; i < size; i++) {
		if (i > 0)
			pass(test, pause);
		if (!test_failed(test))
			send_part(test, text, i, i + 1, size);
	}
}

void ssv_test_send_endlessly(struct ssv_test *test, char byte, size_t limit)
{
	char chunk[CHUNK];
	const char *data = chunk;
	size_t size, sent = 0;
	int64_t until;

	if (!begin(test, "send_endlessly") || !needs_a_stream(test))
		return;
	memset(chunk, byte, sizeof(chunk));
	until = out_of_patience(test);
	while (!test->at_end && sent < limit) {
		data = chunk;
		size = sizeof(chunk);
		if (!send_some(test, &data, &size, until))
			break;
		sent += sizeof(chunk) - size;
		if (is_readable(test))
			take_output(test);
	}
	if (!test->at_end && sent >= limit)
		test_fail(test, "it still takes more after %zu bytes", sent);
	else if (!test->at_end && errno == EAGAIN)
		test_fail(test, "after %d ms the handler %s", test->patience, pastime(test));
}

static void half_close(struct ssv_test *test)
{
	if (!test->half_closed)
		shutdown(test->peer, SHUT_WR);
	test->half_closed = true;
}

void ssv_test_half_close(struct ssv_test *test)
{
	if (begin(test, "half_close") && needs_a_stream(test))
		half_close(test);
}

void ssv_test_reset(struct ssv_test *test)
{
	if (!begin(test, "reset") || !needs_a_stream(test))
		return;
	test_break_off(test);
	shutdown(test->peer, SHUT_RDWR);
	test->half_closed = test->deaf = true;
}

void ssv_test_stop_reading(struct ssv_test *test)
{
	pthread_mutex_lock(&test->lock);
	test->narrow = true; /* before the handler begins, if this is the first step */
	pthread_mutex_unlock(&test->lock);
	if (begin(test, "stop_reading") && needs_a_stream(test))
		test->deaf = true;
}

/* --- what it expects --- */

/* Where what came differs from what should; `same` bytes are known to be equal. */
static size_t first_difference(
	const struct ssv_test *test, const char *data, size_t size, size_t same)
{
	const char *got = test->output.data + test->output.start;

	while (same < size && same < unexpected(test) && got[same] == data[same])
		same++;
	return same;
}

static void fail_to_match(struct ssv_test *test, const char *data, size_t size, const char *then)
{
	char expected[READABLE_SIZE], got[READABLE_SIZE], where[64] = "";
	const size_t same = first_difference(test, data, size, 0);

	if (same < size && same < unexpected(test))
		snprintf(where, sizeof(where), ": byte %zu differs", same + 1);
	test_fail(test, "expected %s (%zu bytes), got %s (%zu bytes)%s%s%s",
		readable(expected, data, size), size,
		readable(got, test->output.data + test->output.start, unexpected(test)),
		unexpected(test), where, then[0] != '\0' ? ", and then the handler " : "", then);
}

static void expect_on_stream(struct ssv_test *test, const char *data, size_t size)
{
	const int64_t until = out_of_patience(test);
	size_t same = first_difference(test, data, size, 0);
	bool in_time = true;

	while (in_time && same < size && same == unexpected(test) && !test->at_end) {
		in_time = wait_a_turn(test, 0, until);
		same = first_difference(test, data, size, same);
	}
	if (same == size)
		test->output.start += size;
	else
		fail_to_match(test, data, size,
			test->at_end ? "has hung up"
			: in_time    ? ""
				     : pastime(test));
}

/* Where there is none in time: false. */
static bool take_datagram(struct ssv_test *test)
{
	const int64_t until = out_of_patience(test);
	struct pollfd polled = {.fd = test->peer, .events = POLLIN};

	while (poll(&polled, 1, 0) <= 0) {
		if (has_settled(test) || !wait_a_turn(test, POLLIN, until))
			break;
	}
	test->output.start = test->output.end = 0;
	if (poll(&polled, 1, 0) <= 0)
		return false;
	take_output(test);
	return true;
}

static void expect_datagram(struct ssv_test *test, const char *data, size_t size)
{
	if (!take_datagram(test))
		fail_to_match(
			test, data, size, has_settled(test) ? "has sent nothing" : pastime(test));
	else if (unexpected(test) != size || first_difference(test, data, size, 0) != size)
		fail_to_match(test, data, size, "");
	test->output.start = test->output.end;
}

void ssv_test_expect_bytes(struct ssv_test *test, const void *data, size_t size)
{
	if (!begin(test, "expect"))
		return;
	if (test->is_stream)
		expect_on_stream(test, data, size);
	else
		expect_datagram(test, data, size);
}

void ssv_test_expect(struct ssv_test *test, const char *text)
{
	ssv_test_expect_bytes(test, text, strlen(text));
}

static char *line_end(const struct ssv_test *test)
{
	return unexpected(test) == 0
		       ? NULL
		       : memchr(test->output.data + test->output.start, '\n', unexpected(test));
}

/* Of what was taken, made a text of its own: later output goes behind its NUL. */
static const char *hand_out(struct ssv_test *test, size_t size)
{
	struct output *output = &test->output;
	char *text;

	make_room(output, 1);
	text = output->data + output->start;
	memmove(text + size + 1, text + size, unexpected(test) - size);
	text[size] = '\0';
	output->end++;
	output->start += size + 1;
	return text;
}

static const char *read_line(struct ssv_test *test)
{
	const int64_t until = out_of_patience(test);
	char got[READABLE_SIZE], *end;
	bool in_time = true;

	while ((end = line_end(test)) == NULL && !test->at_end && in_time)
		in_time = wait_a_turn(test, 0, until);
	if (end != NULL)
		return hand_out(test, (size_t)(end + 1 - test->output.data) - test->output.start);
	test_fail(test, "no line, but %s (%zu bytes), and then the handler %s",
		readable(got, test->output.data + test->output.start, unexpected(test)),
		unexpected(test), test->at_end ? "has hung up" : pastime(test));
	return "";
}

static const char *read_datagram(struct ssv_test *test)
{
	if (take_datagram(test))
		return hand_out(test, unexpected(test));
	test_fail(test, "no datagram; the handler %s",
		has_settled(test) ? "has sent nothing" : pastime(test));
	return "";
}

const char *ssv_test_read(struct ssv_test *test)
{
	if (!begin(test, "read"))
		return "";
	return test->is_stream ? read_line(test) : read_datagram(test);
}

static void expect_no_more(struct ssv_test *test)
{
	if (unexpected(test) > 0)
		fail_to_match(test, "", 0, "");
}

static bool take_all(struct ssv_test *test)
{
	struct pollfd polled = {.fd = test->peer, .events = POLLIN};

	while (!test->deaf && !test->at_end && poll(&polled, 1, 0) > 0)
		take_output(test);
	return true;
}

void ssv_test_expect_nothing(struct ssv_test *test)
{
	if (begin(test, "expect_nothing") && wait_until(test, has_settled) && take_all(test))
		expect_no_more(test);
}

static bool is_at_end(struct ssv_test *test)
{
	return test->at_end || unexpected(test) > 0;
}

void ssv_test_expect_end(struct ssv_test *test)
{
	if (begin(test, "expect_end") && needs_a_stream(test) && wait_until(test, is_at_end))
		expect_no_more(test);
}

/* On a stream it has ended; on datagrams, it is done with what was sent. */
static bool is_done(struct ssv_test *test)
{
	if (test->at_end) /* who has all of it hangs up, and no server lingers for him */
		half_close(test);
	return test->is_stream ? test_has_ended(test) : has_settled(test);
}

void ssv_test_expect_result(struct ssv_test *test, int result)
{
	int got;

	if (!begin(test, "expect_result") || !wait_until(test, is_done))
		return;
	pthread_mutex_lock(&test->lock);
	got = test->result;
	pthread_mutex_unlock(&test->lock);
	if (got != result)
		test_fail(test, "expected %d (%s), got %d (%s)", result, meaning(result), got,
			meaning(got));
}

void ssv_test_expect_methods(struct ssv_test *test, const char *methods)
{
	char got[MAX_METHODS];

	if (!begin(test, "expect_methods") || !wait_until(test, is_done))
		return;
	pthread_mutex_lock(&test->lock);
	memcpy(got, test->methods, sizeof(got));
	pthread_mutex_unlock(&test->lock);
	if (strcmp(got, methods) != 0)
		test_fail(test, "expected \"%s\", got \"%s\"", methods, got);
}

/* --- its end --- */

static void end_well(struct ssv_test *test)
{
	if (test->is_stream)
		half_close(test);
	if (wait_until(test, is_done) && !test->deaf && take_all(test))
		expect_no_more(test);
}

const char *ssv_test_finish(struct ssv_test *test)
{
	if (begin(test, "finish"))
		end_well(test);
	return test_failed(test) ? test->message : NULL;
}
