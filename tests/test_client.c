#include "clock.h"
#include "resolve.h"
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE 10000 /* milliseconds: only a test that fails waits for so long */

/* For tcase_add_unchecked_fixture(): a fresh directory for all tests of a case to be in. */
static void enter_directory(void)
{
	char path[] = "/tmp/test_client.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chdir(path), 0);
}

static void leave_directory(void)
{
	char path[64];

	unlink("socket");
	ck_assert_ptr_nonnull(getcwd(path, sizeof(path)));
	ck_assert_int_eq(rmdir(path), 0);
}

/* A plain socket of the kernel, bound, and the text by which it is reached. */
struct peer {
	enum ssv_transport transport;
	int fd;
	char text[SSV_ADDRESS_TEXT_SIZE];
};

/* False where the host lacks the address, as it may lack IPv6. */
static bool bind_peer(struct peer *peer, const char *text)
{
	struct ssv_address at = address_of(text);
	const int type = ssv_transport_is_stream(at.transport) ? SOCK_STREAM : SOCK_DGRAM;
	const struct timeval patience = {.tv_sec = PATIENCE / 1000};
	socklen_t length = sizeof(at.socket);

	if (strchr(text, '@') != NULL)
		at.length = sizeof(sa_family_t); /* any abstract name that is free (unix(7)) */
	unlink("socket");                        /* of the test before */
	peer->transport = at.transport;
	peer->fd = socket(at.socket.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (peer->fd < 0 || bind(peer->fd, &at.socket.any, at.length) < 0)
		return false;
	setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(getsockname(peer->fd, &at.socket.any, &length), 0);
	ssv_address_from_socket(&at, at.transport, &at.socket.any, length);
	ssv_address_format(&at, peer->text);
	return true;
}

static bool make_peer(struct peer *peer, const char *text)
{
	if (!bind_peer(peer, text))
		return false;
	if (ssv_transport_is_stream(peer->transport))
		ck_assert_int_eq(listen(peer->fd, 8), 0);
	return true;
}

static void open_to(struct ssv_stream *stream, const char *text)
{
	int rc = ssv_connect(stream, text, PATIENCE);

	ck_assert_msg(rc == 0, "%s: %s", text, strerror(-rc));
	ssv_stream_set_deadline(stream, PATIENCE);
}

/* On the side of the peer: takes "ping" from whoever sent it and answers "pong". */
static void answer(const struct peer *peer)
{
	const bool is_stream = ssv_transport_is_stream(peer->transport);
	int fd = is_stream ? accept(peer->fd, NULL, NULL) : peer->fd;
	struct sockaddr_storage client;
	struct sockaddr *to = is_stream ? NULL : (struct sockaddr *)&client;
	socklen_t length = is_stream ? 0 : sizeof(client);
	char data[8] = "";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(recvfrom(fd, data, sizeof(data), 0, to, &length), 4);
	ck_assert_str_eq(data, "ping");
	ck_assert_int_eq(sendto(fd, "pong", 4, 0, to, length), 4);
	if (is_stream)
		close(fd);
}

static const char *const peers[] = {
	"tcp://127.0.0.1:0",
	"tcp://[::1]:0",
	"tcp://:0",
	"unix:socket",
	"unix:@any",
	"udp://127.0.0.1:0",
	"udp://[::1]:0",
	"unixgram:socket",
	"unixgram:@any",
};

START_TEST(bytes_go_both_ways)
{
	struct ssv_stream stream;
	struct peer peer;
	char data[8] = "";

	if (!make_peer(&peer, peers[_i]))
		return;
	open_to(&stream, peer.text);
	ck_assert_int_eq(ssv_stream_write(&stream, "ping", 4), 4);
	answer(&peer);
	ck_assert_int_eq(ssv_stream_read(&stream, data, sizeof(data)), 4);
	ck_assert_str_eq(data, "pong");
	ssv_stream_close(&stream);
	close(peer.fd);
}
END_TEST

START_TEST(the_descriptor_is_as_a_plain_socket_but_for_close_on_exec)
{
	struct timeval time = {.tv_sec = 1};
	socklen_t length = sizeof(time);
	struct ssv_stream stream;
	struct peer peer;

	if (!make_peer(&peer, peers[_i]))
		return;
	open_to(&stream, peer.text);
	ck_assert_int_eq(stream.transport, peer.transport);
	ck_assert_int_eq(fcntl(stream.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(stream.fd, F_GETFL), O_RDWR);
	ck_assert_int_eq(getsockopt(stream.fd, SOL_SOCKET, SO_SNDTIMEO, &time, &length), 0);
	ck_assert(time.tv_sec == 0 && time.tv_usec == 0);
	ssv_stream_close(&stream);
	close(peer.fd);
}
END_TEST

START_TEST(a_program_without_standard_input_keeps_its_place_free)
{
	struct ssv_stream stream;
	struct peer peer;
	int input = dup(STDIN_FILENO);

	ck_assert(make_peer(&peer, ANYWHERE));
	close(STDIN_FILENO);
	open_to(&stream, peer.text);
	ck_assert_int_gt(stream.fd, STDERR_FILENO);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
	ck_assert_int_eq(fcntl(stream.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(dup2(input, STDIN_FILENO), STDIN_FILENO);
	close(input);
	ssv_stream_close(&stream);
	close(peer.fd);
}
END_TEST

START_TEST(a_name_leads_to_its_addresses)
{
	struct ssv_stream stream;
	struct peer peer;
	char text[64];

	ck_assert(make_peer(&peer, ANYWHERE));
	snprintf(text, sizeof(text), "tcp://localhost%s", strrchr(peer.text, ':'));
	open_to(&stream, text);
	ssv_stream_close(&stream);
	close(peer.fd);
}
END_TEST

START_TEST(a_refused_connection_says_so)
{
	struct ssv_stream stream;
	struct peer peer;

	if (!bind_peer(&peer, _i < 2 ? peers[_i] : "unix:socket"))
		return;
	ck_assert_int_eq(ssv_connect(&stream, peer.text, PATIENCE), -ECONNREFUSED);
	ck_assert_int_eq(ssv_connect(&stream, peer.text, SSV_FOREVER), -ECONNREFUSED);
	close(peer.fd);
}
END_TEST

static const struct {
	const char *text;
	int rc;
} failures[] = {
	{"localhost:80", -EINVAL},
	{"tcp://localhost", -EINVAL},
	{"unix:missing/socket", -ENOENT},
	{"unix:.", -ECONNREFUSED},
	{"unixgram:missing", -ENOENT},
	{"tcp://[fe80::1%no-such-if]:1", -ENXIO},
	{"tcp://255.255.255.255:1", -ENETUNREACH},
};

START_TEST(a_failure_says_why_and_leaves_no_descriptor_behind)
{
	const size_t before = count_descriptors();
	struct ssv_stream stream;

	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(
			ssv_connect(&stream, failures[_i].text, PATIENCE), failures[_i].rc);
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(a_transport_that_does_not_match_is_refused)
{
	struct ssv_stream stream;
	struct peer peer;

	ck_assert(make_peer(&peer, "unixgram:socket"));
	ck_assert_int_eq(ssv_connect(&stream, "unix:socket", PATIENCE), -EPROTOTYPE);
	close(peer.fd);
}
END_TEST

START_TEST(a_name_that_cannot_be_resolved_is_enxio)
{
	struct ssv_stream stream;

	ck_assert_int_eq(ssv_connect(&stream, "tcp://no-such-host.invalid:1", PATIENCE), -ENXIO);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	char text[256] = "unix:";
	struct ssv_stream stream;

	memset(text + strlen(text), 'x', 200);
	ck_assert_int_eq(ssv_connect(&stream, text, PATIENCE), -ENAMETOOLONG);
}
END_TEST

/* A listener whose queue is full: who connects now has to wait until it accepts. */
static const char *const queues[] = {ANYWHERE, "unix:@any"};
static int queued[4];

static void make_full_peer(struct peer *peer, const char *text)
{
	struct ssv_address at;

	ck_assert(bind_peer(peer, text));
	ck_assert_int_eq(listen(peer->fd, 0), 0);
	at = address_of(peer->text);
	for (int i = 0; i < LENGTH(queued); i++) {
		queued[i] = socket(at.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		fcntl(queued[i], F_SETFL, i == 0 ? 0 : O_NONBLOCK);
		connect(queued[i], &at.socket.any, at.length);
	}
}

static void close_full_peer(const struct peer *peer)
{
	for (int i = 0; i < LENGTH(queued); i++)
		close(queued[i]);
	close(peer->fd);
}

/* The milliseconds that it took to fail. */
static int time_out(const char *text, int timeout)
{
	struct ssv_stream stream;
	int64_t start = ssv_now();

	ck_assert_int_eq(ssv_connect(&stream, text, timeout), -ETIMEDOUT);
	return (int)((ssv_now() - start) / 1000000);
}

START_TEST(a_full_queue_ends_with_a_time_out)
{
	struct peer peer;
	int took;

	make_full_peer(&peer, queues[_i]);
	took = time_out(peer.text, 300);
	ck_assert_int_ge(took, 300);
	ck_assert_int_lt(took, 1300);
	close_full_peer(&peer);
}
END_TEST

START_TEST(no_time_is_time_enough_to_try)
{
	struct ssv_stream stream;
	struct peer full, ready;

	make_full_peer(&full, queues[_i]);
	ck_assert_int_lt(time_out(full.text, 0), 300);
	ck_assert(make_peer(&ready, _i == 0 ? ANYWHERE : "unix:socket"));
	ck_assert_int_eq(ssv_connect(&stream, ready.text, 0), 0);
	ssv_stream_close(&stream);
	close(ready.fd);
	close_full_peer(&full);
}
END_TEST

START_TEST(a_time_out_leaves_no_descriptor_behind)
{
	struct peer peer;
	size_t before;

	make_full_peer(&peer, queues[_i]);
	before = count_descriptors();
	for (int i = 0; i < 20; i++)
		time_out(peer.text, 1);
	ck_assert_uint_eq(count_descriptors(), before);
	close_full_peer(&peer);
}
END_TEST

static volatile sig_atomic_t interruptions;
static int queue = -1;

/* Takes all there is off the queue, once the client has been interrupted a few times. */
static void interrupt(int signal)
{
	int saved = errno, fd = -1;

	(void)signal;
	if (++interruptions > 3 && queue >= 0)
		while ((fd = accept(queue, NULL, NULL)) >= 0)
			close(fd);
	errno = saved;
}

static void interrupt_every_10_ms(void)
{
	const struct itimerval interval = {{.tv_usec = 10000}, {.tv_usec = 10000}};
	const struct sigaction action = {.sa_handler = interrupt};

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &interval, NULL), 0);
}

START_TEST(signals_do_not_change_the_time)
{
	struct peer peer;
	int took;

	make_full_peer(&peer, queues[_i]);
	interrupt_every_10_ms();
	took = time_out(peer.text, 300);
	ck_assert_int_ge(took, 300);
	ck_assert_int_lt(took, 1300);
	ck_assert_int_gt(interruptions, 3);
	close_full_peer(&peer);
}
END_TEST

START_TEST(a_connection_survives_signals)
{
	struct ssv_stream stream;
	struct peer peer;

	make_full_peer(&peer, queues[_i / 2]);
	fcntl(peer.fd, F_SETFL, O_NONBLOCK);
	queue = peer.fd;
	interrupt_every_10_ms();
	ck_assert_int_eq(ssv_connect(&stream, peer.text, _i % 2 == 0 ? PATIENCE : SSV_FOREVER), 0);
	ck_assert_int_gt(interruptions, 3);
	ssv_stream_close(&stream);
	close_full_peer(&peer);
}
END_TEST

/* What ssv_resolve() offers is noted; the attempt returns the next of `results`. */
struct offers {
	int results[4], count;
	struct ssv_address offered[4];
};

static int note(const struct ssv_address *resolved, void *context)
{
	struct offers *offers = context;

	ck_assert_int_lt(offers->count, 4);
	offers->offered[offers->count] = *resolved;
	return offers->results[offers->count++];
}

/* The offers for `text`, as text, one behind the other. */
static const char *offers_for(struct offers *offers, const char *text, int family, int result)
{
	static char all[4 * SSV_ADDRESS_TEXT_SIZE];
	struct ssv_address address = address_of(text);
	char *end = all;

	*end = '\0';
	ck_assert_int_eq(ssv_resolve(&address, family, note, offers), result);
	for (int i = 0; i < offers->count; i++) {
		if (i > 0)
			end = stpcpy(end, " ");
		end += strlen(ssv_address_format(&offers->offered[i], end));
	}
	return all;
}

static const struct {
	const char *text;
	int family, results[4], result;
	const char *offers;
} resolutions[] = {
	{"tcp://127.0.0.1:80", AF_UNSPEC, {7}, 7, "tcp://127.0.0.1:80"},
	{"tcp://127.0.0.1:80", AF_INET, {0}, 0, "tcp://127.0.0.1:80"},
	{"tcp://127.0.0.1:80", AF_INET6, {0}, -EAFNOSUPPORT, ""},
	{"udp://[::1]:80", AF_INET6, {-EIO}, -EIO, "udp://[::1]:80"},
	{"udp://[::1]:80", AF_INET, {0}, -EAFNOSUPPORT, ""},
	{"udp://[::1]:80", AF_UNSPEC, {-EADDRNOTAVAIL}, -EADDRNOTAVAIL, "udp://[::1]:80"},
	{"unix:socket", AF_UNSPEC, {0}, 0, "unix:socket"},
	{"unix:socket", AF_INET, {0}, -EAFNOSUPPORT, ""},
	{"tcp://:80", AF_UNSPEC, {0}, 0, "tcp://[::]:80"},
	{"tcp://:80", AF_INET, {0}, 0, "tcp://0.0.0.0:80"},
	{"tcp://:80", AF_INET6, {-EAFNOSUPPORT}, -EAFNOSUPPORT, "tcp://[::]:80"},
	{"tcp://:80", AF_UNSPEC, {-EADDRINUSE}, -EADDRINUSE, "tcp://[::]:80"},
	{"tcp://:80", AF_UNSPEC, {-EAFNOSUPPORT, 3}, 3, "tcp://[::]:80 tcp://0.0.0.0:80"},
	{"udp://:80", AF_UNSPEC, {-EADDRNOTAVAIL, -EACCES}, -EACCES,
		"udp://[::]:80 udp://0.0.0.0:80"},
	{"udp://localhost:80", AF_INET, {0}, 0, "udp://127.0.0.1:80"},
	{"tcp://no-such-host.invalid:80", AF_UNSPEC, {0}, -ENXIO, ""},
	{"tcp://[fe80::1%no-such-if]:80", AF_UNSPEC, {0}, -ENXIO, ""},
};

START_TEST(an_address_is_tried_as_all_that_it_stands_for)
{
	struct offers offers = {0};

	memcpy(offers.results, resolutions[_i].results, sizeof(offers.results));
	ck_assert_str_eq(offers_for(&offers, resolutions[_i].text, resolutions[_i].family,
				 resolutions[_i].result),
		resolutions[_i].offers);
}
END_TEST

START_TEST(the_scope_of_a_late_interface_is_found_when_it_is_used)
{
	struct ssv_address late = {.transport = SSV_TCP, .name = "fe80::1%lo", .port = 80};
	struct offers offers = {0};
	char text[SSV_ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(ssv_resolve(&late, AF_UNSPEC, note, &offers), 0);
	ck_assert_str_eq(ssv_address_format(&offers.offered[0], text), "tcp://[fe80::1%lo]:80");
	ck_assert_str_eq(offers.offered[0].name, "");
}
END_TEST

static void add_connecting(TCase *tests)
{
	tcase_add_unchecked_fixture(tests, enter_directory, leave_directory);
	FOR_EACH(tests, bytes_go_both_ways, peers);
	FOR_EACH(tests, the_descriptor_is_as_a_plain_socket_but_for_close_on_exec, peers);
	tcase_add_test(tests, a_program_without_standard_input_keeps_its_place_free);
	tcase_add_test(tests, a_name_leads_to_its_addresses);
}

static void add_failing(TCase *tests)
{
	tcase_add_unchecked_fixture(tests, enter_directory, leave_directory);
	tcase_add_loop_test(tests, a_refused_connection_says_so, 0, 3);
	FOR_EACH(tests, a_failure_says_why_and_leaves_no_descriptor_behind, failures);
	tcase_add_test(tests, a_transport_that_does_not_match_is_refused);
	tcase_add_test(tests, a_name_that_cannot_be_resolved_is_enxio);
	tcase_add_test(tests, a_path_that_is_too_long_is_refused);
}

static void add_waiting(TCase *tests)
{
	tcase_add_unchecked_fixture(tests, enter_directory, leave_directory);
	FOR_EACH(tests, a_full_queue_ends_with_a_time_out, queues);
	FOR_EACH(tests, no_time_is_time_enough_to_try, queues);
	FOR_EACH(tests, a_time_out_leaves_no_descriptor_behind, queues);
	FOR_EACH(tests, signals_do_not_change_the_time, queues);
	tcase_add_loop_test(tests, a_connection_survives_signals, 0, 2 * LENGTH(queues));
}

static void add_resolving(TCase *tests)
{
	FOR_EACH(tests, an_address_is_tried_as_all_that_it_stands_for, resolutions);
	tcase_add_test(tests, the_scope_of_a_late_interface_is_found_when_it_is_used);
}

int main(void)
{
	Suite *suite = suite_create("client");

	add_connecting(topic(suite, "connecting"));
	add_failing(topic(suite, "failing"));
	add_waiting(topic(suite, "waiting"));
	add_resolving(topic(suite, "resolving"));
	return run_suite(suite);
}
