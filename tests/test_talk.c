/* `talk`, to servers of ours and to those that the test plays itself. */
#include "program.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE (16 << 20)

START_TEST(talk_prints_what_comes_back)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct result result = run(ARGUMENTS("talk", at.text), "hello");

	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "hello");
	ck_assert_str_eq(result.err, "");
	forget(&result);
	stop(server);
}
END_TEST

static char *make_noise(size_t size)
{
	char *noise = malloc(size);
	unsigned int state = 1;

	ck_assert_ptr_nonnull(noise);
	for (size_t i = 0; i < size; i++)
		noise[i] = (char)((state = state * 1103515245 + 12345) >> 16);
	return noise;
}

/* More than all the buffers on the way hold: who only wrote would wait for ever. */
START_TEST(talk_moves_any_bytes_however_many)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	char *noise = make_noise(LARGE);
	struct result result = finish(start(ARGUMENTS("talk", at.text)), noise, LARGE);

	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(result.out_size, LARGE);
	ck_assert(memcmp(result.out, noise, LARGE) == 0);
	free(noise);
	forget(&result);
	stop(server);
}
END_TEST

START_TEST(talk_is_interactive)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct child talk = start(ARGUMENTS("talk", at.text));
	char line[64];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(write(talk.in, "hello\n", 6), 6);
		ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "hello");
	}
	ck_assert_int_eq(wait_for(&talk), 0);
	stop(server);
}
END_TEST

/* A server that the test plays itself. */
static struct child talk_to_listener(int listener, uint16_t port, int *connection)
{
	struct address at = tcp(port);
	struct child talk = start(ARGUMENTS("talk", at.text));

	*connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*connection, 0);
	return talk;
}

START_TEST(talk_half_closes_and_waits_for_the_reply)
{
	uint16_t port;
	int fd, listener = bind_socket(SOCK_STREAM, &port);
	struct child talk = talk_to_listener(listener, port, &fd);
	struct result result;

	close_end(&talk.in);
	is_closed(dup(fd));
	ck_assert_int_eq(send(fd, "late", 4, MSG_NOSIGNAL), 4);
	close(fd);
	talk.in = -1;
	result = finish(talk, "", 0);
	ck_assert_int_eq(result.status, 0);
	ck_assert_str_eq(result.out, "late");
	forget(&result);
	close(listener);
}
END_TEST

START_TEST(talk_ends_with_the_server_while_input_is_open)
{
	uint16_t port;
	int fd, listener = bind_socket(SOCK_STREAM, &port);
	struct child talk = talk_to_listener(listener, port, &fd);
	char line[64];
	int status;

	ck_assert_int_eq(send(fd, "bye\n", 4, MSG_NOSIGNAL), 4);
	close(fd);
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "bye");
	ck_assert_int_eq(waitpid(talk.pid, &status, 0), talk.pid);
	ck_assert_int_eq(status, 0);
	close(talk.in);
	close(listener);
}
END_TEST

START_TEST(talk_says_that_the_connection_was_reset)
{
	struct linger at_once = {.l_onoff = 1};
	uint16_t port;
	int fd, listener = bind_socket(SOCK_STREAM, &port);
	struct child talk = talk_to_listener(listener, port, &fd);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	refused(finish(talk, "hello", 5), 1, "connection reset: tcp://127.0.0.1:", NULL);
	close(listener);
}
END_TEST

START_TEST(talk_says_that_nobody_listens)
{
	struct address at = tcp(free_port());

	refused(run(ARGUMENTS("talk", at.text), ""), 1, "nobody listens: ", at.text,
		"socketserver serve echo tcp://", NULL);
	refused(run(ARGUMENTS("talk", "unix:/nosuch/socket"), ""), 1,
		"nobody listens: unix:/nosuch/socket: ", "socketserver serve echo unix:", NULL);
	refused(run(ARGUMENTS("talk", "unix:/nosuch/s", "--as", "exec"), ""), 1,
		"start a server with: socketserver serve exec unix:/nosuch/s", NULL);
	refused(run(ARGUMENTS("talk", "unix:/nosuch/s", "--as", "chat"), ""), 1,
		"start a server with: socketserver serve chat unix:/nosuch/s", NULL);
}
END_TEST

/* A listener whose queue is full answers no more. */
START_TEST(talk_gives_up_connecting_after_its_timeout)
{
	uint16_t port;
	int listener = bind_socket(SOCK_STREAM, &port);
	struct address at = tcp(port);
	int first;

	ck_assert_int_eq(listen(listener, 0), 0);
	first = connect_to_port(port);
	refused(run(ARGUMENTS("talk", at.text, "--timeout", "0.1"), ""), 1,
		"no answer in time: ", at.text, "--timeout", NULL);
	close(first);
	close(listener);
}
END_TEST

START_TEST(talk_ends_quietly_when_nobody_reads_its_output)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct child talk = start_prepared(ARGUMENTS("talk", at.text), break_stdout);
	struct result result = finish(talk, "hello", 5);

	ck_assert_int_eq(result.status, -SIGPIPE);
	ck_assert_str_eq(result.err, "");
	forget(&result);
	stop(server);
}
END_TEST

START_TEST(talk_says_that_its_output_is_full)
{
	uint16_t port;
	struct child server = serve_echo(&port);
	struct address at = tcp(port);
	struct child talk = start_prepared(ARGUMENTS("talk", at.text), fill_stdout);

	refused(finish(talk, "hello", 5), 1, "standard output: No space left", NULL);
	stop(server);
}
END_TEST

static void answer(int fd, const char *expected, const char *reply)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	char data[64];
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &length);

	ck_assert_int_eq(n, (ssize_t)strlen(expected));
	ck_assert_mem_eq(data, expected, (size_t)n);
	n = sendto(fd, reply, strlen(reply), 0, (struct sockaddr *)&peer, length);
	ck_assert_int_eq(n, (ssize_t)strlen(reply));
}

START_TEST(talk_over_udp_ends_a_second_after_the_last_reply)
{
	uint16_t port;
	int fd = bind_socket(SOCK_DGRAM, &port);
	char at[64], line[64];
	struct child talk;
	double replied;

	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	talk = start(ARGUMENTS("talk", at));
	ck_assert_int_eq(write(talk.in, "one\n", 4), 4);
	answer(fd, "one\n", "1\n");
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "1");
	ck_assert_int_eq(write(talk.in, "two\n", 4), 4);
	close_end(&talk.in);
	answer(fd, "two\n", "2\n");
	replied = seconds();
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "2");
	ck_assert_int_eq(wait_for(&talk), 0);
	ck_assert_double_ge(seconds() - replied, 0.9);
	ck_assert_double_le(seconds() - replied, 3.0);
	close(fd);
}
END_TEST

START_TEST(talk_over_udp_takes_an_empty_reply)
{
	uint16_t port;
	int fd = bind_socket(SOCK_DGRAM, &port);
	char at[64], line[64];
	struct child talk;

	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	talk = start(ARGUMENTS("talk", at));
	ck_assert_int_eq(write(talk.in, "one\n", 4), 4);
	answer(fd, "one\n", "");
	ck_assert_int_eq(write(talk.in, "two\n", 4), 4);
	answer(fd, "two\n", "2\n");
	ck_assert_str_eq(read_line(talk.out, line, sizeof(line)), "2");
	ck_assert_int_eq(wait_for(&talk), 0);
	close(fd);
}
END_TEST

START_TEST(talk_over_udp_says_that_nobody_listens)
{
	uint16_t port;
	char at[64];

	close(bind_socket(SOCK_DGRAM, &port));
	snprintf(at, sizeof(at), "udp://127.0.0.1:%u", port);
	refused(run(ARGUMENTS("talk", at), "hello"), 1, "nobody listens: ", at, NULL);
}
END_TEST

static TCase *talk_case(void)
{
	TCase *tcase = tcase_create("talk");

	tcase_add_test(tcase, talk_prints_what_comes_back);
	tcase_add_test(tcase, talk_moves_any_bytes_however_many);
	tcase_add_test(tcase, talk_is_interactive);
	tcase_add_test(tcase, talk_half_closes_and_waits_for_the_reply);
	tcase_add_test(tcase, talk_ends_with_the_server_while_input_is_open);
	tcase_add_test(tcase, talk_says_that_the_connection_was_reset);
	tcase_add_test(tcase, talk_says_that_nobody_listens);
	tcase_add_test(tcase, talk_gives_up_connecting_after_its_timeout);
	tcase_add_test(tcase, talk_ends_quietly_when_nobody_reads_its_output);
	tcase_add_test(tcase, talk_says_that_its_output_is_full);
	tcase_add_test(tcase, talk_over_udp_ends_a_second_after_the_last_reply);
	tcase_add_test(tcase, talk_over_udp_takes_an_empty_reply);
	tcase_add_test(tcase, talk_over_udp_says_that_nobody_listens);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("talk");

	suite_add_tcase(suite, talk_case());
	return run_program_suite(suite);
}
