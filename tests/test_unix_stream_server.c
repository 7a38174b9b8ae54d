/* unix_stream_server.h: who connects, and what they can do. The file: test_unix_socket.c. */
#include "support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ssv_unix_stream_server local;
static struct ssv_server *const server = &local.base;
static struct kept_log events;

static void make_server(const struct ssv_handler_ops *handler)
{
	struct ssv_address at = address_in_directory(SSV_UNIX);

	ssv_unix_stream_server_init(&local, &at, handler);
	keep_log(&events, server);
}

static void open_server(const struct ssv_handler_ops *handler)
{
	make_server(handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

START_TEST(clients_are_served_one_after_the_other_to_their_end)
{
	static char sent[100000], got[100000];
	struct served served;
	int client, i;

	fill_with_noise(sent, sizeof(sent), 1);
	open_server(&echo_handler);
	serve(&served, server);
	for (i = 0; i < 10; i++) {
		client = connect_to(server);
		ask(client, "hello", "hello");
		ck_assert_int_eq(send(client, sent, sizeof(sent), 0), sizeof(sent));
		shutdown(client, SHUT_WR);
		ck_assert_int_eq(recv(client, got, sizeof(got), MSG_WAITALL), sizeof(got));
		ck_assert_int_eq(memcmp(got, sent, sizeof(got)), 0);
		expect_end(client);
		close(client);
	}
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
}
END_TEST

START_TEST(the_queue_is_the_kernels_maximum_unless_set)
{
	int clients[50], i, most = _i == 0 ? 50 : 3;

	make_server(&echo_handler);
	if (_i == 1)
		local.request_queue_size = 2; /* and one more, says listen(2) */
	ck_assert_int_eq(ssv_server_open(server), 0);
	for (i = 0; i < most; i++)
		clients[i] = connect_to(server);
	if (_i == 1) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		ck_assert_int_eq(connect(clients[i], &server->server_address.socket.any,
					 server->server_address.length),
			-1);
		ck_assert_int_eq(errno, EAGAIN);
		close(clients[i]);
	}
	for (i = 0; i < most; i++)
		close(clients[i]);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static char peer[SSV_ADDRESS_TEXT_SIZE];

static int note_peer(struct ssv_handler *handler)
{
	ssv_address_format(&handler->request->client_address, peer);
	return 0;
}

START_TEST(a_client_without_a_name_is_unix_and_one_with_a_name_has_it)
{
	static const struct ssv_handler_ops noting = {.handle = note_peer};
	const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0ssv-client"};
	int client;

	open_server(&noting);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_str_eq(peer, "unix:");
	close(client);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(client, (const struct sockaddr *)&name, sizeof(sa_family_t) + 11), 0);
	ck_assert_int_eq(
		connect(client, &server->server_address.socket.any, server->server_address.length),
		0);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_str_eq(peer, "unix:@ssv-client");
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* --- credentials --- */

static struct ssv_credentials seen;

static int note_credentials(struct ssv_handler *handler)
{
	return ssv_request_credentials(handler->request, &seen);
}

static pid_t connect_from_child(uid_t user)
{
	pid_t child = fork();
	int client;

	if (child != 0)
		return child;
	if (user != 0 && (setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0))
		_exit(1);
	client = connect_to(server);
	expect_end(client);
	_exit(0);
}

START_TEST(a_handler_knows_who_connected)
{
	static const struct ssv_handler_ops noting = {.handle = note_credentials};
	const uid_t user = geteuid() == 0 ? 65534 : 0;
	pid_t child;
	int status;

	umask(0);
	make_server(&noting);
	local.file.mode = 0666;
	ck_assert_int_eq(chmod(test_directory, 0755), 0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	child = connect_from_child(user);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(seen.pid, child);
	ck_assert_uint_eq(seen.uid, user != 0 ? user : geteuid());
	ck_assert_uint_eq(seen.gid, user != 0 ? user : getegid());
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int only_nobody(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_credentials who;
	int rc = ssv_request_credentials(request, &who);

	(void)layer;
	return rc < 0 ? rc : who.uid == 65534;
}

START_TEST(verify_request_may_decide_by_them)
{
	static const struct ssv_layer_ops guard_ops = {.verify_request = only_nobody};
	struct ssv_counters counters;
	struct ssv_layer guard;
	int client;

	make_server(&echo_handler);
	ssv_server_link(server, &guard, &guard_ops);
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_end(client);
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.refused, 1);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int credentials_rc;

static int try_credentials(struct ssv_handler *handler)
{
	credentials_rc = ssv_request_credentials(handler->request, &seen);
	return 0;
}

/* Of a datagram the socket would name the server itself, or nobody. */
START_TEST(only_a_unix_connection_has_credentials)
{
	static const struct ssv_handler_ops trying = {.handle = try_credentials};
	struct ssv_address tcp_at = address_of(ANYWHERE), at = address_in_directory(SSV_UNIXGRAM);
	struct ssv_unix_datagram_server datagram;
	struct ssv_tcp_server tcp;
	struct ssv_server *const servers[] = {&tcp.base, &datagram.base};
	int client, i;

	ssv_tcp_server_init(&tcp, &tcp_at, &trying);
	ssv_unix_datagram_server_init(&datagram, &at, &trying);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(ssv_server_open(servers[i]), 0);
		client = connect_to(servers[i]);
		ck_assert_int_eq(send(client, "x", 1, 0), 1);
		credentials_rc = 0;
		ck_assert_int_eq(ssv_server_handle_request(servers[i]), 1);
		ck_assert_int_eq(credentials_rc, -EOPNOTSUPP);
		close(client);
		ck_assert_int_eq(ssv_server_close(servers[i]), 0);
	}
}
END_TEST

/* --- what clients can do --- */

START_TEST(descriptors_that_a_client_sends_along_are_not_kept)
{
	struct served served;
	char got[8];
	size_t before;
	int client;

	open_server(&echo_handler);
	serve(&served, server);
	client = connect_to(server);
	ask(client, "first", "first");
	before = count_descriptors();
	send_with_descriptors(client, "data", 4, 5);
	ck_assert_int_eq(recv(client, got, 4, MSG_WAITALL), 4);
	ck_assert_uint_eq(count_descriptors(), before);
	close(client);
	stop_and_close(&served);
}
END_TEST

static int shout(struct ssv_handler *handler)
{
	static char much[1 << 20];
	ssize_t n;

	do
		n = ssv_stream_write(handler->request->stream, much, sizeof(much));
	while (n > 0);
	return (int)n;
}

START_TEST(a_client_that_goes_or_does_not_read_costs_no_other)
{
	static const struct ssv_handler_ops shouting = {.handle = shout};
	struct served served;
	int client, other;

	make_server(&shouting);
	server->limits.write_timeout = 30;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	client = connect_to(server);
	if (_i == 0)
		close(client);
	other = connect_to(server);
	ck_assert_int_eq(recv(other, &(char){0}, 1, 0), 1);
	close(other);
	if (_i == 1)
		close(client);
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unix_stream_server");
	TCase *tcase = topic(suite, "unix_stream_server");

	tcase_add_checked_fixture(tcase, make_directory, expect_empty_directory);
	tcase_add_test(tcase, clients_are_served_one_after_the_other_to_their_end);
	tcase_add_loop_test(tcase, the_queue_is_the_kernels_maximum_unless_set, 0, 2);
	tcase_add_test(tcase, a_client_without_a_name_is_unix_and_one_with_a_name_has_it);
	tcase_add_test(tcase, a_handler_knows_who_connected);
	tcase_add_test(tcase, verify_request_may_decide_by_them);
	tcase_add_test(tcase, only_a_unix_connection_has_credentials);
	tcase_add_test(tcase, descriptors_that_a_client_sends_along_are_not_kept);
	tcase_add_loop_test(tcase, a_client_that_goes_or_does_not_read_costs_no_other, 0, 2);
	return run_suite(suite);
}
