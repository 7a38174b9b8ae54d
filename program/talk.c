#include "talk.h"
#include "explain.h"
#include "options.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <socketserver/socketserver.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The largest payload of a UDP datagram over IPv4; what comes may be a little longer (IPv6). */
#define PIECE_SIZE 65507
#define REPLY_SIZE 65536
#define LAST_REPLY_WAIT 1000

struct settings {
	int timeout; /* ms to connect; 0: none */
	bool help;
};

struct talk {
	struct ssv_address at;
	struct ssv_stream stream;
	char piece[PIECE_SIZE]; /* of standard input; what is left to be sent: */
	size_t start, end;
	char reply[REPLY_SIZE];
	bool input_ended; /* … or the server takes no more: */
	int send_error;
	bool ended;
	int64_t quiet_since; /* ms: the last reply, or the end of the input */
	int status;
};

static const struct option_spec specs[] = {
	{"timeout", "SECONDS", "give up connecting after so long; 0: never (default 10)",
		option_set_seconds, offsetof(struct settings, timeout), 0, OPTION_SECONDS_MAX, 0},
	OPTION_HELP(struct settings, help),
	{.name = NULL},
};

static const char help_head[] =
	"usage: socketserver talk ADDRESS [options]\n"
	"\n"
	"Connects standard input and output to a server, until the server ends. To a datagram\n"
	"server (udp, unixgram) each read of the input, a line in a terminal, is a datagram, and\n"
	"it ends one second after the last reply.\n"
	"\n"
	"Options:\n";

static const char help_examples[] = "\n"
				    "Examples:\n"
				    "  socketserver talk tcp://127.0.0.1:9999\n"
				    "  printf hello | socketserver talk tcp://127.0.0.1:9999\n"
				    "  socketserver talk unix:/tmp/echo.sock <request >reply\n";

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_stream(const struct talk *talk)
{
	return ssv_transport_is_stream(talk->at.transport);
}

static bool has_piece(const struct talk *talk)
{
	return talk->start < talk->end;
}

static void fail(struct talk *talk, int error)
{
	talk->status = explain_connect(error, &talk->at);
	talk->ended = true;
}

static void end_input(struct talk *talk)
{
	talk->input_ended = true;
	talk->start = talk->end = 0;
	talk->quiet_since = now_ms();
	if (is_stream(talk))
		ssv_stream_shutdown(&talk->stream);
}

/* Its reader has had enough: end as other filters do, without a word. */
static int end_by_sigpipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	return 128 + SIGPIPE;
}

static void fail_output(struct talk *talk, int error)
{
	talk->status = error == -EPIPE ? end_by_sigpipe() : explain_output(error);
	talk->ended = true;
}

/* Standard output may be non-blocking: whoever shares it with us decides that. */
static ssize_t write_some(const char *data, size_t size)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	ssize_t n = write(STDOUT_FILENO, data, size);
	int error = errno;

	if (n >= 0)
		return n;
	if (error == EAGAIN)
		poll(&out, 1, -1);
	return error == EAGAIN || error == EINTR ? 0 : -error;
}

static void print(struct talk *talk, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write_some(talk->reply + done, size - done);
		if (n < 0) {
			fail_output(talk, (int)n);
			return;
		}
		done += (size_t)n;
	}
}

/* A server that has read enough and said so may well break off what we still send: EPIPE. */
static void end_of_stream(struct talk *talk)
{
	talk->ended = true;
	if (talk->send_error < 0 && talk->send_error != -EPIPE)
		fail(talk, talk->send_error);
}

static void receive(struct talk *talk)
{
	ssize_t n = ssv_stream_read(&talk->stream, talk->reply, sizeof(talk->reply));

	if (n < 0)
		fail(talk, (int)n);
	else if (n == 0 && is_stream(talk))
		end_of_stream(talk);
	else
		print(talk, (size_t)n);
	talk->quiet_since = now_ms();
}

static void take_input(struct talk *talk)
{
	ssize_t n = read(STDIN_FILENO, talk->piece, sizeof(talk->piece));

	if (n > 0) {
		talk->start = 0;
		talk->end = (size_t)n;
	} else if (n == 0) {
		end_input(talk);
	} else if (errno != EAGAIN && errno != EINTR) {
		complain("cannot read: standard input: %s", strerror(errno));
		talk->status = EXIT_FAILURE;
		talk->ended = true;
	}
}

/* After an error, what the server has said before it is still to be read. */
static void stop_sending(struct talk *talk, int error)
{
	if (!is_stream(talk)) {
		fail(talk, error);
		return;
	}
	talk->send_error = error;
	end_input(talk);
}

static void send_piece(struct talk *talk)
{
	ssize_t n = ssv_stream_try_write(
		&talk->stream, talk->piece + talk->start, talk->end - talk->start);

	if (n >= 0)
		talk->start += (size_t)n;
	else if (n != -EAGAIN)
		stop_sending(talk, (int)n);
}

/* Waits until the server takes more, or says something. */
static void wait_to_send(struct talk *talk)
{
	struct pollfd server = {.fd = talk->stream.fd, .events = POLLIN | POLLOUT};

	if (poll(&server, 1, -1) < 0 && errno != EINTR)
		fail(talk, -errno);
}

static int time_left(const struct talk *talk)
{
	int64_t left = talk->quiet_since + LAST_REPLY_WAIT - now_ms();

	if (has_piece(talk))
		return 0;
	if (!talk->input_ended || is_stream(talk))
		return SSV_FOREVER;
	return left > 0 ? (int)left : 0;
}

/* While a piece is not sent, no more input is taken; but replies are, or both sides could wait for
 * the other to read. */
static void step(struct talk *talk)
{
	bool wants_input = !has_piece(talk) && !talk->input_ended;
	int ready =
		ssv_stream_wait(&talk->stream, wants_input ? STDIN_FILENO : -1, time_left(talk));

	if (ready < 0)
		fail(talk, ready);
	else if (ready == 0 && has_piece(talk))
		wait_to_send(talk);
	else if (ready == 0)
		talk->ended = true;
	if (ready > 0 && (ready & SSV_WAIT_INPUT))
		receive(talk);
	if (!talk->ended && ready > 0 && (ready & SSV_WAIT_OTHER))
		take_input(talk);
	if (!talk->ended && has_piece(talk))
		send_piece(talk);
}

static int converse(struct talk *talk)
{
	while (!talk->ended)
		step(talk);
	ssv_stream_close(&talk->stream);
	return talk->status;
}

static int talk_to(const char *address, const struct settings *settings)
{
	static struct talk talk;
	const char *error;
	int rc;

	if (ssv_address_parse(&talk.at, address, &error) < 0)
		return complain_usage("bad address: %s: %s", address, error);
	rc = ssv_connect(
		&talk.stream, address, settings->timeout > 0 ? settings->timeout : SSV_FOREVER);
	if (rc < 0)
		return explain_connect(rc, &talk.at);
	return converse(&talk);
}

static int print_help(void)
{
	int rc;

	fputs(help_head, stdout);
	options_print_specs(specs);
	fputs(help_examples, stdout);
	rc = output_flush();
	return rc < 0 ? explain_output(rc) : EXIT_SUCCESS;
}

int talk_main(int count, char **arguments)
{
	struct settings settings = {.timeout = 10 * 1000};
	struct options options = {specs, &settings, NULL, NULL};
	int first;

	first = options_parse(&options, count, arguments, false);
	if (first < 0)
		return EXIT_USAGE;
	if (settings.help)
		return print_help();
	if (first == count)
		return complain_usage("no address: talk: give one, such as tcp://127.0.0.1:9999");
	if (count - first > 1)
		return complain_usage("too many addresses: %s: give one", arguments[first + 1]);
	return talk_to(arguments[first], &settings);
}
