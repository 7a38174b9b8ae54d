/* udp_server.h: binding, where replies leave from, and what the network can do to a server. */
#include "support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SOMEWHERE "udp://127.0.0.1:0"

static struct ssv_udp_server udp;
static struct ssv_server *const server = &udp.base;
static struct kept_log events;

static void make_server(const char *at, const struct ssv_handler_ops *handler)
{
	struct ssv_address address = address_of(at);

	ssv_udp_server_init(&udp, &address, handler);
	keep_log(&events, server);
}

static void open_server(const char *at, const struct ssv_handler_ops *handler)
{
	make_server(at, handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

/* --- binding: see also test_inet_socket.c --- */

START_TEST(a_port_in_use_is_an_error_and_is_not_taken_away)
{
	struct ssv_udp_server second;
	int client;

	open_server(SOMEWHERE, &echo_handler);
	ssv_udp_server_init(&second, &server->server_address, &echo_handler);
	ck_assert_int_eq(ssv_server_open(&second.base), -EADDRINUSE);
	second.allow_reuse_address = true;
	ck_assert_int_eq(ssv_server_open(&second.base), -EADDRINUSE);
	client = connect_to(server);
	ck_assert_int_eq(send(client, "mine", 4, 0), 4);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ask(client, "", "mine");
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_bound_udp_socket_is_adopted)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), client;
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct served served;

	make_server("udp://127.0.0.1:1", &echo_handler);
	ck_assert_int_eq(ssv_udp_server_adopt(&udp, tcp), -EPROTOTYPE);
	ck_assert_int_eq(ssv_udp_server_adopt(&udp, fd), -EINVAL);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	ck_assert_int_eq(ssv_udp_server_adopt(&udp, fd), 0);
	ck_assert_int_eq(ssv_udp_server_adopt(&udp, fd), -EBUSY);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_fileno(server), fd);
	ck_assert_int_eq(socket_option(fd, IPPROTO_IP, IP_PKTINFO), 1); /* for it is bound to all */
	serve(&served, server);
	client = connect_to(server);
	ask(client, "adopted", "adopted");
	close(client);
	close(tcp);
	stop_and_close(&served);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

static int emptied;

/* As another process that has the socket, too, and is faster. */
static int empty_first(struct ssv_layer *layer, struct ssv_request *request)
{
	char byte;

	if (recv(layer->server->fd, &byte, 1, MSG_DONTWAIT) == 1)
		__atomic_add_fetch(&emptied, 1, __ATOMIC_SEQ_CST);
	return ssv_super_get_request(layer, request);
}

START_TEST(no_thread_waits_in_a_socket_that_another_process_has_emptied)
{
	static const struct ssv_layer_ops faster = {
		.get_request = empty_first,
		.concurrent_get_request = true,
	};
	struct ssv_threading_udp_server threaded;
	struct ssv_address at = address_of(SOMEWHERE);
	struct ssv_layer layer;
	struct served served;
	int client;

	ssv_threading_udp_server_init(&threaded, &at, &echo_handler);
	threaded.udp.base.shared = true;
	ssv_server_link(&threaded.udp.base, &layer, &faster);
	ck_assert_int_eq(ssv_server_open(&threaded.udp.base), 0);
	serve(&served, &threaded.udp.base);
	client = connect_to(&threaded.udp.base);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	while (__atomic_load_n(&emptied, __ATOMIC_SEQ_CST) == 0)
		poll(NULL, 0, 1);
	close(client);
	stop_and_close(&served);
}
END_TEST

/* In O_NONBLOCK: that is of the socket, not of a descriptor alone. */
START_TEST(a_socket_that_others_hold_stays_as_it_was)
{
	struct ssv_threading_udp_server threaded;
	struct ssv_server *const base = &threaded.udp.base;
	struct ssv_address at = address_of(SOMEWHERE);
	struct served served;
	int client, other;

	ssv_threading_udp_server_init(&threaded, &at, &echo_handler);
	base->shared = true;
	ck_assert_int_eq(ssv_server_open(base), 0);
	other = dup(base->fd);
	serve(&served, base);
	client = connect_to(base);
	ask(client, "x", "x");
	ck_assert(!(fcntl(other, F_GETFL) & O_NONBLOCK));
	close(client);
	stop_and_close(&served);
	ck_assert(!(fcntl(other, F_GETFL) & O_NONBLOCK));
	close(other);
}
END_TEST

/* --- where from, and to --- */

static const struct {
	const char *at;
	int family;
	bool v4, v6;
} reaches[] = {
	{"udp://:0", AF_UNSPEC, true, true},
	{"udp://[::]:0", AF_UNSPEC, true, true},
	{"udp://0.0.0.0:0", AF_UNSPEC, true, false},
	{"udp://:0", AF_INET, true, false},
	{"udp://:0", AF_INET6, false, true},
	{"udp://127.0.0.2:0", AF_UNSPEC, true, false},
	{"udp://[::1]:0", AF_UNSPEC, false, true},
};

static char peer[SSV_ADDRESS_TEXT_SIZE];

static int note_peer(struct ssv_handler *handler)
{
	ssv_address_format(&handler->request->client_address, peer);
	return (int)ssv_stream_write(handler->request->stream, "in", 2);
}

/* A connected socket gets replies from the address that it asked alone. */
static void expect_reached(const char *at, const char *from, bool reached)
{
	struct ssv_stream client;
	char text[SSV_ADDRESS_TEXT_SIZE], data[3] = "";
	struct served served;

	snprintf(text, sizeof(text), "udp://%s:%d", at, ssv_address_port(&server->server_address));
	ck_assert_int_eq(ssv_connect(&client, text, 5000), 0);
	client.limits.timeout = 10000;
	ck_assert_int_eq(ssv_stream_write(&client, "out", 3), 3);
	if (reached) {
		serve(&served, server);
		ck_assert_int_eq(ssv_stream_read(&client, data, sizeof(data)), 2);
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
		ck_assert_int_eq(strncmp(peer, from, strlen(from)), 0);
	} else {
		ck_assert_int_eq(ssv_stream_read(&client, data, sizeof(data)), -ECONNREFUSED);
	}
	ssv_stream_close(&client);
}

START_TEST(replies_leave_from_the_address_that_was_asked)
{
	static const struct ssv_handler_ops noting = {.handle = note_peer};
	bool every;

	make_server(reaches[_i].at, &noting);
	udp.address_family = reaches[_i].family;
	ck_assert_int_eq(ssv_server_open(server), 0);
	every = strstr(reaches[_i].at, "127") == NULL;
	expect_reached("127.0.0.2", "udp://127.0.0.1:", reaches[_i].v4);
	expect_reached("127.0.0.1", "udp://127.0.0.1:", reaches[_i].v4 && every);
	expect_reached("[::1]", "udp://[::1]:", reaches[_i].v6);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(what_was_sent_to_all_is_answered_from_where_the_kernel_likes)
{
	struct sockaddr_in all = {.sin_family = AF_INET};
	const struct timeval patience = {.tv_sec = 10};
	int client = socket(AF_INET, SOCK_DGRAM, 0);
	char got[8];

	inet_pton(AF_INET, "127.255.255.255", &all.sin_addr);
	setsockopt(client, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int));
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	open_server(_i == 0 ? "udp://0.0.0.0:0" : "udp://[::]:0", &echo_handler);
	all.sin_port = htons(ssv_address_port(&server->server_address));
	ck_assert_int_eq(sendto(client, "all", 3, 0, (struct sockaddr *)&all, sizeof(all)), 3);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_int_eq(recv(client, got, sizeof(got), 0), 3);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- the network --- */

START_TEST(a_client_that_is_gone_disturbs_nobody)
{
	struct served served;
	int client, i;

	open_server(SOMEWHERE, &echo_handler);
	for (i = 0; i < 20; i++) { /* each answer finds its port closed, and the kernel says so */
		client = connect_to(server);
		ck_assert_int_eq(send(client, "x", 1, 0), 1);
		close(client);
	}
	serve(&served, server);
	client = connect_to(server);
	ask(client, "still here", "still here");
	ask(client, "and again", "and again");
	close(client);
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 0);
}
END_TEST

/* From port 0, which no honest client has, and which cannot be answered: EINVAL. */
static bool send_from_port_0(const char *data)
{
	struct sockaddr_in to = server->server_address.socket.in;
	struct {
		struct udphdr header;
		char data[8];
	} packet = {.header = {.dest = to.sin_port, .len = htons(sizeof(packet))}};
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	ssize_t n;

	if (raw < 0)
		return false;
	strncpy(packet.data, data, sizeof(packet.data) - 1);
	to.sin_port = 0;
	n = sendto(raw, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to));
	close(raw);
	return n == sizeof(packet);
}

START_TEST(a_reply_that_cannot_be_sent_is_an_error_of_that_request_alone)
{
	struct served served;
	int client;

	open_server(SOMEWHERE, &echo_handler);
	if (send_from_port_0("forged")) { /* takes CAP_NET_RAW */
		ck_assert_int_eq(ssv_server_handle_request(server), 1);
		ck_assert_str_eq(events.last, "finish: Invalid argument");
	}
	serve(&served, server);
	client = connect_to(server);
	ask(client, "honest", "honest");
	close(client);
	stop_and_close(&served);
}
END_TEST

START_TEST(a_server_that_is_closed_answers_no_more_and_its_port_is_free)
{
	struct ssv_address at;
	struct served served;
	int client;

	open_server(own_address("udp"), &echo_handler);
	at = server->server_address;
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	stop_and_close(&served);
	ck_assert_int_eq(send(client, "b", 1, 0), 1);
	ck_assert_int_eq(recv(client, &(char){0}, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(client);
	ssv_udp_server_init(&udp, &at, &echo_handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int arrived; /* an eventfd */

static int work_until_told(struct ssv_handler *handler)
{
	eventfd_write(arrived, 1);
	while (!ssv_server_is_aborting(handler->server))
		poll(NULL, 0, 1);
	return 0;
}

START_TEST(a_handler_without_a_connection_can_see_that_its_time_is_up)
{
	static const struct ssv_handler_ops stubborn = {.handle = work_until_told};
	const struct ssv_address at = address_of(SOMEWHERE);
	struct ssv_threading_udp_server threads;
	struct ssv_server *one = _i == 0 ? server : &threads.udp.base;
	struct served served;
	eventfd_t count;
	int client;

	make_server(SOMEWHERE, &stubborn);
	ssv_threading_udp_server_init(&threads, &at, &stubborn);
	arrived = eventfd(0, EFD_CLOEXEC);
	one->grace = 20;
	one->abort_timeout = 10000;
	ck_assert_int_eq(ssv_server_open(one), 0);
	serve(&served, one);
	client = connect_to(one);
	ck_assert_int_eq(send(client, "x", 1, 0), 1);
	ck_assert_int_eq(eventfd_read(arrived, &count), 0);
	ck_assert(!ssv_server_is_aborting(one));
	ck_assert_int_eq(ssv_server_close(one), 0);
	ck_assert(!ssv_server_is_aborting(one));
	ck_assert_int_eq(result_of(&served), 0);
	close(client);
	close(arrived);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("udp_server");
	TCase *tcase = topic(suite, "udp_server");

	tcase_add_test(tcase, a_port_in_use_is_an_error_and_is_not_taken_away);
	tcase_add_test(tcase, a_bound_udp_socket_is_adopted);
	tcase_add_test(tcase, no_thread_waits_in_a_socket_that_another_process_has_emptied);
	tcase_add_test(tcase, a_socket_that_others_hold_stays_as_it_was);
	FOR_EACH(tcase, replies_leave_from_the_address_that_was_asked, reaches);
	tcase_add_loop_test(
		tcase, what_was_sent_to_all_is_answered_from_where_the_kernel_likes, 0, 2);
	tcase_add_test(tcase, a_client_that_is_gone_disturbs_nobody);
	tcase_add_test(tcase, a_reply_that_cannot_be_sent_is_an_error_of_that_request_alone);
	tcase_add_test(tcase, a_server_that_is_closed_answers_no_more_and_its_port_is_free);
	tcase_add_loop_test(
		tcase, a_handler_without_a_connection_can_see_that_its_time_is_up, 0, 2);
	return run_suite(suite);
}
