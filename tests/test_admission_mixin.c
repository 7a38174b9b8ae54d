/* admission_mixin.h: who is let in, how many, how often; who waits, and who is refused. */
#include "classes.h"

#include "clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HERE "127.0.0.1"
#define ELSEWHERE "127.0.0.2"

static const struct server_class *class;
static union any_server any;
static struct ssv_server *server;
static struct ssv_admission_mixin admission;
static struct kept_log events;
static struct served served;

/* --- a handler that stays as long as the test wants: pipes, which children have, too --- */

static int started[2], gate[2];

static int stay(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char byte;

	if (ssv_stream_read(stream, &byte, 1) != 1 || write(started[1], &byte, 1) != 1 ||
		read(gate[0], &byte, 1) != 1)
		return -EIO;
	return (int)ssv_stream_write(stream, "done", 4);
}

static const struct ssv_handler_ops stay_handler = {.handle = stay};

/* So many handlers have begun. */
static void expect_started(int n)
{
	struct pollfd polled = {.fd = started[0], .events = POLLIN};
	char byte;

	for (int i = 0; i < n; i++) {
		ck_assert_msg(poll(&polled, 1, 10000) == 1, "only %d have started", i);
		ck_assert_int_eq(read(started[0], &byte, 1), 1);
	}
}

static void let_go(int n)
{
	while (n-- > 0)
		ck_assert_int_eq(write(gate[1], "!", 1), 1);
}

/* --- a layer of the test's own --- */

struct doorman {
	struct ssv_layer layer;
	bool closed;
	pid_t serving_thread;
};

static struct doorman doorman;

static int doorman_serve_forever(struct ssv_layer *layer)
{
	__atomic_store_n(&doorman.serving_thread, gettid(), __ATOMIC_SEQ_CST);
	return ssv_super_serve_forever(layer);
}

static int doorman_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	if (__atomic_load_n(&doorman.closed, __ATOMIC_SEQ_CST))
		return 0;
	return ssv_super_verify_request(layer, request);
}

static const struct ssv_layer_ops doorman_ops = {
	.serve_forever = doorman_serve_forever,
	.verify_request = doorman_verify_request,
};

/* --- the server --- */

static void make_at(const struct server_class *of, const struct ssv_address *at,
	const struct ssv_handler_ops *handler)
{
	class = of;
	server = class->init(&any, at, handler);
	ssv_admission_mixin_init(&admission, server);
	keep_log(&events, server);
	ck_assert_int_eq(pipe(started), 0);
	ck_assert_int_eq(pipe(gate), 0);
}

static void make(const struct server_class *of)
{
	const struct ssv_address at = fresh_address(of);

	make_at(of, &at, &stay_handler);
	ssv_server_link(server, &doorman.layer, &doorman_ops);
}

static void open_and_serve(void)
{
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
}

static void close_pipes(void)
{
	for (int i = 0; i < 2; i++) {
		close(started[i]);
		close(gate[i]);
	}
}

static void end(void)
{
	stop_and_close(&served);
	close_pipes();
}

static struct ssv_counters counters(void)
{
	struct ssv_counters now;

	ssv_server_counters(server, &now);
	return now;
}

static bool are_refused(uint64_t n)
{
	return counters().refused == n;
}

static bool are_active(uint64_t n)
{
	return counters().active == n;
}

static void wait_until(bool (*condition)(uint64_t n), uint64_t n)
{
	int patience = 10000;

	while (!condition(n) && --patience > 0)
		poll(NULL, 0, 1);
	ck_assert_int_gt(patience, 0);
}

/* --- clients --- */

static void ask_to_start(int client)
{
	/* A stream may have been closed by now. */
	if (send(client, "x", 1, MSG_NOSIGNAL) < 0)
		ck_assert_msg(errno == EPIPE || errno == ECONNRESET, "%s", strerror(errno));
}

/* Connects and asks; `host` is who says so, where the server's transport has hosts. */
static int enter_from(const char *host)
{
	const struct ssv_address *at = &server->server_address;
	const struct timeval patience = {.tv_sec = 10};
	struct sockaddr_in from = {.sin_family = AF_INET};
	const int type = class->is_stream ? SOCK_STREAM : SOCK_DGRAM;
	int client;

	if (at->socket.any.sa_family == AF_UNIX) {
		client = connect_to(server);
	} else {
		inet_pton(AF_INET, host, &from.sin_addr);
		client = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		ck_assert_int_eq(bind(client, (struct sockaddr *)&from, sizeof(from)), 0);
		ck_assert_int_eq(connect(client, &at->socket.any, at->length), 0);
	}
	ask_to_start(client);
	return client;
}

static int enter(void)
{
	return enter_from(HERE);
}

/* Children that were forked meanwhile hold it, too. */
static void leave(int client)
{
	shutdown(client, SHUT_RDWR);
	close(client);
}

static void expect_done(int client)
{
	ask(client, "", "done");
	leave(client);
}

/* On a stream the end; a packet has no answer, by the time that the server has counted it. */
static void expect_refusal(int client)
{
	if (class->is_stream)
		expect_end(client);
	else
		ck_assert_int_eq(recv(client, &(char){0}, 1, MSG_DONTWAIT), -1);
	leave(client);
}

/* The n-th to be refused since the server was opened. */
static void expect_refused_from(const char *host, uint64_t n)
{
	int client = enter_from(host);

	wait_until(are_refused, n);
	expect_refusal(client);
}

/* --- how many --- */

START_TEST(at_max_connections_the_next_waits_without_a_spin_and_is_served_when_one_ends)
{
	int clients[3];

	make(&classes[MIXED_CLASS(_i)]);
	admission.max_connections = 2;
	open_and_serve();
	for (int i = 0; i < 2; i++)
		clients[i] = enter();
	expect_started(2);
	clients[2] = enter();
	expect_idleness(__atomic_load_n(&doorman.serving_thread, __ATOMIC_SEQ_CST));
	ck_assert_uint_eq(counters().accepted, 2);

	let_go(1);
	expect_started(1);
	let_go(2);
	for (int i = 0; i < 3; i++)
		expect_done(clients[i]);
	ck_assert_uint_eq(counters().refused, 0);
	end();
}
END_TEST

START_TEST(or_it_is_refused_at_once_and_counted)
{
	int clients[3];

	make(&classes[MIXED_CLASS(_i)]);
	admission.max_connections = 2;
	admission.refuse = true;
	open_and_serve();
	for (int i = 0; i < 2; i++)
		clients[i] = enter();
	expect_started(2);
	expect_refused_from(HERE, 1);
	expect_refused_from(ELSEWHERE, 2);
	let_go(2);
	for (int i = 0; i < 2; i++)
		expect_done(clients[i]);
	wait_until(are_active, 0);
	clients[2] = enter();
	expect_started(1);
	let_go(1);
	expect_done(clients[2]);
	ck_assert_uint_eq(counters().refused, 2);
	ck_assert_int_eq(logged(&events, SSV_LOG_WARNING) + logged(&events, SSV_LOG_ERROR), 0);
	end();
}
END_TEST

/* One after the other is all that it can do, and a limit of one must not stop it. */
START_TEST(a_synchronous_server_has_no_more_than_one)
{
	int clients[5];

	make(&classes[3 * (_i / 2)]);
	admission.max_connections = 1;
	admission.refuse = _i % 2;
	open_and_serve();
	for (int i = 0; i < LENGTH(clients); i++)
		clients[i] = enter();
	let_go(LENGTH(clients));
	for (int i = 0; i < LENGTH(clients); i++)
		expect_done(clients[i]);
	ck_assert_uint_eq(counters().refused, 0);
	end();
}
END_TEST

START_TEST(stopping_while_full_is_immediate_and_who_waits_is_served_later)
{
	int clients[2];

	make(&classes[MIXED_CLASS(_i)]);
	admission.max_connections = 1;
	open_and_serve();
	clients[0] = enter();
	expect_started(1);
	clients[1] = enter();
	ck_assert_int_eq(ssv_server_shutdown(server), 0); /* the test's time is limited */
	ck_assert_int_eq(result_of(&served), 0);
	serve(&served, server);
	let_go(2);
	expect_started(1);
	for (int i = 0; i < 2; i++)
		expect_done(clients[i]);
	end();
}
END_TEST

/* TCP and UDP; of Unix streams see below. */
START_TEST(max_per_address_refuses_that_address_alone)
{
	int clients[3];

	make(&classes[MIXED_CLASS(_i < 2 ? _i : _i + 2)]);
	admission.max_per_address = 2;
	open_and_serve();
	clients[0] = enter_from(HERE);
	clients[1] = enter_from(HERE);
	clients[2] = enter_from(ELSEWHERE);
	expect_started(3);
	expect_refused_from(HERE, 1);
	let_go(3);
	for (int i = 0; i < 3; i++)
		expect_done(clients[i]);
	wait_until(are_active, 0);

	clients[0] = enter_from(HERE);
	expect_started(1);
	let_go(1);
	expect_done(clients[0]);
	ck_assert_uint_eq(counters().refused, 1);
	end();
}
END_TEST

START_TEST(nobody_vouches_for_the_sender_of_a_unix_datagram)
{
	int clients[3];

	make(&classes[9 + 1 + _i]);
	admission.max_per_address = admission.rate = 1;
	open_and_serve();
	for (int i = 0; i < 3; i++)
		clients[i] = enter();
	expect_started(3);
	let_go(3);
	for (int i = 0; i < 3; i++)
		expect_done(clients[i]);
	end();
}
END_TEST

/* Connects as somebody else, in a child; exits with 0 where it is served. */
static pid_t enter_as(uid_t user)
{
	pid_t pid = fork();
	char got[4];
	int client;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	if (setresuid(user, user, user) < 0)
		_exit(77);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(client, &server->server_address.socket.any, server->server_address.length) <
			0 ||
		send(client, "x", 1, MSG_NOSIGNAL) != 1)
		_exit(2);
	_exit(recv(client, got, sizeof(got), MSG_WAITALL) != sizeof(got));
}

START_TEST(users_of_a_unix_socket_are_told_apart)
{
	struct ssv_address at;
	char name[64];
	int client, status;
	pid_t other;

	snprintf(name, sizeof(name), "unix:@admission-%d", (int)getpid());
	at = address_of(name);
	make_at(&classes[3 + 1 + _i], &at, &stay_handler);
	admission.max_per_address = 1;
	ck_assert_int_eq(ssv_server_open(server), 0);
	other = enter_as(65534); /* before there are threads */
	serve(&served, server);
	client = enter();
	expect_started(geteuid() == 0 ? 2 : 1);
	expect_refused_from(HERE, 1);
	let_go(2);
	expect_done(client);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(WEXITSTATUS(status), geteuid() == 0 ? 0 : 77);
	end();
}
END_TEST

static int kill_child(pid_t pid, const struct ssv_request *request, void *context)
{
	(void)request;
	(void)context;
	return kill(pid, SIGKILL) == 0;
}

START_TEST(a_killed_child_gives_its_place_back)
{
	int clients[2];

	make(&classes[FORKING_CLASS(_i)]);
	admission.max_connections = 1;
	admission.max_per_address = 1;
	open_and_serve();
	for (int i = 0; i < 3; i++) {
		clients[0] = enter();
		expect_started(1);
		clients[1] = enter();
		while (ssv_forking_mixin_each_child(forking_of(class, &any), kill_child, NULL) == 0)
			poll(NULL, 0, 1); /* the child was there before the parent's list has it */
		expect_started(1);
		let_go(1);
		expect_done(clients[1]);
		leave(clients[0]);
		wait_until(are_active, 0);
	}
	ck_assert_uint_eq(counters().refused, 0);
	end();
}
END_TEST

/* --- many at once --- */

#define MOST 3
#define CROWD 8
#define TIMES 25

/* Shared with the children. */
static struct {
	int inside, most, served;
} * crowd;

static int crowd_handle(struct ssv_handler *handler)
{
	int inside = __atomic_add_fetch(&crowd->inside, 1, __ATOMIC_SEQ_CST);
	int most = __atomic_load_n(&crowd->most, __ATOMIC_SEQ_CST), n;
	char byte;

	while (inside > most && !__atomic_compare_exchange_n(&crowd->most, &most, inside, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	n = (int)ssv_stream_read(handler->request->stream, &byte, 1);
	__atomic_sub_fetch(&crowd->inside, 1, __ATOMIC_SEQ_CST);
	if (n == 1)
		n = (int)ssv_stream_write(handler->request->stream, "done", 4);
	return n;
}

static const struct ssv_handler_ops crowd_handler = {.handle = crowd_handle};

static void *come_again_and_again(void *context)
{
	char got[4];
	int client;

	(void)context;
	for (int i = 0; i < TIMES; i++) {
		client = connect_to(server);
		ask_to_start(client);
		if (recv(client, got, sizeof(got), MSG_WAITALL) == sizeof(got))
			__atomic_add_fetch(&crowd->served, 1, __ATOMIC_SEQ_CST);
		leave(client);
	}
	return NULL;
}

START_TEST(a_crowd_is_never_more_than_the_limit_and_nobody_is_forgotten)
{
	struct ssv_address at = fresh_address(&classes[MIXED_CLASS(_i / 2)]);
	pthread_t threads[CROWD];

	crowd = mmap(
		NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_at(&classes[MIXED_CLASS(_i / 2)], &at, &crowd_handler);
	admission.max_connections = MOST;
	admission.refuse = _i % 2;
	open_and_serve();
	for (int i = 0; i < CROWD; i++)
		pthread_create(&threads[i], NULL, come_again_and_again, NULL);
	for (int i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	wait_until(are_active, 0);
	ck_assert_int_le(crowd->most, MOST);
	if (!under_valgrind()) { /* which loses some */
		ck_assert_int_eq(crowd->served + (int)counters().refused, CROWD * TIMES);
		ck_assert_uint_eq(counters().accepted, CROWD * TIMES);
	}
	if (!admission.refuse)
		ck_assert_uint_eq(counters().refused, 0);
	end();
	munmap(crowd, sizeof(*crowd));
}
END_TEST

START_TEST(threads_get_requests_side_by_side_unless_somebody_may_have_to_wait)
{
	static const struct {
		int max_connections;
		bool refuse, alone;
	} cases[] = {{0, false, false}, {5, true, false}, {5, false, true}};

	make(&classes[THREADING_CLASS(_i)]);
	for (int i = 0; i < LENGTH(cases); i++) {
		admission.max_connections = cases[i].max_connections;
		admission.refuse = cases[i].refuse;
		ck_assert_int_eq(ssv_server_open(server), 0);
		ck_assert_int_eq(admission.layer.ops->get_request != NULL, cases[i].alone);
		ck_assert_int_eq(ssv_server_close(server), 0);
	}
	close_pipes();
}
END_TEST

/* --- how often, and who: what no socket here could send is asked --- */

static void make_anywhere(const struct server_class *of, const char *where)
{
	struct ssv_address at = address_of(where);

	make_at(of, &at, &echo_handler);
}

static int count_let_in(const char *from, int tries)
{
	struct ssv_request request;
	int n = 0;

	ssv_request_init(&request, server);
	request.client_address = address_of(from);
	while (tries-- > 0)
		n += ssv_server_verify_request(server, &request);
	return n;
}

static const char *const anywhere[] = {[SSV_TCP] = "tcp://:0", [SSV_UDP] = "udp://:0"};
#define INTERNET_CLASS(i) (&classes[(i) < 3 ? TCP_CLASS + (i) : UDP_CLASS + (i)-3])
#define N_INTERNET_CLASSES 6

START_TEST(each_address_has_a_burst_and_a_rate_of_its_own)
{
	make_anywhere(INTERNET_CLASS(_i), anywhere[INTERNET_CLASS(_i)->transport]);
	admission.rate = 3;
	admission.burst = 5;
	set_clock(1000);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(count_let_in("tcp://192.0.2.1:1000", 100), 5);
	ck_assert_int_eq(count_let_in("tcp://192.0.2.1:1001", 100), 0);
	ck_assert_int_eq(count_let_in("tcp://192.0.2.2:1000", 100), 5);
	set_clock(2000);
	ck_assert_int_eq(count_let_in("tcp://192.0.2.1:1000", 100), 3);
	set_clock(60000);
	ck_assert_int_eq(count_let_in("tcp://192.0.2.1:1000", 100), 5);
	ck_assert_int_eq(ssv_server_close(server), 0);
	close_pipes();
}
END_TEST

START_TEST(of_ipv6_a_network_is_one_address_but_for_the_link_local)
{
	make_anywhere(INTERNET_CLASS(_i), anywhere[INTERNET_CLASS(_i)->transport]);
	admission.rate = 4;
	set_clock(1000);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(count_let_in("tcp://[2001:db8:0:1::1]:1000", 100), 4);
	ck_assert_int_eq(count_let_in("tcp://[2001:db8:0:1:ffff::2]:1000", 100), 0);
	ck_assert_int_eq(count_let_in("tcp://[2001:db8:0:2::1]:1000", 100), 4);
	ck_assert_int_eq(count_let_in("tcp://[fe80::1]:1000", 100), 4);
	ck_assert_int_eq(count_let_in("tcp://[fe80::2]:1000", 100), 4);
	ck_assert_int_eq(ssv_server_close(server), 0);
	close_pipes();
}
END_TEST

START_TEST(rates_begin_anew_with_each_open)
{
	make_anywhere(INTERNET_CLASS(_i), anywhere[INTERNET_CLASS(_i)->transport]);
	admission.rate = 2;
	set_clock(1000);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ssv_server_open(server), 0);
		ck_assert_int_eq(count_let_in("tcp://192.0.2.1:1000", 10), 2);
		ck_assert_int_eq(ssv_server_close(server), 0);
		ck_assert_int_eq(ssv_server_close(server), 0);
	}
	close_pipes();
}
END_TEST

/* Where a child's end is only seen by looking now and then, as under valgrind, time has to pass. */
START_TEST(what_comes_too_often_is_refused_and_counted)
{
	int client;

	if (classes[_i].transport == SSV_UNIXGRAM || under_valgrind())
		return;
	make(&classes[_i]);
	server->handler = &echo_handler;
	admission.rate = 1;
	admission.burst = 3;
	set_clock(1000);
	open_and_serve();
	for (int i = 0; i < 3; i++) {
		client = enter();
		ask(client, "", "x");
		leave(client);
	}
	expect_refused_from(HERE, 1);
	expect_refused_from(HERE, 2);
	end();
}
END_TEST

static const struct {
	const char *const allow[3], *const deny[3];
	const char *from;
	int verdict;
} verdicts[] = {
	{{NULL}, {NULL}, "tcp://192.0.2.1:1", 1},

	/* something allowed keeps everybody else out; something denied, itself alone */
	{{"10.0.0.0/8"}, {NULL}, "tcp://10.1.2.3:1", 1},
	{{"10.0.0.0/8"}, {NULL}, "tcp://11.1.2.3:1", 0},
	{{"10.0.0.0/8"}, {NULL}, "tcp://[2001:db8::1]:1", 0},
	{{"10.0.0.0/8", "2001:db8::/32"}, {NULL}, "tcp://[2001:db8::1]:1", 1},
	{{NULL}, {"10.0.0.0/8"}, "tcp://10.1.2.3:1", 0},
	{{NULL}, {"10.0.0.0/8"}, "tcp://11.1.2.3:1", 1},
	{{NULL}, {"11.0.0.0/8", "10.0.0.0/8"}, "tcp://10.1.2.3:1", 0},
	{{NULL}, {"::/0"}, "tcp://[::1]:1", 0},
	{{NULL}, {"::/0"}, "tcp://127.0.0.1:1", 1},

	/* the longest prefix decides */
	{{"10.1.0.0/16"}, {"10.0.0.0/8"}, "tcp://10.1.2.3:1", 1},
	{{"10.1.0.0/16"}, {"10.0.0.0/8"}, "tcp://10.2.2.3:1", 0},
	{{"10.1.0.0/16"}, {"10.0.0.0/8"}, "tcp://192.0.2.1:1", 0},
	{{"10.0.0.0/8"}, {"10.1.0.0/16"}, "tcp://10.1.2.3:1", 0},
	{{"10.0.0.0/8"}, {"10.1.0.0/16"}, "tcp://10.2.2.3:1", 1},
	{{"10.0.0.0/8", "10.1.2.3"}, {"10.1.0.0/16"}, "tcp://10.1.2.3:1", 1},
	{{"10.1.2.3", "10.0.0.0/8"}, {"10.1.0.0/16"}, "tcp://10.1.2.3:1", 1},
	{{"0.0.0.0/0"}, {"10.0.0.0/8"}, "tcp://192.0.2.1:1", 1},
	{{"0.0.0.0/0"}, {"0.0.0.0/0"}, "tcp://192.0.2.1:1", 0},
	{{"10.1.2.3"}, {"10.1.2.3"}, "tcp://10.1.2.3:1", 0},

	/* without an address of the kind */
	{{"10.0.0.0/8"}, {NULL}, "unix:/tmp/x", 1},
	{{NULL}, {"0.0.0.0/0", "::/0"}, "unixgram:@x", 1},
};

static size_t parse_all(struct ssv_cidr blocks[3], const char *const texts[3])
{
	size_t n = 0;

	for (; n < 3 && texts[n] != NULL; n++)
		ck_assert_int_eq(ssv_cidr_parse(&blocks[n], texts[n], NULL), 0);
	return n;
}

START_TEST(of_all_blocks_the_longest_prefix_decides)
{
	struct ssv_cidr allow[3], deny[3];

	make_anywhere(INTERNET_CLASS(_i), anywhere[INTERNET_CLASS(_i)->transport]);
	admission.allow = allow;
	admission.deny = deny;
	ck_assert_int_eq(ssv_server_open(server), 0);
	for (int i = 0; i < LENGTH(verdicts); i++) {
		admission.allow_count = parse_all(allow, verdicts[i].allow);
		admission.deny_count = parse_all(deny, verdicts[i].deny);
		ck_assert_msg(count_let_in(verdicts[i].from, 1) == verdicts[i].verdict, "%d: %s", i,
			verdicts[i].from);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
	close_pipes();
}
END_TEST

START_TEST(who_may_not_come_is_refused_and_counted)
{
	struct ssv_cidr deny;
	int client;

	ck_assert_int_eq(ssv_cidr_parse(&deny, ELSEWHERE, NULL), 0);
	make(INTERNET_CLASS(_i));
	server->handler = &echo_handler;
	admission.deny = &deny;
	admission.deny_count = 1;
	open_and_serve();
	expect_refused_from(ELSEWHERE, 1);
	client = enter_from(HERE);
	ask(client, "", "x");
	leave(client);
	ck_assert_uint_eq(counters().refused, 1);
	end();
}
END_TEST

START_TEST(an_ipv4_client_of_a_server_of_both_families_is_judged_as_one)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct ssv_cidr deny;
	struct sockaddr_in to = at;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(ssv_cidr_parse(&deny, "127.0.0.0/8", NULL), 0);
	make_anywhere(&classes[TCP_CLASS + _i], "tcp://:0");
	admission.deny = &deny;
	admission.deny_count = 1;
	open_and_serve();
	to.sin_port = htons(ssv_address_port(&server->server_address));
	ck_assert_int_eq(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	expect_end(client);
	leave(client);
	ck_assert_uint_eq(counters().refused, 1);
	end();
}
END_TEST

/* --- beside others --- */

static void link_in_order(int order, struct ssv_datagram_guard *guard)
{
	const struct ssv_address at = fresh_address(class);

	server = class->init(&any, &at, &stay_handler);
	for (int i = 0; i < 3; i++) {
		switch ((order + i) % 3) {
		case 0:
			ssv_admission_mixin_init(&admission, server);
			break;
		case 1:
			ssv_datagram_guard_init(guard, server);
			break;
		default:
			ssv_server_link(server, &doorman.layer, &doorman_ops);
		}
	}
	keep_log(&events, server);
}

/* In any order; and whom another layer turns away, even after it, takes nobody's place. */
START_TEST(it_stacks_with_a_datagram_guard_and_a_layer_of_ones_own)
{
	struct ssv_datagram_guard guard;
	int client;

	make(&classes[MIXED_CLASS(_i / 3)]);
	link_in_order(_i % 3, &guard);
	admission.max_connections = 1;
	admission.refuse = true;
	open_and_serve();
	__atomic_store_n(&doorman.closed, true, __ATOMIC_SEQ_CST);
	expect_refused_from(HERE, 1);
	wait_until(are_active, 0);
	__atomic_store_n(&doorman.closed, false, __ATOMIC_SEQ_CST);
	client = enter();
	expect_started(1);
	expect_refused_from(HERE, 2);
	if (class->transport == SSV_UDP)
		ck_assert_int_eq(count_let_in("udp://127.0.0.1:7", 1), 0);
	let_go(1);
	expect_done(client);
	end();
}
END_TEST

START_TEST(without_options_it_lets_everybody_in)
{
	int client;

	make(&classes[_i]);
	server->handler = &echo_handler;
	open_and_serve();
	for (int i = 0; i < 20; i++) {
		client = enter();
		ask(client, "", "x");
		leave(client);
	}
	ck_assert_uint_eq(counters().accepted, 20);
	ck_assert_uint_eq(counters().refused, 0);
	end();
}
END_TEST

/* For those of a range's names, which are two arguments. */
#define ADD(test, ...) tcase_add_loop_test(tcase, test, __VA_ARGS__)

int main(void)
{
	Suite *suite = suite_create("admission_mixin");
	TCase *tcase = topic(suite, "admission_mixin");

	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	ADD(at_max_connections_the_next_waits_without_a_spin_and_is_served_when_one_ends, 0,
		N_MIXED_CLASSES);
	ADD(or_it_is_refused_at_once_and_counted, 0, N_MIXED_CLASSES);
	ADD(a_synchronous_server_has_no_more_than_one, 0, 2 * 4);
	ADD(stopping_while_full_is_immediate_and_who_waits_is_served_later, 0, N_MIXED_CLASSES);
	ADD(max_per_address_refuses_that_address_alone, 0, 4);
	ADD(nobody_vouches_for_the_sender_of_a_unix_datagram, 0, 2);
	ADD(users_of_a_unix_socket_are_told_apart, 0, 2);
	ADD(a_killed_child_gives_its_place_back, 0, N_FORKING_CLASSES);
	ADD(a_crowd_is_never_more_than_the_limit_and_nobody_is_forgotten, 0,
		2 * N_MIXED_STREAM_CLASSES);
	ADD(threads_get_requests_side_by_side_unless_somebody_may_have_to_wait, 0,
		N_THREADING_CLASSES);
	ADD(each_address_has_a_burst_and_a_rate_of_its_own, 0, N_INTERNET_CLASSES);
	ADD(of_ipv6_a_network_is_one_address_but_for_the_link_local, 0, N_INTERNET_CLASSES);
	ADD(rates_begin_anew_with_each_open, 0, N_INTERNET_CLASSES);
	ADD(what_comes_too_often_is_refused_and_counted, ALL_CLASSES);
	ADD(of_all_blocks_the_longest_prefix_decides, 0, N_INTERNET_CLASSES);
	ADD(who_may_not_come_is_refused_and_counted, 0, N_INTERNET_CLASSES);
	ADD(an_ipv4_client_of_a_server_of_both_families_is_judged_as_one, TCP_CLASSES);
	ADD(it_stacks_with_a_datagram_guard_and_a_layer_of_ones_own, 0, 3 * N_MIXED_CLASSES);
	ADD(without_options_it_lets_everybody_in, ALL_CLASSES);
	return run_suite(suite);
}
