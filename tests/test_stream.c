/* stream.h on plain sockets: reading, writing and ending within limits. */
#include "stream.h"
#include "support.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define MIB 1048576
#define EMPTY ((struct iovec){.iov_base = NULL, .iov_len = 0})
#define PART(text) ((struct iovec){.iov_base = (void *)(text), .iov_len = sizeof(text) - 1})
#define EXPECT_LINE(text) expect_line(text, sizeof(text) - 1)

/* Memory that nobody has must show as -ENOMEM with a sanitizer, too. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* --- a stream, and the peer, a plain socket --- */

enum kind { TCP, NONBLOCKING, UNIX, STREAMS, UDP = STREAMS, UNIXGRAM, KINDS, MESSAGES = KINDS };

static struct ssv_stream ours;
static int peer;

/* A socket of 127.0.0.1, bound to `at`. */
static int loopback(int type, struct ssv_address *at)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*at = address_of(ANYWHERE);
	ck_assert_int_eq(bind(fd, &at->socket.any, at->length), 0);
	ck_assert_int_eq(getsockname(fd, &at->socket.any, &at->length), 0);
	return fd;
}

static void set_buffer(int fd, int which, int size)
{
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, which, &size, sizeof(size)), 0);
}

static void tcp_pair(int pair[2], int receive_buffer)
{
	struct ssv_address at;
	int listener = loopback(SOCK_STREAM, &at);

	ck_assert_int_eq(listen(listener, 1), 0);
	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (receive_buffer > 0)
		set_buffer(pair[1], SO_RCVBUF, receive_buffer);
	ck_assert_int_eq(connect(pair[1], &at.socket.any, at.length), 0);
	pair[0] = accept(listener, NULL, NULL);
	close(listener);
}

static void udp_pair(int pair[2])
{
	struct ssv_address at[2];

	pair[0] = loopback(SOCK_DGRAM, &at[0]);
	pair[1] = loopback(SOCK_DGRAM, &at[1]);
	ck_assert_int_eq(connect(pair[0], &at[1].socket.any, at[1].length), 0);
	ck_assert_int_eq(connect(pair[1], &at[0].socket.any, at[0].length), 0);
}

static void unix_pair(int pair[2], int type)
{
	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
}

static enum ssv_transport make_pair(int kind, int pair[2])
{
	switch (kind) {
	case TCP:
	case NONBLOCKING:
		tcp_pair(pair, 0);
		fcntl(pair[0], F_SETFL, kind == NONBLOCKING ? O_NONBLOCK : 0);
		return SSV_TCP;
	case UDP:
		udp_pair(pair);
		return SSV_UDP;
	case UNIXGRAM:
		unix_pair(pair, SOCK_DGRAM);
		return SSV_UNIXGRAM;
	case MESSAGES: /* shows what went in one call; a stream takes it for a stream */
		unix_pair(pair, SOCK_SEQPACKET);
		return SSV_UNIX;
	default:
		unix_pair(pair, SOCK_STREAM);
		return SSV_UNIX;
	}
}

static void be_patient(int fd)
{
	const struct timeval patience = {.tv_sec = 10};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void open_stream(int kind)
{
	int pair[2];
	enum ssv_transport transport = make_pair(kind, pair);

	ssv_stream_open(&ours, pair[0], transport);
	peer = pair[1];
	be_patient(peer);
}

static void hang_up(void)
{
	close(peer);
	peer = -1;
}

static void close_stream(void)
{
	ssv_stream_close(&ours);
	if (peer >= 0)
		hang_up();
}

static void say_bytes(const void *data, size_t size)
{
	ck_assert_int_eq(send(peer, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void say(const char *text)
{
	say_bytes(text, strlen(text));
}

/* The peer is gone by a reset: it has something unread, and does not linger. */
static void reset(void)
{
	const struct linger at_once = {.l_onoff = 1};

	ck_assert_int_eq(send(ours.fd, "unread", 6, MSG_NOSIGNAL), 6);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	hang_up();
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, SSV_FOREVER), SSV_WAIT_INPUT);
}

/* What the peer gets, at most `size` bytes, up to the end or an error. */
static size_t hear(char *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = recv(peer, data + done, size - done, 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	return done;
}

static void expect_heard(const char *text)
{
	char heard[256] = "";

	ck_assert_uint_lt(strlen(text), sizeof(heard));
	hear(heard, strlen(text));
	ck_assert_str_eq(heard, text);
}

/* One record of a MESSAGES peer, or one datagram. */
static void expect_record(const char *text)
{
	char heard[256] = "";

	ck_assert_int_eq(recv(peer, heard, sizeof(heard) - 1, 0), (ssize_t)strlen(text));
	ck_assert_str_eq(heard, text);
}

static void expect_silence(void)
{
	char byte;

	ck_assert_int_eq(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static void expect_read(const char *text)
{
	char got[256] = "";

	ck_assert_int_eq(ssv_stream_read(&ours, got, sizeof(got) - 1), (ssize_t)strlen(text));
	ck_assert_str_eq(got, text);
}

static void expect_line(const char *text, size_t length)
{
	char *line;

	ck_assert_int_eq(ssv_stream_readline(&ours, &line), (ssize_t)length);
	ck_assert_mem_eq(line, text, length);
	ck_assert_int_eq(line[length], '\0');
}

static void expect_until(const char *delimiter, const char *text)
{
	char *data;

	ck_assert_int_eq(ssv_stream_read_until(&ours, delimiter, strlen(delimiter), &data),
		(ssize_t)strlen(text));
	ck_assert_str_eq(data, text);
}

static void expect_written(const char *text)
{
	ck_assert_int_eq(ssv_stream_write(&ours, text, strlen(text)), (ssize_t)strlen(text));
}

static void expect_no_line(int error)
{
	char *line;

	ck_assert_int_eq(ssv_stream_readline(&ours, &line), error);
}

static char *noise(size_t size, unsigned int seed)
{
	char *data = malloc(size);

	ck_assert_ptr_nonnull(data);
	fill_with_noise(data, size, seed);
	return data;
}

/* --- threads, signals and time --- */

/* Starts a thread that signals leave alone: they are the tested thread's. */
static void start(pthread_t *thread, void *(*run)(void *), void *context)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ck_assert_int_eq(pthread_create(thread, NULL, run, context), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A peer in a thread of its own, that reads `size` bytes, `step` at a time, or up to the end. */
struct reader {
	pthread_t thread;
	char *data;
	size_t size, step, got;
};

static void *read_steadily(void *context)
{
	struct reader *reader = context;
	size_t left;

	while ((left = reader->size - reader->got) > 0) {
		size_t n =
			hear(reader->data + reader->got, left < reader->step ? left : reader->step);

		if (n == 0)
			break;
		reader->got += n;
	}
	return NULL;
}

static void start_reader(struct reader *reader, size_t size, size_t step)
{
	*reader = (struct reader){.data = malloc(size), .size = size, .step = step};
	start(&reader->thread, read_steadily, reader);
}

static void expect_reader_got(struct reader *reader, const char *expected)
{
	pthread_join(reader->thread, NULL);
	ck_assert_uint_eq(reader->got, reader->size);
	ck_assert_msg(memcmp(reader->data, expected, reader->size) == 0, "damaged");
	free(reader->data);
}

/* Calls `handler` every millisecond, whatever the thread is doing; valgrind takes too long for that
 * to get anything else done. */
static void storm(void (*handler)(int signal))
{
	const suseconds_t interval = under_valgrind() ? 20000 : 1000;
	const struct itimerval often = {{.tv_usec = interval}, {.tv_usec = interval}};
	struct sigaction action = {.sa_handler = handler}; /* without SA_RESTART */

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void calm(void)
{
	const struct itimerval never = {{0}, {0}};

	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}

static volatile sig_atomic_t calls;

static void interrupt(int signal)
{
	(void)signal;
	calls++;
}

/* The peer, writing a byte now and then. */
static void dribble(int signal)
{
	int kept = errno;

	(void)signal;
	calls += send(peer, ".", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	errno = kept;
}

/* The peer, reading a little now and then. */
static void trickle(int signal)
{
	static char sink[16384];
	int kept = errno;

	(void)signal;
	calls += recv(peer, sink, sizeof(sink), MSG_DONTWAIT) > 0;
	errno = kept;
}

static int64_t watch;

static void start_watch(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	watch = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Milliseconds since start_watch(). */
static int elapsed(void)
{
	int64_t since = watch, now;

	start_watch();
	now = watch;
	watch = since;
	return (int)((now - since) / 1000000);
}

/* A plain socket, with its calls counted. */
static const struct ssv_stream_ops *plain;
static struct ssv_stream_ops counting;
static int count_of_reads, count_of_waits, count_of_closes;
static size_t count_of_bytes;
static sem_t shut;

static ssize_t counting_read(struct ssv_stream *stream, void *data, size_t size, int64_t until)
{
	ssize_t n = plain->read(stream, data, size, until);

	count_of_reads++;
	count_of_bytes += n > 0 ? (size_t)n : 0;
	return n;
}

static int counting_wait(struct ssv_stream *stream, int fd, int64_t until)
{
	count_of_waits++;
	return plain->wait(stream, fd, until);
}

static int counting_shutdown(struct ssv_stream *stream)
{
	int rc = plain->shutdown(stream);

	sem_post(&shut);
	return rc;
}

static void counting_close(struct ssv_stream *stream)
{
	count_of_closes++;
	plain->close(stream);
}

static void count_calls(void)
{
	plain = ours.ops;
	counting = *plain;
	counting.read = counting_read;
	counting.wait = counting_wait;
	counting.shutdown = counting_shutdown;
	counting.close = counting_close;
	ours.ops = &counting;
	sem_init(&shut, 0, 0);
}

/* --- reading --- */

START_TEST(opening_allocates_nothing)
{
	open_stream(TCP);
	ck_assert_ptr_null(ours.in.data);
	ck_assert_ptr_null(ours.out.data);
	ck_assert_int_eq(ours.limits.write_timeout, 30000);
	ck_assert_int_eq(ours.limits.timeout, SSV_FOREVER);
	close_stream();
}
END_TEST

START_TEST(closing_twice_is_harmless)
{
	open_stream(_i);
	count_calls();
	expect_written("x");
	ssv_stream_close(&ours);
	close_stream();
	ck_assert_int_eq(count_of_closes, 1);
}
END_TEST

START_TEST(read_gives_what_is_there_and_0_at_the_end)
{
	char data[20000]; /* more than a buffer: it is read without one */

	open_stream(_i);
	say("hello");
	ck_assert_int_eq(ssv_stream_read(&ours, data, 3), 3);
	ck_assert_mem_eq(data, "hel", 3);
	expect_read("lo");
	say("more");
	ck_assert_int_eq(ssv_stream_read(&ours, data, sizeof(data)), 4);
	ck_assert_mem_eq(data, "more", 4);
	hang_up();
	ck_assert_int_eq(ssv_stream_read(&ours, data, 3), 0);
	ck_assert_int_eq(ssv_stream_read(&ours, data, sizeof(data)), 0);
	close_stream();
}
END_TEST

START_TEST(the_end_is_not_read_again)
{
	open_stream(_i);
	count_calls();
	hang_up();
	expect_no_line(0);
	expect_no_line(0);
	expect_read("");
	ck_assert_int_eq(count_of_reads, 1);
	close_stream();
}
END_TEST

START_TEST(reading_nothing_does_not_wait)
{
	char data[1];

	open_stream(_i);
	ck_assert_int_eq(ssv_stream_read(&ours, data, 0), 0);
	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 0), 0);
	close_stream();
}
END_TEST

START_TEST(read_exact_is_exact)
{
	size_t size = 3 * MIB, at = 0, n;
	char *data = noise(size, 1), *got = malloc(size);

	open_stream(_i);
	say_bytes(data, 30000);
	for (n = 1; at + n <= 30000; at += n, n += 700)
		ck_assert_int_eq(ssv_stream_read_exact(&ours, got + at, n), (ssize_t)n);
	ck_assert_mem_eq(got, data, at);
	close_stream();
	free(data);
	free(got);
}
END_TEST

START_TEST(read_exact_tells_the_end_before_from_the_end_within)
{
	char data[10];

	open_stream(_i);
	say("0123456789abc");
	shutdown(peer, SHUT_WR);
	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 10), 10);
	ck_assert_mem_eq(data, "0123456789", 10);
	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 10), -EPROTO);
	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 10), 0);
	close_stream();
}
END_TEST

START_TEST(lines_keep_their_newline_and_have_a_nul_behind)
{
	open_stream(_i);
	say("first\n\nthird\r\n\n");
	EXPECT_LINE("first\n");
	EXPECT_LINE("\n");
	EXPECT_LINE("third\r\n");
	EXPECT_LINE("\n");
	close_stream();
}
END_TEST

START_TEST(nul_bytes_within_a_line_are_kept)
{
	static const char text[] = "\0a\0\0b\n\0\n\0";

	open_stream(_i);
	say_bytes(text, sizeof(text) - 1);
	hang_up();
	EXPECT_LINE("\0a\0\0b\n");
	EXPECT_LINE("\0\n");
	EXPECT_LINE("\0");
	expect_no_line(0);
	close_stream();
}
END_TEST

START_TEST(the_last_line_may_lack_its_newline)
{
	open_stream(_i);
	say("first\nlast");
	hang_up();
	EXPECT_LINE("first\n");
	EXPECT_LINE("last");
	expect_no_line(0);
	expect_no_line(0);
	close_stream();
}
END_TEST

START_TEST(a_stream_that_ends_at_once_has_no_line)
{
	open_stream(_i);
	hang_up();
	expect_no_line(0);
	expect_no_line(0);
	close_stream();
}
END_TEST

START_TEST(a_stream_that_was_read_to_its_end_has_no_line)
{
	char data[20000]; /* more than a buffer: there is none yet */

	open_stream(_i);
	hang_up();
	ck_assert_int_eq(ssv_stream_read(&ours, data, sizeof(data)), 0);
	expect_no_line(0);
	close_stream();
}
END_TEST

START_TEST(lines_that_come_byte_by_byte_are_whole)
{
	static const char text[] = "one\n\ntwo\n";
	const char *byte;

	open_stream(_i);
	for (byte = text; *byte != '\0'; byte++) {
		ours.limits.timeout = 0;
		if (*byte != '\n')
			expect_no_line(-ETIMEDOUT); /* what has come is kept */
		say_bytes(byte, 1);
		ours.limits.timeout = SSV_FOREVER;
		if (byte == text + 3)
			EXPECT_LINE("one\n");
		else if (byte == text + 4)
			EXPECT_LINE("\n");
	}
	EXPECT_LINE("two\n");
	close_stream();
}
END_TEST

/* Lines of 0 to 300 bytes without the newline: the last byte of the buffer is hit in many ways. */
START_TEST(many_lines_of_one_write_come_one_by_one)
{
	char text[301 * 302 / 2], *line = text;
	int length;

	memset(text, 'x', sizeof(text));
	for (length = 0; length <= 300; length++) {
		line[length] = '\n';
		line += length + 1;
	}
	open_stream(_i);
	say_bytes(text, (size_t)(line - text));
	for (length = 0, line = text; length <= 300; line += length + 1, length++)
		expect_line(line, (size_t)length + 1);
	ours.limits.timeout = 0;
	expect_no_line(-ETIMEDOUT);
	close_stream();
}
END_TEST

static void next_read(void)
{
	expect_read("next\nrest");
}

static void next_exact(void)
{
	char data[6] = "";

	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 5), 5);
	ck_assert_str_eq(data, "next\n");
}

static void next_line(void)
{
	EXPECT_LINE("next\n");
}

static void next_until(void)
{
	expect_until("xt", "next");
}

static void next_peek(void)
{
	char *data;

	ck_assert_int_eq(ssv_stream_peek(&ours, &data), 9);
	ck_assert_mem_eq(data, "next\nrest", 9);
	next_read();
}

static void next_gather(void)
{
	ck_assert_int_eq(ssv_stream_gather(&ours, 5), 1);
	next_read();
}

/* It does not read: the line stays whole. */
static void next_wait(void)
{
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), SSV_WAIT_INPUT);
	next_read();
}

static void (*const next[])(void) = {
	next_read, next_exact, next_line, next_until, next_peek, next_gather, next_wait};
#define NEXTS LENGTH(next)

START_TEST(the_nul_behind_a_line_damages_nothing_that_follows)
{
	open_stream(TCP);
	say("line\nnext\nrest");
	EXPECT_LINE("line\n");
	next[_i]();
	close_stream();
}
END_TEST

START_TEST(a_line_is_valid_until_the_next_read)
{
	char *line;

	open_stream(_i);
	say("line\nnext\n");
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), 5);
	expect_written("a write is no read");
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), SSV_WAIT_INPUT);
	ck_assert_str_eq(line, "line\n");
	close_stream();
}
END_TEST

START_TEST(a_line_is_the_callers_to_change)
{
	char *line;

	open_stream(_i);
	say("first\nsecond\n");
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), 6);
	memset(line, '\n', 6);
	EXPECT_LINE("second\n");
	close_stream();
}
END_TEST

/* `length` bytes, the newline included, come as a line. */
static void say_line(size_t length)
{
	char *line = malloc(length);

	memset(line, 'x', length);
	line[length - 1] = '\n';
	say_bytes(line, length);
	free(line);
}

static const size_t max_lines[] = {1, 2, 100, 8191, 8192, 8193, 65536};
#define MAX_LINES LENGTH(max_lines)

START_TEST(a_line_may_be_as_long_as_max_line_and_no_longer)
{
	const size_t most = max_lines[_i];
	char *line, *got = malloc(most + 1);

	open_stream(UNIX);
	ours.limits.max_line = most;
	say_line(most);
	say_line(most + 1);
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), (ssize_t)most);
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), -EMSGSIZE);
	ck_assert_int_eq(ssv_stream_readline(&ours, &line), -EMSGSIZE);
	ck_assert_int_eq(ssv_stream_read_exact(&ours, got, most + 1), (ssize_t)most + 1);
	ck_assert_int_eq(got[0], 'x');
	ck_assert_int_eq(got[most], '\n');
	free(got);
	close_stream();
}
END_TEST

START_TEST(the_last_line_without_a_newline_may_be_as_long_as_max_line_too)
{
	open_stream(_i);
	ours.limits.max_line = 5;
	say("12345");
	hang_up();
	EXPECT_LINE("12345");
	expect_no_line(0);
	close_stream();
}
END_TEST

static void *talk_endlessly(void *context)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	while (send(peer, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
	return context;
}

START_TEST(an_endless_line_costs_bounded_memory)
{
	char got[10000];
	pthread_t talker;
	int i;

	open_stream(_i);
	ours.limits.max_line = 10000;
	start(&talker, talk_endlessly, NULL);
	for (i = 0; i < 200; i++) {
		expect_no_line(-EMSGSIZE);
		ck_assert_int_eq(ssv_stream_read_exact(&ours, got, sizeof(got)), sizeof(got));
	}
	ck_assert_uint_lt(ours.in.size, 4 * 10000);
	ssv_stream_close(&ours);
	pthread_join(talker, NULL);
	close_stream();
}
END_TEST

static const char *const delimiters[] = {"-", "--", "-+-", "--=--", "aab", "\r\n\r\n"};
#define DELIMITERS LENGTH(delimiters)

/* Wherever the reads meet, and with the delimiter's own beginning in front of it. */
START_TEST(read_until_finds_a_delimiter_that_two_reads_share)
{
	const char *delimiter = delimiters[_i];
	char text[64];
	size_t split;

	snprintf(text, sizeof(text), "ab%c%s", delimiter[0] == '-' ? '=' : 'a', delimiter);
	open_stream(TCP);
	for (split = 1; split < strlen(text); split++) {
		char *data;

		say_bytes(text, split);
		ours.limits.timeout = 0;
		ck_assert_int_eq(ssv_stream_read_until(&ours, delimiter, strlen(delimiter), &data),
			-ETIMEDOUT);
		say(text + split);
		ours.limits.timeout = SSV_FOREVER;
		expect_until(delimiter, text);
	}
	close_stream();
}
END_TEST

static void *say_byte_by_byte(void *context)
{
	const char *text = context;
	const int now = 1;

	setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now));
	for (; *text != '\0'; text++)
		send(peer, text, 1, MSG_NOSIGNAL);
	return NULL;
}

/* In one call, that is: the search goes on where it must. */
START_TEST(read_until_finds_a_delimiter_that_dribbles)
{
	static char text[] = "--=-=----=--"
			     "--=--"
			     "-=--=--";
	pthread_t talker;

	open_stream(_i);
	ours.read_size = 1;
	start(&talker, say_byte_by_byte, text);
	expect_until("--=--", "--=-=----=--");
	expect_until("--=--", "--=--");
	expect_until("--=--", "-=--=--");
	pthread_join(talker, NULL);
	close_stream();
}
END_TEST

START_TEST(read_until_takes_each_of_repeated_delimiters)
{
	open_stream(_i);
	say("a;;;;;;b;;c;");
	hang_up();
	expect_until(";;", "a;;");
	expect_until(";;", ";;");
	expect_until(";;", ";;");
	expect_until(";;", "b;;");
	expect_until(";;", "c;");
	expect_until(";;", "");
	close_stream();
}
END_TEST

START_TEST(a_delimiter_counts_for_max_line)
{
	char *data;

	open_stream(_i);
	ours.limits.max_line = 6;
	say("1234;;12345;;");
	expect_until(";;", "1234;;");
	ck_assert_int_eq(ssv_stream_read_until(&ours, ";;", 2, &data), -EMSGSIZE);
	expect_read("12345;;");
	close_stream();
}
END_TEST

START_TEST(an_empty_delimiter_is_refused)
{
	char *data;

	open_stream(TCP);
	ck_assert_int_eq(ssv_stream_read_until(&ours, "", 0, &data), -EINVAL);
	close_stream();
}
END_TEST

START_TEST(peek_does_not_consume)
{
	char *data;

	open_stream(_i);
	say("peeked\n");
	ck_assert_int_eq(ssv_stream_peek(&ours, &data), 7);
	ck_assert_mem_eq(data, "peeked\n", 7);
	ck_assert_int_eq(ssv_stream_peek(&ours, &data), 7);
	EXPECT_LINE("peeked\n");
	hang_up();
	ck_assert_int_eq(ssv_stream_peek(&ours, &data), 0);
	close_stream();
}
END_TEST

/* Whoever goes on with the descriptor finds all that was not asked for. */
START_TEST(an_rbufsize_of_1_never_reads_ahead)
{
	const struct ssv_handler_ops unbuffered = {.rbufsize = 1};
	struct ssv_request request = {.stream = &ours};
	struct ssv_server server = {.nodelay = false};
	struct ssv_handler handler = {.ops = &unbuffered, .request = &request, .server = &server};
	char data[8] = "";

	open_stream(_i);
	ck_assert_int_eq(ssv_stream_handler.setup(&handler), 0);
	say("line\nuntil;exact");
	EXPECT_LINE("line\n");
	expect_until(";", "until;");
	ck_assert_int_eq(ssv_stream_read_exact(&ours, data, 2), 2);
	ck_assert_int_eq(recv(ours.fd, data, sizeof(data), MSG_DONTWAIT), 3);
	ck_assert_mem_eq(data, "act", 3);
	close_stream();
}
END_TEST

START_TEST(a_reset_is_an_error_of_reading)
{
	char data[10];

	open_stream(_i);
	reset();
	ck_assert_int_eq(ssv_stream_read(&ours, data, sizeof(data)), -ECONNRESET);
	close_stream();
}
END_TEST

/* --- time --- */

static ssize_t timed_read(void)
{
	char data[10];

	return ssv_stream_read(&ours, data, sizeof(data));
}

static ssize_t timed_large_read(void)
{
	char data[10000];

	return ssv_stream_read(&ours, data, sizeof(data));
}

static ssize_t timed_exact(void)
{
	char data[5];

	return ssv_stream_read_exact(&ours, data, sizeof(data));
}

static ssize_t timed_line(void)
{
	char *line;

	return ssv_stream_readline(&ours, &line);
}

static ssize_t timed_until(void)
{
	char *data;

	return ssv_stream_read_until(&ours, "o\n", 2, &data);
}

static ssize_t timed_peek(void)
{
	char *data;

	return ssv_stream_peek(&ours, &data);
}

static ssize_t (*const reads[])(void) = {
	timed_read, timed_large_read, timed_exact, timed_line, timed_until, timed_peek};
#define READS LENGTH(reads)

START_TEST(a_read_gives_up_in_time_and_succeeds_later)
{
	open_stream(_i / READS);
	ours.limits.timeout = 20;
	start_watch();
	ck_assert_int_eq(reads[_i % READS](), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 20);
	ours.limits.timeout = SSV_FOREVER;
	say("hell"
	    "o\n");
	ck_assert_int_ge(reads[_i % READS](), 5);
	close_stream();
}
END_TEST

START_TEST(what_was_buffered_survives_a_time_out)
{
	open_stream(_i);
	ours.limits.timeout = 20;
	say("first half, ");
	expect_no_line(-ETIMEDOUT);
	expect_no_line(-ETIMEDOUT);
	say("second half\n");
	EXPECT_LINE("first half, second half\n");
	close_stream();
}
END_TEST

START_TEST(a_time_out_may_be_made_longer)
{
	open_stream(_i);
	ours.limits.timeout = 5;
	ck_assert_int_eq(timed_read(), -ETIMEDOUT);
	ours.limits.timeout = 40;
	start_watch();
	ck_assert_int_eq(timed_read(), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 40);
	close_stream();
}
END_TEST

START_TEST(a_time_out_may_be_made_shorter)
{
	open_stream(_i);
	ours.limits.timeout = 5000;
	say("x");
	ck_assert_int_eq(timed_read(), 1);
	ours.limits.timeout = 20;
	start_watch();
	ck_assert_int_eq(timed_read(), -ETIMEDOUT);
	ck_assert_int_lt(elapsed(), 2000);
	close_stream();
}
END_TEST

static void say_late(int signal)
{
	int kept = errno;

	(void)signal;
	if (++calls == 40)
		send(peer, "late", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
	errno = kept;
}

START_TEST(a_time_out_may_be_lifted)
{
	open_stream(_i);
	ours.limits.timeout = 5;
	ck_assert_int_eq(timed_read(), -ETIMEDOUT);
	ours.limits.timeout = SSV_FOREVER;
	storm(say_late);
	ck_assert_int_eq(timed_read(), 4);
	calm();
	close_stream();
}
END_TEST

/* Each byte is in time, the whole is not. */
START_TEST(dribbling_input_ends_at_the_deadline)
{
	char data[10000];

	open_stream(_i / 2);
	storm(dribble);
	start_watch();
	ssv_stream_set_deadline(&ours, 50);
	if (_i % 2 == 0)
		expect_no_line(-ETIMEDOUT);
	else
		ck_assert_int_eq(ssv_stream_read_exact(&ours, data, sizeof(data)), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 50);
	ck_assert_int_lt(elapsed(), 1000);
	calm();
	ck_assert_int_gt(calls, 0);
	close_stream();
}
END_TEST

/* The same by a clock that stands, without waiting. */
START_TEST(a_deadline_counts_from_when_it_was_set)
{
	open_stream(_i);
	set_clock(1000);
	ssv_stream_set_deadline(&ours, 100);
	say("one\ntwo\n");
	set_clock(1099);
	EXPECT_LINE("one\n");
	EXPECT_LINE("two\n");
	say("three\n");
	set_clock(1100);
	expect_no_line(-ETIMEDOUT);
	ssv_stream_set_deadline(&ours, 1);
	EXPECT_LINE("three\n");
	close_stream();
}
END_TEST

static ssize_t overdue_wait(void)
{
	return ssv_stream_wait(&ours, -1, SSV_FOREVER);
}

static ssize_t overdue_write(void)
{
	return ssv_stream_write(&ours, "x", 1);
}

static ssize_t overdue_try_write(void)
{
	return ssv_stream_try_write(&ours, "x", 1);
}

static ssize_t overdue_printf(void)
{
	return ssv_stream_printf(&ours, "%d", 1);
}

static ssize_t overdue_flush(void)
{
	ssv_stream_set_write_buffer(&ours, 10);
	expect_written("x");
	return ssv_stream_flush(&ours);
}

static ssize_t (*const ios[])(void) = {timed_read, timed_large_read, timed_exact, timed_line,
	timed_until, timed_peek, overdue_wait, overdue_write, overdue_try_write, overdue_printf,
	overdue_flush};
#define IOS LENGTH(ios)

START_TEST(nothing_works_after_the_deadline_until_it_is_lifted)
{
	open_stream(_i / IOS);
	say("hello\n");
	ssv_stream_set_deadline(&ours, 0);
	ck_assert_int_eq(ios[_i % IOS](), -ETIMEDOUT);
	expect_silence();
	ck_assert_uint_eq(ours.bytes_read + ours.bytes_written, 0);
	ssv_stream_set_deadline(&ours, SSV_FOREVER);
	ck_assert_int_ge(ios[_i % IOS](), 0);
	close_stream();
}
END_TEST

/* Writes until the peer's side is full. */
static void fill_up(void)
{
	static const char zeros[65536];
	ssize_t n;

	while ((n = ssv_stream_try_write(&ours, zeros, sizeof(zeros))) > 0)
		;
	ck_assert_int_eq(n, -EAGAIN);
}

static ssize_t timed_wait(void)
{
	int rc = ssv_stream_wait(&ours, -1, 50);

	return rc == 0 ? -ETIMEDOUT : rc;
}

static ssize_t timed_write(void)
{
	static const char zeros[4 * MIB];

	return ssv_stream_write(&ours, zeros, sizeof(zeros));
}

static ssize_t (*const waits[])(void) = {
	timed_read, timed_large_read, timed_exact, timed_line, timed_peek, timed_wait, timed_write};
#define WAITS LENGTH(waits)

/* Within a fifth; a busy machine may need a second try. */
START_TEST(time_outs_hold_in_a_storm_of_signals)
{
	int tries = 0, took;

	open_stream(_i / WAITS);
	ours.limits.timeout = ours.limits.write_timeout = 50;
	fill_up();
	storm(interrupt);
	do {
		start_watch();
		ck_assert_int_eq(waits[_i % WAITS](), -ETIMEDOUT);
		took = elapsed();
		ck_assert_int_ge(took, 50);
	} while (took > 60 && ++tries < 20);
	ck_assert(took <= 60 || under_valgrind());
	calm();
	ck_assert_int_gt(calls, 0);
	close_stream();
}
END_TEST

/* --- waiting for input --- */

static int other[2];

static void open_with_other(int kind)
{
	open_stream(kind);
	ck_assert_int_eq(pipe(other), 0);
}

static void close_with_other(void)
{
	close(other[0]);
	close(other[1]);
	close_stream();
}

START_TEST(wait_finds_input_here_or_elsewhere_or_both)
{
	open_with_other(_i);
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], 0), 0);
	say("x");
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_INPUT);
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, SSV_FOREVER), SSV_WAIT_INPUT);
	ck_assert_int_eq(write(other[1], "x", 1), 1);
	ck_assert_int_eq(
		ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_INPUT | SSV_WAIT_OTHER);
	expect_read("x");
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_OTHER);
	close_with_other();
}
END_TEST

START_TEST(wait_counts_what_is_buffered)
{
	open_with_other(_i);
	say("one\ntwo\n");
	EXPECT_LINE("one\n");
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, SSV_FOREVER), SSV_WAIT_INPUT);
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_INPUT);
	ck_assert_int_eq(write(other[1], "x", 1), 1);
	ck_assert_int_eq(
		ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_INPUT | SSV_WAIT_OTHER);
	EXPECT_LINE("two\n");
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), 0);
	close_with_other();
}
END_TEST

START_TEST(wait_finds_the_end_too)
{
	open_with_other(_i);
	hang_up();
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_INPUT);
	expect_no_line(0);
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], SSV_FOREVER), SSV_WAIT_INPUT);
	close_with_other();
}
END_TEST

START_TEST(wait_has_a_time_of_its_own)
{
	open_stream(_i);
	ours.limits.timeout = 0;
	start_watch();
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 20), 0);
	ck_assert_int_ge(elapsed(), 20);
	close_stream();
}
END_TEST

START_TEST(the_deadline_ends_a_wait)
{
	open_with_other(_i);
	start_watch();
	ssv_stream_set_deadline(&ours, 20);
	ck_assert_int_eq(ssv_stream_wait(&ours, other[0], SSV_FOREVER), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 20);
	close_with_other();
}
END_TEST

/* --- writing --- */

#define LARGE (5 * MIB)

START_TEST(a_long_write_arrives_whole_at_a_slow_reader)
{
	char *data = noise(LARGE, 2);
	struct reader reader;

	open_stream(_i / 2);
	start_reader(&reader, LARGE, 1000);
	if (_i % 2 == 1)
		storm(interrupt);
	ck_assert_int_eq(ssv_stream_write(&ours, data, LARGE), LARGE);
	calm();
	expect_reader_got(&reader, data);
	ck_assert_uint_eq(ours.bytes_written, LARGE);
	close_stream();
	free(data);
}
END_TEST

START_TEST(a_peer_that_never_reads_ends_a_write_in_time)
{
	open_stream(_i);
	fill_up();
	ours.limits.write_timeout = 30;
	start_watch();
	ck_assert_int_eq(timed_write(), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 30);
	close_stream();
}
END_TEST

/* 16 KB a millisecond are not enough for what is to be written in 50. */
START_TEST(a_peer_that_reads_now_and_then_gets_no_more_time)
{
	uint64_t before;

	open_stream(_i);
	set_buffer(ours.fd, SO_SNDBUF, 65536);
	fill_up();
	ours.limits.write_timeout = 50;
	storm(trickle);
	do { /* a busy machine may need a second try until something goes */
		before = ours.bytes_written;
		start_watch();
		ck_assert_int_eq(timed_write(), -ETIMEDOUT);
		ck_assert_int_ge(elapsed(), 50);
		ck_assert_int_lt(elapsed(), 1000);
	} while (ours.bytes_written == before);
	calm();
	close_stream();
}
END_TEST

static bool is_gone(ssize_t error)
{
	return error == -EPIPE || error == -ECONNRESET;
}

START_TEST(a_closed_peer_is_an_error_and_no_signal)
{
	ssize_t n;

	open_stream(_i);
	hang_up();
	do /* the first only provokes the answer */
		n = ssv_stream_write(&ours, "x", 1);
	while (n == 1);
	ck_assert_msg(is_gone(n), "%zd", n);
	ck_assert(is_gone(ssv_stream_printf(&ours, "x")));
	ck_assert(is_gone(ssv_stream_try_write(&ours, "x", 1)));
	close_stream();
}
END_TEST

START_TEST(a_reset_is_an_error_of_writing)
{
	open_stream(_i);
	reset();
	ck_assert(is_gone(ssv_stream_write(&ours, "x", 1)));
	close_stream();
}
END_TEST

START_TEST(a_reset_ends_a_write_that_waits)
{
	struct reader reader;

	open_stream(_i);
	start_reader(&reader, 10000, 1000);
	fill_up();
	pthread_join(reader.thread, NULL);
	free(reader.data);
	hang_up(); /* with much unread */
	ck_assert(is_gone(timed_write()));
	close_stream();
}
END_TEST

START_TEST(writing_nothing_sends_nothing)
{
	const struct iovec nothing[] = {EMPTY, EMPTY};

	open_stream(MESSAGES); /* where even nothing would be heard */
	ck_assert_int_eq(ssv_stream_write(&ours, "", 0), 0);
	ck_assert_int_eq(ssv_stream_write(&ours, NULL, 0), 0);
	ck_assert_int_eq(ssv_stream_writev(&ours, nothing, 2), 0);
	ck_assert_int_eq(ssv_stream_printf(&ours, "%s", ""), 0);
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 10), 0);
	ck_assert_int_eq(ssv_stream_write(&ours, NULL, 0), 0);
	ck_assert_int_eq(ssv_stream_writev(&ours, nothing, 2), 0);
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_silence();
	close_stream();
}
END_TEST

START_TEST(parts_leave_together)
{
	const struct iovec parts[] = {
		EMPTY, PART("one"), EMPTY, PART(","), PART("two"), EMPTY, PART("."), EMPTY};
	const struct iovec alone[] = {EMPTY, PART("alone")};

	open_stream(MESSAGES);
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 8), 8);
	expect_record("one,two.");
	ck_assert_int_eq(ssv_stream_writev(&ours, alone, 2), 5);
	expect_record("alone");
	expect_silence();
	close_stream();
}
END_TEST

START_TEST(more_than_8_parts_are_refused)
{
	const struct iovec parts[9] = {PART("0"), PART("1"), PART("2"), PART("3"), PART("4"),
		PART("5"), PART("6"), PART("7"), PART("8")};

	open_stream(_i);
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 9), -EINVAL);
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 0), -EINVAL);
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, -1), -EINVAL);
	expect_silence();
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 8), 8);
	expect_heard("01234567");
	close_stream();
}
END_TEST

START_TEST(parts_that_go_in_pieces_arrive_whole)
{
	char *data = noise(3 * MIB, 3);
	const struct iovec parts[] = {{.iov_base = data, .iov_len = 1}, EMPTY,
		{.iov_base = data + 1, .iov_len = MIB}, {.iov_base = data + 1 + MIB, .iov_len = 9},
		EMPTY, {.iov_base = data + 10 + MIB, .iov_len = 2 * MIB - 11}, EMPTY,
		{.iov_base = data + 3 * MIB - 1, .iov_len = 1}};
	struct iovec copy[8];
	struct reader reader;

	memcpy(copy, parts, sizeof(parts));
	open_stream(_i);
	start_reader(&reader, 3 * MIB, 3000);
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 8), 3 * MIB);
	ck_assert_mem_eq(copy, parts, sizeof(parts));
	expect_reader_got(&reader, data);
	close_stream();
	free(data);
}
END_TEST

START_TEST(printf_writes_short_and_long_text)
{
	char *spaces = malloc(100000);
	struct reader reader;

	open_stream(_i);
	ck_assert_int_eq(ssv_stream_printf(&ours, "%d %s\n", 42, "times"), 9);
	expect_heard("42 times\n");
	memset(spaces, ' ', 100000);
	spaces[99999] = 'x';
	start_reader(&reader, 100000, 10000);
	ck_assert_int_eq(ssv_stream_printf(&ours, "%100000s", "x"), 100000);
	expect_reader_got(&reader, spaces);
	free(spaces);
	close_stream();
}
END_TEST

/* --- the write buffer --- */

START_TEST(a_write_buffer_gathers_until_it_is_flushed)
{
	const struct iovec parts[] = {PART("d"), EMPTY, PART("ef")};

	open_stream(MESSAGES);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 100), 0);
	expect_written("abc");
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 3), 3);
	ck_assert_int_eq(ssv_stream_printf(&ours, "%d", 7), 1);
	expect_silence();
	ck_assert_uint_eq(ours.bytes_written, 0);
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_record("abcdef7");
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_silence();
	close_stream();
}
END_TEST

START_TEST(a_full_write_buffer_is_sent)
{
	open_stream(MESSAGES);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 10), 0);
	expect_written("1234567");
	expect_silence();
	expect_written("890");
	expect_record("1234567890");
	expect_written("12345678");
	expect_written("abc");
	expect_record("12345678");
	expect_silence();
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_record("abc");
	close_stream();
}
END_TEST

START_TEST(what_does_not_fit_the_write_buffer_passes_through_in_order)
{
	open_stream(MESSAGES);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 10), 0);
	expect_written("12345678901");
	expect_record("12345678901");
	expect_written("first");
	expect_written("then this long one");
	expect_written("last");
	expect_record("first");
	expect_record("then this long one");
	expect_silence();
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_record("last");
	close_stream();
}
END_TEST

START_TEST(another_size_of_the_write_buffer_flushes_it_first)
{
	open_stream(MESSAGES);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 10), 0);
	expect_written("abc");
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 20), 0);
	expect_record("abc");
	expect_written("0123456789");
	expect_silence();
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 0), 0);
	expect_record("0123456789");
	expect_written("d");
	expect_record("d");
	close_stream();
}
END_TEST

START_TEST(buffered_writes_of_all_sizes_arrive_in_order)
{
	const size_t total = 2 * MIB;
	char *data = noise(total, 4);
	struct reader reader;
	size_t at = 0, n;

	open_stream(_i);
	start_reader(&reader, total, 3000);
	ssv_stream_set_write_buffer(&ours, 1000);
	for (n = 0; at + n <= total; at += n, n = (n + 37) % 2500)
		ck_assert_int_eq(ssv_stream_write(&ours, data + at, n), (ssize_t)n);
	ck_assert_int_eq(ssv_stream_write(&ours, data + at, total - at), (ssize_t)(total - at));
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_reader_got(&reader, data);
	close_stream();
	free(data);
}
END_TEST

START_TEST(a_failed_flush_is_reported_once)
{
	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("lost");
	reset();
	ck_assert(is_gone(ssv_stream_flush(&ours)));
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_written("lost, too");
	ck_assert(is_gone(ssv_stream_set_write_buffer(&ours, 0)));
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	close_stream();
}
END_TEST

START_TEST(closing_drops_what_was_not_flushed)
{
	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("lost");
	ssv_stream_close(&ours);
	expect_end(peer);
	close_stream();
}
END_TEST

static const size_t too_much[] = {SIZE_MAX, SIZE_MAX - 1, PTRDIFF_MAX, PTRDIFF_MAX - 1};
#define TOO_MUCH LENGTH(too_much)

START_TEST(no_memory_for_a_buffer_is_an_error)
{
	open_stream(MESSAGES);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, too_much[_i]), 0);
	ck_assert_int_eq(ssv_stream_write(&ours, "some", 4), -ENOMEM);
	ck_assert_int_eq(ssv_stream_set_write_buffer(&ours, 0), 0);
	expect_written("more");
	expect_record("more");
	close_stream();
}
END_TEST

/* --- writing without waiting --- */

START_TEST(try_write_takes_what_fits_and_does_not_wait)
{
	char *data = noise(16 * MIB, 5);
	struct reader reader;
	ssize_t n, taken = 0;

	open_stream(_i);
	while ((n = ssv_stream_try_write(&ours, data + taken, (size_t)(16 * MIB - taken))) > 0)
		taken += n;
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_gt(taken, 0);
	ck_assert_uint_eq(ours.bytes_written, (uint64_t)taken);
	start_reader(&reader, (size_t)taken, 65536);
	expect_reader_got(&reader, data);
	ck_assert_int_eq(ssv_stream_try_write(&ours, "", 0), 0);
	expect_silence();
	close_stream();
	free(data);
}
END_TEST

START_TEST(try_write_goes_behind_what_is_buffered)
{
	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("first, ");
	ck_assert_int_eq(ssv_stream_try_write(&ours, "second", 6), 6);
	expect_heard("first, second");
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_silence();
	expect_written("third");
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_heard("third");
	close_stream();
}
END_TEST

/* The buffer goes in pieces, and takes new writes behind what is left of it. */
START_TEST(what_try_write_leaves_in_the_buffer_stays_in_order)
{
	const size_t buffer = 12 * MIB, total = buffer + 5000;
	char *data = noise(total, 6);
	struct reader reader;
	size_t at = buffer - 1000;
	ssize_t n;

	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, buffer);
	ck_assert_int_eq(ssv_stream_write(&ours, data, at), (ssize_t)at);
	ck_assert_int_eq(ssv_stream_try_write(&ours, data + at, 1), -EAGAIN);
	ck_assert_uint_gt(ours.bytes_written, 0);
	ck_assert_int_eq(ssv_stream_write(&ours, data + at, 2000), 2000);
	at += 2000;
	start_reader(&reader, total, 65536);
	while (at < total) {
		n = ssv_stream_try_write(&ours, data + at, total - at);
		ck_assert(n > 0 || n == -EAGAIN);
		at += n > 0 ? (size_t)n : 0;
	}
	expect_reader_got(&reader, data);
	close_stream();
	free(data);
}
END_TEST

/* --- ending --- */

START_TEST(shutdown_ends_writing_while_reading_goes_on)
{
	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("bye");
	ck_assert_int_eq(ssv_stream_shutdown(&ours), 0);
	expect_heard("bye");
	expect_end(peer);
	say("still here\n");
	EXPECT_LINE("still here\n");
	ck_assert_int_eq(ssv_stream_shutdown(&ours), 0);
	ssv_stream_set_write_buffer(&ours, 0);
	ck_assert_int_eq(ssv_stream_write(&ours, "x", 1), -EPIPE);
	close_stream();
}
END_TEST

START_TEST(shutdown_is_harmless_with_the_peer_gone)
{
	open_stream(_i);
	reset();
	expect_no_line(-ECONNRESET);
	ck_assert_int_eq(ssv_stream_shutdown(&ours), 0);
	ck_assert_int_eq(ssv_stream_shutdown(&ours), 0);
	ssv_stream_linger(&ours);
	close_stream();
}
END_TEST

START_TEST(shutdown_reports_what_could_not_be_flushed)
{
	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("lost");
	reset();
	ck_assert(is_gone(ssv_stream_shutdown(&ours)));
	ck_assert_int_eq(ssv_stream_shutdown(&ours), 0);
	close_stream();
}
END_TEST

START_TEST(nodelay_is_an_option_of_tcp_and_harmless_elsewhere)
{
	int value = 0;
	socklen_t length = sizeof(value);

	open_stream(_i);
	ck_assert_int_eq(ssv_stream_set_nodelay(&ours, true), 0);
	getsockopt(ours.fd, IPPROTO_TCP, TCP_NODELAY, &value, &length);
	ck_assert_int_eq(value != 0, ours.transport == SSV_TCP);
	ck_assert_int_eq(ssv_stream_set_nodelay(&ours, false), 0);
	getsockopt(ours.fd, IPPROTO_TCP, TCP_NODELAY, &value, &length);
	ck_assert_int_eq(value, 0);
	close_stream();
}
END_TEST

#define REPLY 300000

/* The reply is ours to keep: the peer takes a few kilobytes, unless it reads. */
static void open_narrow(void)
{
	int pair[2];

	tcp_pair(pair, 4096);
	set_buffer(pair[0], SO_SNDBUF, 2 * REPLY);
	ssv_stream_open(&ours, pair[0], SSV_TCP);
	ours.limits.write_timeout = 2000;
	peer = pair[1];
	be_patient(peer);
	count_calls();
}

/* A peer that reads what it gets once the other side has ended, and then hangs up. */
static void *read_later(void *context)
{
	struct reader *reader = context;

	sem_wait(&shut);
	read_steadily(reader);
	hang_up();
	return NULL;
}

/* How much of a reply arrives at a peer that has sent more than was read. */
static size_t arrives(bool lingers)
{
	char *data = noise(REPLY, 7);
	struct reader reader = {.data = malloc(REPLY), .size = REPLY, .step = 1000};

	open_narrow();
	say("input that is never read");
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, SSV_FOREVER), SSV_WAIT_INPUT);
	ck_assert_int_eq(ssv_stream_write(&ours, data, REPLY), REPLY);
	start(&reader.thread, read_later, &reader);
	if (lingers)
		ssv_stream_linger(&ours);
	ssv_stream_close(&ours);
	sem_post(&shut);
	pthread_join(reader.thread, NULL);
	ck_assert_mem_eq(reader.data, data, reader.got);
	free(reader.data);
	free(data);
	return reader.got;
}

START_TEST(linger_saves_the_reply_that_a_plain_close_loses)
{
	ck_assert_uint_lt(arrives(false), REPLY);
	ck_assert_uint_eq(arrives(true), REPLY);
}
END_TEST

START_TEST(linger_waits_for_a_peer_that_does_not_read_no_longer_than_allowed)
{
	char *data = noise(REPLY, 8);

	open_narrow();
	if (_i == 1)
		say("input");
	expect_written("x");
	ck_assert_int_eq(ssv_stream_write(&ours, data, REPLY), REPLY);
	ours.limits.linger_timeout = 40;
	start_watch();
	ssv_stream_linger(&ours);
	ck_assert_int_ge(elapsed(), 40);
	ck_assert_int_lt(elapsed(), 1000);
	ck_assert_int_lt(count_of_waits, 20);
	close_stream();
	free(data);
}
END_TEST

START_TEST(linger_ends_at_the_deadline)
{
	open_stream(_i);
	say("the peer talks and stays");
	expect_written("x");
	ours.limits.linger_timeout = SSV_FOREVER;
	start_watch();
	ssv_stream_set_deadline(&ours, 40);
	ssv_stream_linger(&ours);
	ck_assert_int_ge(elapsed(), 40);
	close_stream();
}
END_TEST

START_TEST(linger_throws_away_no_more_than_allowed)
{
	pthread_t talker;

	open_stream(_i);
	count_calls();
	expect_written("x");
	ours.limits.linger_timeout = SSV_FOREVER;
	ours.limits.linger_size = 100001;
	start(&talker, talk_endlessly, NULL);
	ssv_stream_wait(&ours, -1, SSV_FOREVER);
	ssv_stream_linger(&ours);
	ck_assert_uint_eq(count_of_bytes, 100001);
	ssv_stream_close(&ours);
	pthread_join(talker, NULL);
	close_stream();
}
END_TEST

START_TEST(linger_does_not_hold_up_for_a_silent_peer_that_has_everything)
{
	open_stream(_i);
	count_calls();
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("bye");
	ours.limits.linger_timeout = SSV_FOREVER;
	start_watch();
	ssv_stream_linger(&ours);
	ck_assert_int_lt(elapsed(), 100);
	ck_assert_int_le(count_of_waits, 2); /* 30 ms: not until TCP acknowledges the end */
	expect_heard("bye");
	expect_end(peer);
	close_stream();
}
END_TEST

START_TEST(linger_ends_when_the_peer_hangs_up)
{
	open_stream(_i);
	say("last words");
	expect_written("bye");
	expect_heard("bye");
	hang_up();
	ours.limits.linger_timeout = SSV_FOREVER;
	ssv_stream_linger(&ours);
	close_stream();
}
END_TEST

START_TEST(linger_sleeps_while_a_peer_dribbles)
{
	open_stream(_i);
	count_calls();
	expect_written("x");
	ours.limits.linger_timeout = 100;
	storm(dribble);
	while (calls == 0)
		ssv_stream_wait(&ours, -1, SSV_FOREVER);
	start_watch();
	ssv_stream_linger(&ours);
	ck_assert_int_ge(elapsed(), 100);
	calm();
	ck_assert_int_lt(count_of_waits, 1000);
	close_stream();
}
END_TEST

START_TEST(linger_does_nothing_where_nothing_was_written)
{
	open_stream(_i);
	count_calls();
	say("unread");
	ssv_stream_wait(&ours, -1, SSV_FOREVER);
	count_of_waits = 0;
	ours.limits.linger_timeout = SSV_FOREVER;
	ssv_stream_linger(&ours);
	ck_assert_int_eq(count_of_reads, 0);
	ck_assert_int_eq(count_of_waits, 0);
	close_stream();
}
END_TEST

START_TEST(linger_does_nothing_where_the_peer_has_ended)
{
	open_stream(_i);
	count_calls();
	shutdown(peer, SHUT_WR);
	expect_no_line(0);
	ours.limits.linger_timeout = SSV_FOREVER;
	expect_written("bye");
	ssv_stream_linger(&ours);
	ck_assert_int_eq(count_of_reads, 1); /* of the end */
	ck_assert_int_eq(count_of_waits, 0);
	expect_heard("bye");
	expect_end(peer);
	close_stream();
}
END_TEST

/* --- datagrams --- */

START_TEST(each_write_is_a_datagram)
{
	const struct iovec parts[] = {PART("three"), EMPTY, PART(" in "), PART("one")};

	open_stream(_i);
	expect_written("one");
	ck_assert_int_eq(ssv_stream_write(&ours, "", 0), 0);
	ck_assert_int_eq(ssv_stream_printf(&ours, "%s", "two"), 3);
	ck_assert_int_eq(ssv_stream_writev(&ours, parts, 4), 12);
	ck_assert_int_eq(ssv_stream_try_write(&ours, "four", 4), 4);
	ck_assert_int_eq(ssv_stream_try_write(&ours, "", 0), 0);
	expect_record("one");
	expect_record("");
	expect_record("two");
	expect_record("three in one");
	expect_record("four");
	expect_record("");
	expect_silence();
	close_stream();
}
END_TEST

START_TEST(each_read_is_a_datagram_and_0_is_not_the_end)
{
	char *data;

	open_stream(_i);
	say("one");
	say("");
	say("three");
	say("");
	say("peeked");
	expect_read("one");
	expect_read("");
	expect_read("three");
	ck_assert_int_eq(ssv_stream_peek(&ours, &data), 0);
	ck_assert_int_eq(ssv_stream_peek(&ours, &data), 6);
	expect_read("peeked");
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), 0);
	close_stream();
}
END_TEST

START_TEST(of_a_longer_datagram_the_rest_is_lost)
{
	char data[3];

	open_stream(_i);
	say("longer");
	say("next");
	ck_assert_int_eq(ssv_stream_read(&ours, data, sizeof(data)), 3);
	ck_assert_mem_eq(data, "lon", 3);
	expect_read("next");
	close_stream();
}
END_TEST

START_TEST(the_longest_datagram_comes_whole)
{
	char *data = noise(65507, 9), *got = malloc(65507), *peeked;

	open_stream(_i);
	ck_assert_int_eq(ssv_stream_write(&ours, data, 65507), 65507);
	ck_assert_uint_eq(hear(got, 65507), 65507);
	ck_assert_mem_eq(got, data, 65507);
	say_bytes(data, 65507);
	ck_assert_int_eq(ssv_stream_peek(&ours, &peeked), 65507);
	ck_assert_mem_eq(peeked, data, 65507);
	ck_assert_int_eq(ssv_stream_read(&ours, got, 65507), 65507);
	close_stream();
	free(data);
	free(got);
}
END_TEST

START_TEST(a_datagram_may_hold_lines)
{
	open_stream(_i);
	say("one\ntwo\n");
	say("three\n");
	EXPECT_LINE("one\n");
	EXPECT_LINE("two\n");
	EXPECT_LINE("three\n");
	close_stream();
}
END_TEST

START_TEST(a_write_buffer_gathers_one_datagram)
{
	open_stream(_i);
	ssv_stream_set_write_buffer(&ours, 100);
	expect_written("one, ");
	expect_written("two");
	expect_silence();
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_record("one, two");
	expect_silence();
	close_stream();
}
END_TEST

START_TEST(a_datagram_that_does_not_come_is_a_time_out)
{
	open_stream(_i);
	ours.limits.timeout = 20;
	start_watch();
	ck_assert_int_eq(timed_read(), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 20);
	say("now");
	expect_read("now");
	close_stream();
}
END_TEST

START_TEST(a_datagram_that_finds_no_room_is_a_time_out_or_tried_again)
{
	open_stream(UNIXGRAM);
	while (ssv_stream_try_write(&ours, "x", 1) == 1)
		;
	ck_assert_int_eq(ssv_stream_try_write(&ours, "x", 1), -EAGAIN);
	ck_assert_int_eq(ssv_stream_try_write(&ours, "", 0), -EAGAIN);
	ours.limits.write_timeout = 20;
	start_watch();
	ck_assert_int_eq(ssv_stream_write(&ours, "x", 1), -ETIMEDOUT);
	ck_assert_int_eq(ssv_stream_write(&ours, "", 0), -ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 40);
	close_stream();
}
END_TEST

START_TEST(linger_does_not_wait_for_datagrams)
{
	open_stream(_i);
	count_calls();
	say("unread");
	expect_written("bye");
	ours.limits.linger_timeout = SSV_FOREVER;
	ssv_stream_linger(&ours);
	ck_assert_uint_eq(count_of_bytes, 0);
	expect_record("bye");
	close_stream();
}
END_TEST

/* --- two threads, and the next use of the memory --- */

#define BOTH_WAYS (2 * MIB)

struct end {
	struct ssv_stream stream;
	pthread_t reader, writer;
	char *sent, *got;
	size_t received;
	bool failed;
};

static void *write_to_end(void *context)
{
	struct end *end = context;
	size_t at = 0, n = 1;

	ssv_stream_set_write_buffer(&end->stream, 4000);
	for (; at < BOTH_WAYS; at += n, n = (n + 333) % 9000 + 1) {
		n = n < BOTH_WAYS - at ? n : BOTH_WAYS - at;
		if (ssv_stream_write(&end->stream, end->sent + at, n) != (ssize_t)n)
			end->failed = true;
	}
	ssv_stream_shutdown(&end->stream);
	return NULL;
}

static void *read_from_end(void *context)
{
	struct end *end = context;
	ssize_t n = 1;

	for (; n > 0; end->received += n > 0 ? (size_t)n : 0) {
		size_t step = (end->received + 100) % 10000 + 1;
		size_t left = BOTH_WAYS - end->received;

		ssv_stream_wait(&end->stream, -1, SSV_FOREVER);
		n = ssv_stream_read(
			&end->stream, end->got + end->received, step < left + 1 ? step : left + 1);
	}
	return NULL;
}

static void start_end(struct end *end, unsigned int seed)
{
	end->sent = noise(BOTH_WAYS, seed);
	end->got = malloc(BOTH_WAYS + 1);
	start(&end->reader, read_from_end, end);
	start(&end->writer, write_to_end, end);
}

static void expect_end_got(struct end *end, const char *sent)
{
	ck_assert_uint_eq(end->received, BOTH_WAYS);
	ck_assert_msg(memcmp(end->got, sent, BOTH_WAYS) == 0, "damaged");
	ck_assert_uint_eq(end->stream.bytes_read, BOTH_WAYS);
	ck_assert_uint_eq(end->stream.bytes_written, BOTH_WAYS);
}

START_TEST(one_thread_reads_while_another_writes)
{
	struct end ends[2] = {0};
	int pair[2], i;
	enum ssv_transport transport = make_pair(_i, pair);

	for (i = 0; i < 2; i++)
		ssv_stream_open(&ends[i].stream, pair[i], transport);
	for (i = 0; i < 2; i++)
		start_end(&ends[i], (unsigned int)i);
	for (i = 0; i < 2; i++) {
		pthread_join(ends[i].writer, NULL);
		pthread_join(ends[i].reader, NULL);
	}
	for (i = 0; i < 2; i++) {
		ck_assert(!ends[i].failed);
		expect_end_got(&ends[i], ends[1 - i].sent);
	}
	for (i = 0; i < 2; i++) {
		ssv_stream_close(&ends[i].stream);
		free(ends[i].sent);
		free(ends[i].got);
	}
}
END_TEST

START_TEST(bytes_are_counted)
{
	char data[10000], *peeked;

	open_stream(_i);
	say("12345\n78");
	EXPECT_LINE("12345\n");
	ck_assert_int_eq(ssv_stream_peek(&ours, &peeked), 2);
	ck_assert_uint_eq(ours.bytes_read, 8); /* from the socket */
	expect_read("78");
	say("90");
	ck_assert_int_eq(ssv_stream_read(&ours, data, sizeof(data)), 2);
	ck_assert_uint_eq(ours.bytes_read, 10);
	expect_written("123");
	ck_assert_int_eq(ssv_stream_try_write(&ours, "45", 2), 2);
	ck_assert_uint_eq(ours.bytes_written, 5);
	close_stream();
}
END_TEST

/* Half a line read, one held back, output not sent, the end seen, limits set, number asked. */
static void leave_traces(void)
{
	ours.limits.timeout = 1;
	expect_no_line(-ETIMEDOUT);
	ssv_stream_set_write_buffer(&ours, 1000);
	expect_written("never sent");
	say("a line\nand half a line");
	EXPECT_LINE("a line\n");
	hang_up();
	ssv_stream_gather(&ours, 1000);
	ssv_stream_set_deadline(&ours, 0);
	ck_assert_int_ge(ssv_stream_fileno(&ours), 0);
}

START_TEST(the_next_use_has_the_memory_and_nothing_else_of_the_one_before)
{
	struct ssv_limits limits;
	enum ssv_transport transport;
	const char *in, *out;
	int pair[2];

	open_stream(_i);
	leave_traces();
	in = ours.in.data;
	out = ours.out.data;
	ssv_stream_end(&ours);
	ssv_stream_end(&ours);
	ssv_limits_init(&limits);
	limits.timeout = 20;
	transport = make_pair(_i, pair);
	ssv_stream_reopen(&ours, pair[0], transport, &limits);
	peer = pair[1];
	ck_assert_ptr_eq(ours.in.data, in);
	ck_assert_ptr_eq(ours.out.data, out);
	ck_assert_uint_eq(ours.bytes_read + ours.bytes_written + ours.cookie, 0);
	ck_assert_int_eq(ssv_stream_wait(&ours, -1, 0), 0);
	start_watch();
	expect_no_line(-ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 20);
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_silence();
	expect_written("sent at once");
	expect_heard("sent at once");
	say("new\n");
	EXPECT_LINE("new\n");
	ck_assert_ptr_eq(ours.in.data, in);
	close_stream();
}
END_TEST

START_TEST(the_next_use_has_the_deadline_of_its_limits)
{
	struct ssv_limits limits;
	int pair[2];

	ssv_limits_init(&limits);
	limits.deadline = 20;
	unix_pair(pair, SOCK_STREAM);
	ours = (struct ssv_stream){.fd = -1};
	start_watch();
	ssv_stream_reopen(&ours, pair[0], SSV_UNIX, &limits);
	peer = pair[1];
	expect_no_line(-ETIMEDOUT);
	ck_assert_int_ge(elapsed(), 20);
	close_stream();
}
END_TEST

/* Or one large request would cost its memory as long as the server runs. */
START_TEST(memory_that_one_use_made_large_is_not_kept)
{
	char *data = noise(200000, 10), *got;
	struct reader reader;

	open_stream(_i);
	ours.limits.max_line = 200000;
	ssv_stream_set_write_buffer(&ours, 200001);
	start_reader(&reader, 200000, 65536);
	ck_assert_int_eq(ssv_stream_write(&ours, data, 200000), 200000);
	ck_assert_int_eq(ssv_stream_flush(&ours), 0);
	expect_reader_got(&reader, data);
	memset(data, 'x', 100000);
	say_bytes(data, 100000);
	hang_up();
	ck_assert_int_eq(ssv_stream_readline(&ours, &got), 100000);
	ssv_stream_end(&ours);
	ck_assert_ptr_null(ours.in.data);
	ck_assert_ptr_null(ours.out.data);
	close_stream();
	free(data);
}
END_TEST

#define ADD(test) tcase_add_test(tcase, test)
#define ADD_STREAMS(test) tcase_add_loop_test(tcase, test, 0, STREAMS)
#define ADD_DATAGRAMS(test) tcase_add_loop_test(tcase, test, UDP, KINDS)
#define ADD_LOOP(test, count) tcase_add_loop_test(tcase, test, 0, (int)(count))

static void add_reading(TCase *tcase)
{
	ADD(opening_allocates_nothing);
	ADD_LOOP(closing_twice_is_harmless, KINDS);
	ADD_STREAMS(read_gives_what_is_there_and_0_at_the_end);
	ADD_STREAMS(the_end_is_not_read_again);
	ADD_LOOP(reading_nothing_does_not_wait, KINDS);
	ADD_STREAMS(read_exact_is_exact);
	ADD_STREAMS(read_exact_tells_the_end_before_from_the_end_within);
	ADD_STREAMS(lines_keep_their_newline_and_have_a_nul_behind);
	ADD_STREAMS(nul_bytes_within_a_line_are_kept);
	ADD_STREAMS(the_last_line_may_lack_its_newline);
	ADD_STREAMS(a_stream_that_ends_at_once_has_no_line);
	ADD_STREAMS(a_stream_that_was_read_to_its_end_has_no_line);
	ADD_STREAMS(lines_that_come_byte_by_byte_are_whole);
	ADD_STREAMS(many_lines_of_one_write_come_one_by_one);
	ADD_LOOP(the_nul_behind_a_line_damages_nothing_that_follows, NEXTS);
	ADD_STREAMS(a_line_is_valid_until_the_next_read);
	ADD_STREAMS(a_line_is_the_callers_to_change);
	ADD_LOOP(a_line_may_be_as_long_as_max_line_and_no_longer, MAX_LINES);
	ADD_STREAMS(the_last_line_without_a_newline_may_be_as_long_as_max_line_too);
	ADD_STREAMS(an_endless_line_costs_bounded_memory);
	ADD_LOOP(read_until_finds_a_delimiter_that_two_reads_share, DELIMITERS);
	ADD_STREAMS(read_until_finds_a_delimiter_that_dribbles);
	ADD_STREAMS(read_until_takes_each_of_repeated_delimiters);
	ADD_STREAMS(a_delimiter_counts_for_max_line);
	ADD(an_empty_delimiter_is_refused);
	ADD_STREAMS(peek_does_not_consume);
	ADD_STREAMS(an_rbufsize_of_1_never_reads_ahead);
	ADD_STREAMS(a_reset_is_an_error_of_reading);
	ADD_STREAMS(bytes_are_counted);
}

static void add_time(TCase *tcase)
{
	ADD_LOOP(a_read_gives_up_in_time_and_succeeds_later, STREAMS * READS);
	ADD_STREAMS(what_was_buffered_survives_a_time_out);
	ADD_STREAMS(a_time_out_may_be_made_longer);
	ADD_STREAMS(a_time_out_may_be_made_shorter);
	ADD_STREAMS(a_time_out_may_be_lifted);
	ADD_LOOP(dribbling_input_ends_at_the_deadline, STREAMS * 2);
	ADD_STREAMS(a_deadline_counts_from_when_it_was_set);
	ADD_LOOP(nothing_works_after_the_deadline_until_it_is_lifted, STREAMS * IOS);
	ADD_LOOP(time_outs_hold_in_a_storm_of_signals, STREAMS * WAITS);
	ADD_LOOP(wait_finds_input_here_or_elsewhere_or_both, KINDS);
	ADD_STREAMS(wait_counts_what_is_buffered);
	ADD_STREAMS(wait_finds_the_end_too);
	ADD_LOOP(wait_has_a_time_of_its_own, KINDS);
	ADD_LOOP(the_deadline_ends_a_wait, KINDS);
}

static void add_writing(TCase *tcase)
{
	ADD_LOOP(a_long_write_arrives_whole_at_a_slow_reader, STREAMS * 2);
	ADD_STREAMS(a_peer_that_never_reads_ends_a_write_in_time);
	ADD_STREAMS(a_peer_that_reads_now_and_then_gets_no_more_time);
	ADD_STREAMS(a_closed_peer_is_an_error_and_no_signal);
	ADD_STREAMS(a_reset_is_an_error_of_writing);
	ADD_STREAMS(a_reset_ends_a_write_that_waits);
	ADD(writing_nothing_sends_nothing);
	ADD(parts_leave_together);
	ADD_STREAMS(more_than_8_parts_are_refused);
	ADD_STREAMS(parts_that_go_in_pieces_arrive_whole);
	ADD_STREAMS(printf_writes_short_and_long_text);
	ADD(a_write_buffer_gathers_until_it_is_flushed);
	ADD(a_full_write_buffer_is_sent);
	ADD(what_does_not_fit_the_write_buffer_passes_through_in_order);
	ADD(another_size_of_the_write_buffer_flushes_it_first);
	ADD_STREAMS(buffered_writes_of_all_sizes_arrive_in_order);
	ADD_STREAMS(a_failed_flush_is_reported_once);
	ADD_STREAMS(closing_drops_what_was_not_flushed);
	ADD_LOOP(no_memory_for_a_buffer_is_an_error, TOO_MUCH);
	ADD_STREAMS(try_write_takes_what_fits_and_does_not_wait);
	ADD_STREAMS(try_write_goes_behind_what_is_buffered);
	ADD_STREAMS(what_try_write_leaves_in_the_buffer_stays_in_order);
}

static void add_ending(TCase *tcase)
{
	ADD_STREAMS(shutdown_ends_writing_while_reading_goes_on);
	ADD_STREAMS(shutdown_is_harmless_with_the_peer_gone);
	ADD_STREAMS(shutdown_reports_what_could_not_be_flushed);
	ADD_LOOP(nodelay_is_an_option_of_tcp_and_harmless_elsewhere, KINDS);
	ADD(linger_saves_the_reply_that_a_plain_close_loses);
	ADD_LOOP(linger_waits_for_a_peer_that_does_not_read_no_longer_than_allowed, 2);
	ADD_STREAMS(linger_ends_at_the_deadline);
	ADD_STREAMS(linger_throws_away_no_more_than_allowed);
	ADD_STREAMS(linger_does_not_hold_up_for_a_silent_peer_that_has_everything);
	ADD_STREAMS(linger_ends_when_the_peer_hangs_up);
	ADD_STREAMS(linger_sleeps_while_a_peer_dribbles);
	ADD_STREAMS(linger_does_nothing_where_nothing_was_written);
	ADD_STREAMS(linger_does_nothing_where_the_peer_has_ended);
}

static void add_datagrams(TCase *tcase)
{
	ADD_DATAGRAMS(each_write_is_a_datagram);
	ADD_DATAGRAMS(each_read_is_a_datagram_and_0_is_not_the_end);
	ADD_DATAGRAMS(of_a_longer_datagram_the_rest_is_lost);
	ADD_DATAGRAMS(the_longest_datagram_comes_whole);
	ADD_DATAGRAMS(a_datagram_may_hold_lines);
	ADD_DATAGRAMS(a_write_buffer_gathers_one_datagram);
	ADD_DATAGRAMS(a_datagram_that_does_not_come_is_a_time_out);
	ADD(a_datagram_that_finds_no_room_is_a_time_out_or_tried_again);
	ADD_DATAGRAMS(linger_does_not_wait_for_datagrams);
}

static void add_sharing(TCase *tcase)
{
	ADD_STREAMS(one_thread_reads_while_another_writes);
	ADD_STREAMS(the_next_use_has_the_memory_and_nothing_else_of_the_one_before);
	ADD(the_next_use_has_the_deadline_of_its_limits);
	ADD_STREAMS(memory_that_one_use_made_large_is_not_kept);
}

int main(void)
{
	Suite *suite = suite_create("stream");

	add_reading(topic(suite, "reading"));
	add_time(topic(suite, "time"));
	add_writing(topic(suite, "writing"));
	add_ending(topic(suite, "ending"));
	add_datagrams(topic(suite, "datagrams"));
	add_sharing(topic(suite, "sharing"));
	return run_suite(suite);
}
