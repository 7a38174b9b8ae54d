/* unix_datagram_server.h: clients with and without names. The file: test_unix_socket.c. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static struct ssv_unix_datagram_server local;
static struct ssv_server *const server = &local.base;
static struct kept_log events;

static void make_server(const struct ssv_handler_ops *handler)
{
	struct ssv_address at = address_in_directory(SSV_UNIXGRAM);

	ssv_unix_datagram_server_init(&local, &at, handler);
	keep_log(&events, server);
}

static void open_server(const struct ssv_handler_ops *handler)
{
	make_server(handler);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

static void put(int client, const char *text)
{
	const struct ssv_address *at = &server->server_address;

	ck_assert_int_eq(sendto(client, text, strlen(text), 0, &at->socket.any, at->length),
		(ssize_t)strlen(text));
}

static char peer[SSV_ADDRESS_TEXT_SIZE];
static ssize_t written;

static int note_peer(struct ssv_handler *handler)
{
	ssv_address_format(&handler->request->client_address, peer);
	written = ssv_stream_write(handler->request->stream, "in", 2);
	return 0;
}

static const struct ssv_handler_ops noting = {.handle = note_peer};

START_TEST(a_client_with_a_name_is_answered)
{
	const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0ssv-client"};
	int client = socket(AF_UNIX, SOCK_DGRAM, 0);
	char got[8];

	open_server(&noting);
	ck_assert_int_eq(bind(client, (const struct sockaddr *)&name, sizeof(sa_family_t) + 11), 0);
	put(client, "out");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_str_eq(peer, "unixgram:@ssv-client");
	ck_assert_int_eq(recv(client, got, sizeof(got), 0), 2);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_client_without_a_name_gets_no_answer_and_that_is_no_error)
{
	int client = socket(AF_UNIX, SOCK_DGRAM, 0);

	open_server(&noting);
	put(client, "out");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_str_eq(peer, "unixgram:");
	ck_assert_int_eq(written, 2);
	server->handler = &echo_handler;
	put(client, "out");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_str_eq(events.last, "");
	close(client);
	client = connect_to(server);
	put(client, "and now");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ask(client, "", "and now");
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_client_that_is_gone_is_no_error_worth_a_line)
{
	int client;

	open_server(&echo_handler);
	client = connect_to(server);
	put(client, "x");
	close(client);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_str_eq(events.last, "finish: Broken pipe");
	ck_assert_int_eq(events.count[SSV_LOG_DEBUG], 1);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

/* So many that no more goes into its queue. How many those are. */
static int fill_queue(int client)
{
	int n;

	for (n = 0; events.count[SSV_LOG_DEBUG] == 0; n++) {
		put(client, "x");
		ck_assert_int_eq(ssv_server_handle_request(server), 1);
	}
	return n - 1;
}

START_TEST(a_client_that_does_not_read_is_given_up_after_the_write_timeout)
{
	int client, n;

	make_server(&echo_handler);
	ck_assert_int_eq(server->limits.write_timeout, 1000);
	server->limits.write_timeout = 20;
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	n = fill_queue(client);
	ck_assert_str_eq(events.last, "finish: Connection timed out");
	while (n-- > 0)
		ask(client, "", "x");
	put(client, "again");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ask(client, "", "again");
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static int process_cpu_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int)(used.tv_sec * 1000 + used.tv_nsec / 1000000);
}

/*
 * A Unix socket can be polled for room of its own alone: that would spin. The queue of a client
 * that is connected has no other limit; so this one is not.
 */
START_TEST(waiting_for_a_client_to_read_costs_nothing)
{
	const struct sockaddr any_name = {.sa_family = AF_UNIX};
	int client = socket(AF_UNIX, SOCK_DGRAM, 0), cpu;

	ck_assert_int_eq(bind(client, &any_name, sizeof(any_name.sa_family)), 0);
	make_server(&echo_handler);
	server->limits.write_timeout = 0;
	ck_assert_int_eq(ssv_server_open(server), 0);
	fill_queue(client);
	server->limits.write_timeout = 500;
	put(client, "x");
	cpu = process_cpu_ms();
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_int_lt(process_cpu_ms() - cpu, 50);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_reply_waits_for_a_client_that_reads_late)
{
	struct served served;
	int client, n;

	make_server(&echo_handler);
	server->limits.write_timeout = 0;
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	n = fill_queue(client);
	server->limits.write_timeout = SSV_FOREVER;
	put(client, "late");
	serve(&served, server);
	while (n-- > 0)
		ask(client, "", "x");
	ask(client, "", "late");
	close(client);
	stop_and_close(&served);
}
END_TEST

START_TEST(descriptors_that_a_client_sends_along_are_not_kept)
{
	size_t before;
	int client;

	open_server(&echo_handler);
	client = connect_to(server);
	before = count_descriptors();
	send_with_descriptors(client, "data", 4, 5);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ask(client, "", "data");
	ck_assert_uint_eq(count_descriptors(), before);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

START_TEST(a_packet_may_be_longer_than_any_of_udp)
{
	static char sent[100000];
	struct ssv_request request;
	int client;

	fill_with_noise(sent, sizeof(sent), 1);
	make_server(&echo_handler);
	local.max_packet_size = sizeof(sent);
	ck_assert_int_eq(ssv_server_open(server), 0);
	client = connect_to(server);
	ck_assert_int_eq(send(client, sent, sizeof(sent), 0), sizeof(sent));
	ssv_request_init(&request, server);
	ck_assert_int_eq(ssv_server_get_request(server, &request), 0);
	ck_assert_uint_eq(request.packet_size, sizeof(sent));
	ck_assert_uint_eq(request.packet_length, sizeof(sent));
	ck_assert_int_eq(memcmp(request.packet, sent, sizeof(sent)), 0);
	ssv_request_free(&request);
	close(client);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unix_datagram_server");
	TCase *tcase = topic(suite, "unix_datagram_server");

	tcase_add_checked_fixture(tcase, make_directory, expect_empty_directory);
	tcase_add_test(tcase, a_client_with_a_name_is_answered);
	tcase_add_test(tcase, a_client_without_a_name_gets_no_answer_and_that_is_no_error);
	tcase_add_test(tcase, a_client_that_is_gone_is_no_error_worth_a_line);
	tcase_add_test(tcase, a_client_that_does_not_read_is_given_up_after_the_write_timeout);
	tcase_add_test(tcase, waiting_for_a_client_to_read_costs_nothing);
	tcase_add_test(tcase, a_reply_waits_for_a_client_that_reads_late);
	tcase_add_test(tcase, descriptors_that_a_client_sends_along_are_not_kept);
	tcase_add_test(tcase, a_packet_may_be_longer_than_any_of_udp);
	return run_suite(suite);
}
