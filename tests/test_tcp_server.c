/* tcp_server.h: binding, adopting, and what TCP clients can do to a server. */
#include "support.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ssv_tcp_server tcp;
static struct ssv_server *const server = &tcp.base;
static struct kept_log events;

static void make_server(const char *at, const struct ssv_handler_ops *handler)
{
	struct ssv_address address = address_of(at);

	ssv_tcp_server_init(&tcp, &address, handler);
	keep_log(&events, server);
}

static void open_server(const char *at, const struct ssv_handler_ops *handler)
{
	make_server(at, handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

/* --- binding: see also test_inet_socket.c --- */

START_TEST(two_servers_share_a_port_when_both_allow_it)
{
	struct ssv_tcp_server second;

	make_server(ANYWHERE, &echo_handler);
	tcp.allow_reuse_port = true;
	ck_assert_int_eq(ssv_server_open(server), 0);
	ssv_tcp_server_init(&second, &server->server_address, &echo_handler);
	ck_assert_int_eq(ssv_server_open(&second.base), -EADDRINUSE);
	second.allow_reuse_port = true;
	ck_assert_int_eq(ssv_server_open(&second.base), 0);
	ck_assert_int_eq(ssv_server_close(&second.base), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* CPython's test_tcpserver_bind_leak. */
START_TEST(an_address_in_use_is_an_error_and_leaks_nothing)
{
	struct ssv_tcp_server second;
	int i;

	open_server(ANYWHERE, &echo_handler);
	for (i = 0; i < 1024; i++) {
		ssv_tcp_server_init(&second, &server->server_address, &echo_handler);
		ck_assert_int_eq(ssv_server_open(&second.base), -EADDRINUSE);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_privileged_port_is_refused_to_others_than_root)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	make_server("tcp://127.0.0.1:7", &echo_handler);
	ck_assert_int_eq(ssv_server_open(server), -EACCES);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_name_is_resolved_by_open)
{
	char text[SSV_ADDRESS_TEXT_SIZE];

	open_server("tcp://localhost:0", &echo_handler);
	ssv_address_format(&server->server_address, text);
	ck_assert_msg(strncmp(text, "tcp://127.0.0.1:", 16) == 0 ||
			      strncmp(text, "tcp://[::1]:", 12) == 0,
		"%s", text);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static const struct {
	const char *at;
	int family;
	bool v4, v6;
} reaches[] = {
	{"tcp://:0", AF_UNSPEC, true, true},
	{"tcp://[::]:0", AF_UNSPEC, true, true},
	{"tcp://0.0.0.0:0", AF_UNSPEC, true, false},
	{"tcp://:0", AF_INET, true, false},
	{"tcp://:0", AF_INET6, false, true},
	{"tcp://127.0.0.1:0", AF_UNSPEC, true, false},
	{"tcp://[::1]:0", AF_UNSPEC, false, true},
};

static char peer[SSV_ADDRESS_TEXT_SIZE];

static int note_peer(struct ssv_handler *handler)
{
	ssv_address_format(&handler->request->client_address, peer);
	return (int)ssv_stream_write(handler->request->stream, "in", 2);
}

static void expect_reached(const char *from, const char *seen_as, bool reached)
{
	struct ssv_stream client;
	struct served served;
	char at[SSV_ADDRESS_TEXT_SIZE], data[3] = "";
	int rc;

	snprintf(at, sizeof(at), "tcp://%s:%d", from, ssv_address_port(&server->server_address));
	rc = ssv_connect(&client, at, 5000);
	ck_assert_int_eq(rc, reached ? 0 : -ECONNREFUSED);
	if (!reached)
		return;
	serve(&served, server);
	ck_assert_int_eq(ssv_stream_read_exact(&client, data, 2), 2);
	ssv_stream_close(&client);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(strncmp(peer, seen_as, strlen(seen_as)), 0);
}

START_TEST(an_address_serves_the_families_it_says_and_clients_have_their_own_address)
{
	static const struct ssv_handler_ops noting = {.handle = note_peer};

	make_server(reaches[_i].at, &noting);
	tcp.address_family = reaches[_i].family;
	ck_assert_int_eq(ssv_server_open(server), 0);
	expect_reached("127.0.0.1", "tcp://127.0.0.1:", reaches[_i].v4);
	expect_reached("[::1]", "tcp://[::1]:", reaches[_i].v6);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_restart_on_the_same_port_works_at_once)
{
	struct ssv_address at;
	struct served served;
	int client;

	open_server(own_address("tcp"), &echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "a", "a");
	server->grace = 0; /* the server closes first: its side stays in TIME_WAIT */
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	expect_end(client);
	close(client);
	at = server->server_address;
	ssv_tcp_server_init(&tcp, &at, &echo_handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(the_queue_is_the_kernels_maximum_unless_set)
{
	int clients[50], i;

	open_server(ANYWHERE, &echo_handler);
	for (i = 0; i < 50; i++)
		clients[i] = connect_to(server); /* Python's queue of 5 would stall the seventh */
	for (i = 0; i < 50; i++)
		close(clients[i]);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- adopting --- */

static int listen_somewhere(int type, bool bound)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, type, 0);

	ck_assert_int_ge(fd, 0);
	if (bound)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

START_TEST(a_socket_is_adopted_whether_it_listens_already_or_not)
{
	int fd = listen_somewhere(SOCK_STREAM, true), other, client;
	struct served served;

	if (_i == 1)
		ck_assert_int_eq(listen(fd, 5), 0);
	other = dup(fd);
	make_server("tcp://127.0.0.1:1", &echo_handler);
	ck_assert_int_eq(ssv_tcp_server_adopt(&tcp, fd), 0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_fileno(server), fd);
	ck_assert_uint_gt(ssv_address_port(&server->server_address), 1);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "adopted", "adopted");
	close(client);
	stop_and_close(&served);
	client = connect_to(server); /* who else holds it is not cut off */
	close(client);
	close(other);
}
END_TEST

START_TEST(what_is_no_tcp_listener_is_not_adopted)
{
	struct ssv_tcp_server second;
	int pair[2], i, sockets[4];
	const int errors[] = {-ENOTSOCK, -EPROTOTYPE, -EPROTOTYPE, -EINVAL};

	ck_assert_int_eq(pipe(pair), 0);
	sockets[0] = pair[0];
	sockets[1] = listen_somewhere(SOCK_DGRAM, true);
	sockets[2] = socket(AF_UNIX, SOCK_STREAM, 0);
	sockets[3] = listen_somewhere(SOCK_STREAM, false);
	make_server(ANYWHERE, &echo_handler);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(ssv_tcp_server_adopt(&tcp, sockets[i]), errors[i]);
		close(sockets[i]);
	}
	ck_assert_int_eq(ssv_tcp_server_adopt(&tcp, -1), -EBADF);
	close(pair[1]);
	ck_assert_int_eq(ssv_server_open(server), 0);
	i = listen_somewhere(SOCK_STREAM, true);
	ck_assert_int_eq(ssv_tcp_server_adopt(&tcp, i), -EBUSY);
	close(i);
	i = connect_to(server);
	ssv_tcp_server_init(&second, &server->server_address, &echo_handler);
	ck_assert_int_eq(ssv_tcp_server_adopt(&second, i), -EINVAL);
	close(i);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(an_adopted_socket_is_closed_even_without_an_open)
{
	int fd = listen_somewhere(SOCK_STREAM, true);

	make_server(ANYWHERE, &echo_handler);
	ck_assert_int_eq(ssv_tcp_server_adopt(&tcp, fd), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(ssv_server_open(server), 0); /* and then a socket of its own again */
	ck_assert_int_eq(ssv_server_close(server), 0);
	fd = listen_somewhere(SOCK_STREAM, true);
	ck_assert_int_eq(ssv_tcp_server_adopt(&tcp, fd), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

static int error_after_bind;

static int bind_and_fail(struct ssv_layer *layer)
{
	int rc = ssv_super_bind(layer);

	return rc < 0 ? rc : error_after_bind;
}

START_TEST(an_open_that_fails_after_its_bind_leaks_nothing_after_an_earlier_run_either)
{
	static const struct ssv_layer_ops failing = {.bind = bind_and_fail};
	struct ssv_layer layer;
	size_t before;

	make_server(ANYWHERE, &echo_handler);
	ssv_server_link(server, &layer, &failing);
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		error_after_bind = 0;
		ck_assert_int_eq(ssv_server_open(server), 0);
		ck_assert_int_eq(ssv_server_close(server), 0);
		error_after_bind = -EACCES;
		ck_assert_int_eq(ssv_server_open(server), -EACCES);
		ck_assert_uint_eq(count_descriptors(), before);
	}
}
END_TEST

/* --- descriptors --- */

static int flags_of_connection;

static int note_flags(struct ssv_handler *handler)
{
	flags_of_connection = fcntl(ssv_stream_fileno(handler->request->stream), F_GETFD);
	return 0;
}

START_TEST(no_descriptor_is_inherited_by_a_program_that_the_host_starts)
{
	static const struct ssv_handler_ops noting = {.handle = note_flags};
	int client;

	open_server(ANYWHERE, &noting);
	ck_assert(fcntl(server->fd, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(ssv_server_poll_fd(server), F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(server->wake_fd, F_GETFD) & FD_CLOEXEC);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert(flags_of_connection & FD_CLOEXEC);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int fd_of_connection;

static int note_fd(struct ssv_handler *handler)
{
	fd_of_connection = ssv_stream_fileno(handler->request->stream);
	return 0;
}

START_TEST(no_socket_takes_the_place_of_standard_output_or_error)
{
	static const struct ssv_handler_ops noting = {.handle = note_fd};
	int saved[3], client, i;

	for (i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	make_server(ANYWHERE, &noting);
	i = ssv_server_open(server);
	client = fcntl(i == 0 ? connect_to(server) : -1, F_DUPFD_CLOEXEC, 10);
	close(0);
	ssv_server_handle_request(server);
	for (int n = 0; n < 3; n++) {
		dup2(saved[n], n);
		close(saved[n]);
	}
	ck_assert_int_eq(i, 0);
	ck_assert_int_gt(server->fd, 2);
	ck_assert_int_gt(ssv_server_poll_fd(server), 2);
	ck_assert_int_gt(server->wake_fd, 2);
	ck_assert_int_gt(fd_of_connection, 2);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- clients --- */

static void reset(int client)
{
	const struct linger hard = {.l_onoff = 1, .l_linger = 0};

	setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(client);
}

static int write_and_read(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	static char data[1 << 20];
	char *line;
	ssize_t n;

	while ((n = ssv_stream_readline(stream, &line)) > 0) {
		n = ssv_stream_write(stream, data, sizeof(data));
		if (n < 0)
			break;
	}
	return (int)n;
}

enum { BEFORE_ACCEPT, WITH_DATA_BEFORE_ACCEPT, WHILE_READ, WHILE_WRITTEN, RESETS };

START_TEST(a_peer_that_resets_at_any_point_costs_no_other)
{
	static const struct ssv_handler_ops writing = {.handle = write_and_read};
	struct served served;
	char byte;
	int client;

	open_server(ANYWHERE, &writing);
	client = connect_to(server);
	if (_i == WITH_DATA_BEFORE_ACCEPT)
		ask(client, "go\n", "");
	if (_i == BEFORE_ACCEPT || _i == WITH_DATA_BEFORE_ACCEPT)
		reset(client);
	serve(&served, server);
	if (_i == WHILE_READ)
		ask(client, "half a line", "");
	if (_i == WHILE_WRITTEN) {
		ask(client, "go\n", "");
		ck_assert_int_eq(recv(client, &byte, 1, 0), 1);
	}
	if (_i == WHILE_READ || _i == WHILE_WRITTEN)
		reset(client);
	client = connect_to(server);
	ask(client, "go\n", "");
	ck_assert_int_eq(recv(client, &byte, 1, 0), 1);
	close(client);
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 0);
}
END_TEST

START_TEST(a_client_that_never_reads_is_cut_after_the_write_timeout)
{
	static const struct ssv_handler_ops writing = {.handle = write_and_read};
	struct served served;
	int client, other;

	make_server(ANYWHERE, &writing);
	server->limits.write_timeout = 50;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "go\ngo\ngo\ngo\ngo\ngo\ngo\ngo\n", "");
	other = connect_to(server);
	ask(other, "go\n", "");
	ck_assert_int_eq(recv(other, &(char){0}, 1, 0), 1); /* so the first one is gone */
	close(other);
	close(client);
	stop_and_close(&served);
}
END_TEST

static int upper_line(struct ssv_handler *handler)
{
	char *line;
	ssize_t n = ssv_stream_readline(handler->request->stream, &line);

	if (n == -EMSGSIZE)
		return ssv_stream_printf(handler->request->stream, "too long\n") < 0;
	return n < 0 ? (int)n : (int)ssv_stream_write(handler->request->stream, line, (size_t)n);
}

static const struct ssv_handler_ops lines = {.handle = upper_line};

START_TEST(a_line_that_comes_byte_by_byte_is_read_whole)
{
	static const char text[] = "one\0two three\n"; /* with a NUL byte in it */
	struct served served;
	char got[sizeof(text)] = "";
	int client;
	size_t i;

	open_server(ANYWHERE, &lines);
	serve(&served, server);
	client = connect_to(server);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	for (i = 0; i < sizeof(text) - 1; i++)
		ck_assert_int_eq(send(client, text + i, 1, 0), 1);
	ck_assert_int_eq(recv(client, got, sizeof(text) - 1, MSG_WAITALL), sizeof(text) - 1);
	ck_assert_int_eq(memcmp(got, text, sizeof(text)), 0);
	expect_end(client);
	close(client);
	stop_and_close(&served);
}
END_TEST

START_TEST(a_line_over_the_limit_is_refused_and_the_refusal_arrives)
{
	const size_t size = 300000;
	char *endless = malloc(size);
	struct served served;
	int client;

	memset(endless, 'x', size);
	open_server(ANYWHERE, &lines);
	serve(&served, server);
	client = connect_to(server);
	ck_assert_int_eq(send(client, endless, size, MSG_NOSIGNAL), (ssize_t)size);
	ask(client, "", "too long\n");
	expect_end(client);
	close(client);
	free(endless);
	stop_and_close(&served);
}
END_TEST

#define REPLY_SIZE 100000

static bool replied;

static int reply_without_reading(struct ssv_handler *handler)
{
	static char reply[REPLY_SIZE];
	ssize_t n;

	fill_with_noise(reply, sizeof(reply), 1);
	n = ssv_stream_write(handler->request->stream, reply, sizeof(reply));
	__atomic_store_n(&replied, true, __ATOMIC_SEQ_CST);
	return (int)n;
}

START_TEST(a_reply_is_never_lost_to_unread_input)
{
	static const struct ssv_handler_ops hasty = {.handle = reply_without_reading};
	static char expected[REPLY_SIZE], got[REPLY_SIZE];
	struct served served;
	int client = socket(AF_INET, SOCK_STREAM, 0), small = 4096, large = 2 * REPLY_SIZE;

	fill_with_noise(expected, sizeof(expected), 1);
	open_server(ANYWHERE, &hasty);
	setsockopt(server->fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ck_assert_int_eq(
		connect(client, &server->server_address.socket.any, server->server_address.length),
		0);
	ask(client, "input that nobody reads", "");
	serve(&served, server);
	while (!__atomic_load_n(&replied, __ATOMIC_SEQ_CST))
		poll(NULL, 0, 1); /* nobody needs to read for that */
	ck_assert_int_eq(recv(client, got, sizeof(got), MSG_WAITALL), sizeof(got));
	ck_assert_int_eq(memcmp(got, expected, sizeof(got)), 0);
	expect_end(client);
	close(client);
	stop_and_close(&served);
}
END_TEST

START_TEST(a_silent_client_is_cut_after_the_timeout)
{
	struct served served;
	int client;

	make_server(ANYWHERE, &echo_handler);
	if (_i == 0)
		server->limits.timeout = 30;
	else
		server->limits.deadline = 30;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	client = connect_to(server);
	expect_end(client);
	close(client);
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
}
END_TEST

static void ignore(int signal)
{
	(void)signal;
}

static void *storm(void *context)
{
	struct served *served = context;

	for (int i = 0; i < 500; i++) {
		pthread_kill(served->thread, SIGUSR1);
		poll(NULL, 0, 1);
	}
	return NULL;
}

START_TEST(signals_disturb_nothing)
{
	struct sigaction action = {.sa_handler = ignore};
	struct served served;
	pthread_t thread;
	int client, i;

	sigaction(SIGUSR1, &action, NULL);
	open_server(ANYWHERE, &echo_handler);
	serve(&served, server);
	pthread_create(&thread, NULL, storm, &served);
	for (i = 0; i < 200; i++) {
		client = connect_to(server);
		ask(client, "through the storm", "through the storm");
		close(client);
	}
	pthread_join(thread, NULL);
	stop_and_close(&served);
}
END_TEST

static void add_binding_tests(TCase *tcase)
{
	tcase_add_test(tcase, two_servers_share_a_port_when_both_allow_it);
	tcase_add_test(tcase, an_address_in_use_is_an_error_and_leaks_nothing);
	tcase_add_test(tcase, a_privileged_port_is_refused_to_others_than_root);
	tcase_add_test(tcase, a_name_is_resolved_by_open);
	FOR_EACH(tcase, an_address_serves_the_families_it_says_and_clients_have_their_own_address,
		reaches);
	tcase_add_test(tcase, a_restart_on_the_same_port_works_at_once);
	tcase_add_test(tcase, the_queue_is_the_kernels_maximum_unless_set);
	tcase_add_loop_test(tcase, a_socket_is_adopted_whether_it_listens_already_or_not, 0, 2);
	tcase_add_test(tcase, what_is_no_tcp_listener_is_not_adopted);
	tcase_add_test(tcase, an_adopted_socket_is_closed_even_without_an_open);
	tcase_add_test(
		tcase, an_open_that_fails_after_its_bind_leaks_nothing_after_an_earlier_run_either);
	tcase_add_test(tcase, no_descriptor_is_inherited_by_a_program_that_the_host_starts);
	tcase_add_test(tcase, no_socket_takes_the_place_of_standard_output_or_error);
}

static void add_client_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_peer_that_resets_at_any_point_costs_no_other, 0, RESETS);
	tcase_add_test(tcase, a_client_that_never_reads_is_cut_after_the_write_timeout);
	tcase_add_test(tcase, a_line_that_comes_byte_by_byte_is_read_whole);
	tcase_add_test(tcase, a_line_over_the_limit_is_refused_and_the_refusal_arrives);
	tcase_add_test(tcase, a_reply_is_never_lost_to_unread_input);
	tcase_add_loop_test(tcase, a_silent_client_is_cut_after_the_timeout, 0, 2);
	tcase_add_test(tcase, signals_disturb_nothing);
}

int main(void)
{
	Suite *suite = suite_create("tcp_server");

	add_binding_tests(topic(suite, "binding"));
	add_client_tests(topic(suite, "clients"));
	return run_suite(suite);
}
