/* datagram_guard.h: what it drops, how much it lets pass, and that no two servers go on for ever.
 */
#include "classes.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UDP(i) (&classes[UDP_CLASS + (i)])

/* A server with a guard in front of it. */
struct guarded {
	union any_server any;
	struct ssv_server *server;
	struct ssv_datagram_guard guard;
	struct kept_log events;
	struct served served;
};

static struct guarded one, other;

static void make_guarded(struct guarded *guarded, const struct server_class *class, const char *at)
{
	const struct ssv_address address = address_of(at);

	guarded->server = class->init(&guarded->any, &address, &echo_handler);
	ssv_datagram_guard_init(&guarded->guard, guarded->server);
	keep_log(&guarded->events, guarded->server);
}

static void open_guarded(struct guarded *guarded, const struct server_class *class, const char *at)
{
	make_guarded(guarded, class, at);
	ck_assert_int_eq(ssv_server_open(guarded->server), 0);
}

static uint64_t count_came(const struct guarded *guarded)
{
	struct ssv_counters counters;

	ssv_server_counters(guarded->server, &counters);
	return counters.accepted;
}

static uint64_t count_refused(const struct guarded *guarded)
{
	struct ssv_counters counters;

	ssv_server_counters(guarded->server, &counters);
	return counters.refused;
}

/* --- who is heard --- */

static const struct {
	const char *at, *from;
	int verdict;
} senders[] = {
	{"udp://127.0.0.1:0", "udp://127.0.0.1:1024", 1},
	{"udp://127.0.0.1:0", "udp://127.0.0.1:65535", 1},
	{"udp://127.0.0.1:0", "udp://127.1.2.3:5000", 1},
	{"udp://127.0.0.1:0", "udp://192.0.2.1:5000", 1},
	{"udp://[::1]:0", "udp://[::1]:5000", 1},
	{"udp://0.0.0.0:0", "udp://192.0.2.1:5000", 1},
	{"udp://:0", "udp://192.0.2.1:5000", 1},
	{"udp://:0", "udp://[2001:db8::1]:5000", 1},
	{"udp://:0", "udp://[fe80::1]:5000", 1},

	/* ports of servers */
	{"udp://127.0.0.1:0", "udp://127.0.0.1:0", 0},
	{"udp://127.0.0.1:0", "udp://127.0.0.1:7", 0},
	{"udp://127.0.0.1:0", "udp://127.0.0.1:53", 0},
	{"udp://127.0.0.1:0", "udp://127.0.0.1:1023", 0},
	{"udp://127.0.0.1:0", "udp://127.0.0.1:1900", 0},
	{"udp://127.0.0.1:0", "udp://127.0.0.1:2049", 0},
	{"udp://[::1]:0", "udp://[::1]:5353", 0},
	{"udp://0.0.0.0:0", "udp://192.0.2.1:11211", 0},
	{"udp://:0", "udp://[2001:db8::1]:123", 0},

	/* addresses of nobody, or of many */
	{"udp://127.0.0.1:0", "udp://0.0.0.0:5000", 0},
	{"udp://0.0.0.0:0", "udp://0.1.2.3:5000", 0},
	{"udp://0.0.0.0:0", "udp://224.0.0.1:5000", 0},
	{"udp://0.0.0.0:0", "udp://239.255.255.255:5000", 0},
	{"udp://0.0.0.0:0", "udp://255.255.255.255:5000", 0},
	{"udp://:0", "udp://[::]:5000", 0},
	{"udp://:0", "udp://[ff02::1]:5000", 0},
	{"udp://:0", "udp://[::ffff:192.0.2.1]:5000", 0},
	{"udp://:0", "udp://[::192.0.2.1]:5000", 0},

	/* from the loopback, but not to it */
	{"udp://0.0.0.0:0", "udp://127.0.0.1:5000", 0},
	{"udp://0.0.0.0:0", "udp://127.255.0.1:5000", 0},
	{"udp://:0", "udp://127.0.0.1:5000", 0},
	{"udp://:0", "udp://[::1]:5000", 0},

	/* not of the kind that is guarded */
	{"udp://127.0.0.1:0", "tcp://127.0.0.1:7", 1},
	{"udp://127.0.0.1:0", "unixgram:@nobody", 1},
};
#define N_SENDERS ((int)(sizeof(senders) / sizeof(senders[0])))

/* Much of it no kernel would let through; that is why it is asked, not sent. */
START_TEST(who_cannot_be_a_client_is_not_heard)
{
	struct ssv_request request;

	for (int i = 0; i < N_SENDERS; i++) {
		open_guarded(&one, UDP(_i), senders[i].at);
		ssv_request_init(&request, one.server);
		request.client_address = address_of(senders[i].from);
		ck_assert_msg(ssv_server_verify_request(one.server, &request) == senders[i].verdict,
			"%s from %s", senders[i].at, senders[i].from);
		ck_assert_int_eq(ssv_server_close(one.server), 0);
	}
}
END_TEST

/* A socket that has this port on this host, and shares it with whoever allows it, too. */
static int socket_at(const char *host, uint16_t port)
{
	const struct timeval patience = {.tv_sec = 60};
	char text[64];
	struct ssv_address at;
	int fd;

	snprintf(text, sizeof(text), "udp://%s:%u", host, port);
	at = address_of(text);
	fd = socket(at.socket.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_msg(bind(fd, &at.socket.any, at.length) == 0, "%s: %s", text, strerror(errno));
	return fd;
}

static void send_from(int fd, const char *host, const struct guarded *to, const char *data)
{
	char text[64];
	struct ssv_address at;

	snprintf(text, sizeof(text), "udp://%s:%u", host,
		ssv_address_port(&to->server->server_address));
	at = address_of(text);
	ck_assert_int_eq(
		sendto(fd, data, strlen(data), 0, &at.socket.any, at.length), (int)strlen(data));
}

static void send_and_close(int fd, const char *host, const struct guarded *to)
{
	send_from(fd, host, to, "?");
	close(fd);
}

static void expect_reply(int fd, const char *expected)
{
	char got[64] = "";

	ck_assert_int_eq(recv(fd, got, sizeof(got) - 1, 0), (int)strlen(expected));
	ck_assert_str_eq(got, expected);
}

/* Packets are taken in the order in which they came. */
static void expect_heard(struct guarded *guarded, const char *from, const char *to, int requests)
{
	int client = socket_at(from, 0);

	send_from(client, to, guarded, "hello");
	while (requests-- > 0)
		ck_assert_int_eq(ssv_server_handle_request(guarded->server), 1);
	expect_reply(client, "hello");
	close(client);
}

static const struct {
	const char *at, *from, *to;
} locals[] = {
	{"udp://127.0.0.1:0", "127.0.0.1", "127.0.0.1"},
	{"udp://[::1]:0", "[::1]", "[::1]"},
	{"udp://0.0.0.0:0", "127.0.0.1", "127.0.0.2"},
	{"udp://:0", "127.0.0.1", "127.0.0.2"},
	{"udp://:0", "[::1]", "[::1]"},
};

START_TEST(clients_of_this_host_are_heard_on_its_loopback_wherever_it_is_bound)
{
	open_guarded(&one, UDP(_i % 3), locals[_i / 3].at);
	expect_heard(&one, locals[_i / 3].from, locals[_i / 3].to, 1);
	ck_assert_uint_eq(count_refused(&one), 0);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

/* As though it came from itself: the port is its own, and so is, it has all of them, the address.
 */
START_TEST(a_server_does_not_answer_itself)
{
	uint16_t port;

	make_guarded(&one, UDP(_i), "udp://0.0.0.0:0");
	one.any.udp.allow_reuse_address = true;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	port = ssv_address_port(&one.server->server_address);
	send_and_close(socket_at("127.0.0.2", port), "127.0.0.3", &one);
	expect_heard(&one, "127.0.0.2", "127.0.0.3", 2);
	ck_assert_uint_eq(count_refused(&one), 1);
	ck_assert_int_eq(one.events.count[SSV_LOG_WARNING] + one.events.count[SSV_LOG_ERROR], 0);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

/* Nobody here has 192.0.2.1, an address for documentation. */
START_TEST(another_host_may_use_the_same_port)
{
	struct ssv_request request;

	open_guarded(&one, UDP(_i), "udp://0.0.0.0:0");
	ssv_request_init(&request, one.server);
	request.client_address = one.server->server_address;
	request.client_address.socket.in.sin_addr.s_addr = htonl(0xc0000201);
	ck_assert_int_eq(ssv_server_verify_request(one.server, &request), 1);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

/* --- how much --- */

/* How many of 2,000 packets from there would be heard now. */
static int count_heard(struct guarded *guarded, const char *from)
{
	struct ssv_request request;
	int heard = 0;

	ssv_request_init(&request, guarded->server);
	request.client_address = address_of(from);
	for (int i = 0; i < 2000; i++)
		heard += ssv_server_verify_request(guarded->server, &request);
	return heard;
}

START_TEST(on_the_loopback_each_port_of_each_address_has_a_limit_of_its_own)
{
	set_clock(1000);
	open_guarded(&one, UDP(_i), "udp://127.0.0.1:0");
	ck_assert_int_eq(count_heard(&one, "udp://127.0.0.1:5000"), 40);
	ck_assert_int_eq(count_heard(&one, "udp://127.0.0.1:5001"), 40);
	ck_assert_int_eq(count_heard(&one, "udp://127.0.0.2:5000"), 40);
	set_clock(2000);
	ck_assert_int_eq(count_heard(&one, "udp://127.0.0.1:5000"), 20);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(elsewhere_each_network_has_one)
{
	set_clock(1000);
	open_guarded(&one, UDP(_i), "udp://:0");
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.1:5000"), 40);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.254:5001"), 0);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.3.1:5000"), 40);
	ck_assert_int_eq(count_heard(&one, "udp://[2001:db8:0:12::1]:5000"), 40);
	ck_assert_int_eq(count_heard(&one, "udp://[2001:db8:0:34::1]:5000"), 0);
	ck_assert_int_eq(count_heard(&one, "udp://[2001:db8:0:100::1]:5000"), 40);
	set_clock(2000);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.77:5000"), 20);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

static int count_heard_from_networks(struct guarded *guarded, int networks)
{
	char from[64];
	int heard = 0;

	for (int i = 0; i < networks; i++) {
		snprintf(from, sizeof(from), "udp://198.18.%d.1:5000", i);
		heard += count_heard(guarded, from);
	}
	return heard;
}

START_TEST(elsewhere_all_together_have_a_limit_too)
{
	set_clock(1000);
	open_guarded(&one, UDP(_i), "udp://0.0.0.0:0");
	ck_assert_int_eq(count_heard_from_networks(&one, 30), 1000);
	set_clock(2000);
	ck_assert_int_eq(count_heard_from_networks(&one, 30), 20 * 30);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(a_global_rate_of_0_lifts_the_limit_of_all_together_alone)
{
	set_clock(1000);
	make_guarded(&one, UDP(_i), "udp://0.0.0.0:0");
	one.guard.global_rate = 0;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	ck_assert_int_eq(count_heard_from_networks(&one, 30), 40 * 30);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(the_loopback_has_no_limit_for_all_together)
{
	char from[64];

	set_clock(1000);
	open_guarded(&one, UDP(_i), "udp://127.0.0.1:0");
	for (int port = 5000; port < 5030; port++) {
		snprintf(from, sizeof(from), "udp://127.0.0.1:%d", port);
		ck_assert_int_eq(count_heard(&one, from), 40);
	}
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(the_limits_are_fields)
{
	set_clock(1000);
	make_guarded(&one, UDP(_i), "udp://0.0.0.0:0");
	ck_assert_int_eq(one.guard.rate, 20);
	ck_assert_int_eq(one.guard.burst, 40);
	ck_assert_int_eq(one.guard.global_rate, 1000);
	one.guard.rate = 3;
	one.guard.burst = 5;
	one.guard.global_rate = 7;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.1:5000"), 5);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.3.1:5000"), 2);
	set_clock(2000);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.1:5000"), 3);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(a_rate_of_0_lifts_the_limits_but_not_the_filter)
{
	set_clock(1000);
	make_guarded(&one, UDP(_i), "udp://0.0.0.0:0");
	one.guard.rate = 0;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.1:5000"), 2000);
	ck_assert_int_eq(count_heard(&one, "udp://192.0.2.1:500"), 0);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(without_a_rate_no_memory_is_taken_for_one)
{
	make_guarded(&one, UDP(_i), "udp://127.0.0.1:0");
	one.guard.rate = 0;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	ck_assert_ptr_null(one.guard.sources);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

/* Fields are to be set before open; who does not is not to crash. */
START_TEST(a_rate_that_is_set_too_late_holds_from_the_next_open)
{
	set_clock(1000);
	make_guarded(&one, UDP(_i), "udp://127.0.0.1:0");
	one.guard.rate = 0;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	one.guard.rate = 20;
	ck_assert_int_eq(count_heard(&one, "udp://127.0.0.1:5000"), 2000);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	ck_assert_int_eq(count_heard(&one, "udp://127.0.0.1:5000"), 40);
	ck_assert_int_eq(ssv_server_close(one.server), 0);
}
END_TEST

START_TEST(it_begins_anew_with_each_open)
{
	set_clock(1000);
	make_guarded(&one, UDP(_i), "udp://127.0.0.1:0");
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ssv_server_open(one.server), 0);
		ck_assert_int_eq(count_heard(&one, "udp://127.0.0.1:5000"), 40);
		ck_assert_int_eq(ssv_server_close(one.server), 0);
		ck_assert_int_eq(ssv_server_close(one.server), 0);
	}
}
END_TEST

/* --- sockets --- */

/* Where a child's end is only seen by looking now and then, as under valgrind, time has to pass. */
static bool needs_time(const struct server_class *class)
{
	return class->is_forking && under_valgrind();
}

START_TEST(what_is_too_much_is_dropped_without_a_word)
{
	int flood, honest;

	if (needs_time(UDP(_i)))
		return;
	set_clock(1000);
	open_guarded(&one, UDP(_i), "udp://127.0.0.1:0");
	flood = socket_at("127.0.0.1", 0);
	honest = socket_at("127.0.0.1", 0);
	for (int i = 0; i < 60; i++)
		send_from(flood, "127.0.0.1", &one, "more");
	send_from(honest, "127.0.0.1", &one, "please");
	serve(&one.served, one.server);
	expect_reply(honest, "please");
	for (int i = 0; i < 40; i++)
		expect_reply(flood, "more");
	stop_and_close(&one.served);
	ck_assert_int_eq(recv(flood, &(char){0}, 1, MSG_DONTWAIT), -1);
	ck_assert_uint_eq(count_came(&one), 61);
	ck_assert_uint_eq(count_refused(&one), 20);
	ck_assert_int_eq(one.events.count[SSV_LOG_WARNING] + one.events.count[SSV_LOG_ERROR], 0);
	close(flood);
	close(honest);
}
END_TEST

/*
 * A server in a process of its own, since one of them may fork, and a sanitizer's allocator does
 * not like that beside other threads. Returns the process.
 */
static pid_t serve_elsewhere(const struct server_class *class, int rate, uint16_t *port)
{
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		make_guarded(&other, class, "udp://127.0.0.1:0");
		other.any.udp.allow_reuse_port = true;
		other.guard.rate = rate;
		ck_assert_int_eq(ssv_server_open(other.server), 0);
		*port = ssv_address_port(&other.server->server_address);
		ck_assert_int_eq(write(ready[1], port, sizeof(*port)), sizeof(*port));
		_exit(ssv_server_serve_forever(other.server) < 0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], port, sizeof(*port)), sizeof(*port));
	close(ready[0]);
	return pid;
}

/*
 * Opens two servers of any classes, sends the one a packet in the other's name, and waits until
 * that is so of the one. It is the first to get one, so its limit is reached first.
 */
static void set_upon_each_other(int i, int rate, bool (*condition)(void))
{
	int patience = 200000; /* Check has less */
	uint16_t port;
	pid_t pid = serve_elsewhere(UDP(i % 3), rate, &port);

	make_guarded(&one, UDP(i / 3), "udp://127.0.0.1:0");
	one.guard.rate = rate;
	ck_assert_int_eq(ssv_server_open(one.server), 0);
	send_and_close(socket_at("127.0.0.1", port), "127.0.0.1", &one);
	serve(&one.served, one.server);
	while (!condition() && --patience > 0)
		poll(NULL, 0, 1);
	ck_assert_int_gt(patience, 0);
	stop_and_close(&one.served);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static bool is_silent(void)
{
	return count_refused(&one) > 0;
}

/* What came was one forged packet, and the other's answer to each of ours. */
START_TEST(two_servers_set_upon_each_other_fall_silent_within_100_packets)
{
	uint64_t came, answered;

	if (needs_time(UDP(_i / 3)) || needs_time(UDP(_i % 3)))
		return;
	set_clock(1000);
	set_upon_each_other(_i, 20, is_silent);
	came = count_came(&one);
	answered = came - count_refused(&one);
	ck_assert_uint_eq(came, answered + 1);
	ck_assert_uint_eq(answered, 40);
	ck_assert_uint_le(came + answered, 100);
}
END_TEST

static bool goes_on(void)
{
	return count_came(&one) > 50; /* so far, and as many of the other's */
}

START_TEST(without_limits_they_go_on)
{
	set_upon_each_other(_i, 0, goes_on);
	ck_assert_uint_eq(count_refused(&one), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("datagram_guard");
	TCase *tcase = topic(suite, "datagram_guard");

	tcase_set_timeout(tcase, under_valgrind() ? 60 : 4); /* a hundred forks */
	tcase_add_loop_test(tcase, who_cannot_be_a_client_is_not_heard, 0, 3);
	tcase_add_loop_test(tcase,
		clients_of_this_host_are_heard_on_its_loopback_wherever_it_is_bound, 0, 3 * 5);
	tcase_add_loop_test(tcase, a_server_does_not_answer_itself, 0, 3);
	tcase_add_loop_test(tcase, another_host_may_use_the_same_port, 0, 3);
	tcase_add_loop_test(
		tcase, on_the_loopback_each_port_of_each_address_has_a_limit_of_its_own, 0, 3);
	tcase_add_loop_test(tcase, elsewhere_each_network_has_one, 0, 3);
	tcase_add_loop_test(tcase, elsewhere_all_together_have_a_limit_too, 0, 3);
	tcase_add_loop_test(tcase, a_global_rate_of_0_lifts_the_limit_of_all_together_alone, 0, 3);
	tcase_add_loop_test(tcase, the_loopback_has_no_limit_for_all_together, 0, 3);
	tcase_add_loop_test(tcase, the_limits_are_fields, 0, 3);
	tcase_add_loop_test(tcase, a_rate_of_0_lifts_the_limits_but_not_the_filter, 0, 3);
	tcase_add_loop_test(tcase, without_a_rate_no_memory_is_taken_for_one, 0, 3);
	tcase_add_loop_test(tcase, a_rate_that_is_set_too_late_holds_from_the_next_open, 0, 3);
	tcase_add_loop_test(tcase, it_begins_anew_with_each_open, 0, 3);
	tcase_add_loop_test(tcase, what_is_too_much_is_dropped_without_a_word, 0, 3);
	tcase_add_loop_test(
		tcase, two_servers_set_upon_each_other_fall_silent_within_100_packets, 0, 9);
	tcase_add_loop_test(tcase, without_limits_they_go_on, 0, 9);
	return run_suite(suite);
}
