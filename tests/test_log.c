/* log.h: lines on standard error that harm nobody; and ssv_server_report(), which does not flood
 * it. */
#include "report.h"
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* --- standard error, redirected --- */

static int kept_stderr = -1, hearing = -1;

/* From now on standard error is `fd`, which is closed. */
static void redirect(int fd)
{
	kept_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(kept_stderr, 0);
	if (fd < 0) {
		close(STDERR_FILENO);
		return;
	}
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void give_back(void)
{
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
}

/* Each write(2) is a message on a socket of this kind. */
static void listen_in(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	hearing = pair[0];
	redirect(pair[1]);
}

static void stop_listening(void)
{
	give_back();
	close(hearing);
}

static void expect_silence(void)
{
	char byte;

	ck_assert_int_eq(recv(hearing, &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

static size_t hear(char *line, size_t size)
{
	ssize_t n = recv(hearing, line, size - 1, MSG_DONTWAIT);

	ck_assert_int_ge(n, 0);
	line[n] = '\0';
	return (size_t)n;
}

static void expect_heard(const char *expected)
{
	char line[4096];

	hear(line, sizeof(line));
	ck_assert_str_eq(line, expected);
}

static void log_line(enum ssv_log_level level, const char *message)
{
	ssv_log_to_stderr(NULL, level, NULL, message);
}

/* --- the log to standard error --- */

START_TEST(levels_have_names)
{
	ck_assert_str_eq(ssv_log_level_name(SSV_LOG_ERROR), "error");
	ck_assert_str_eq(ssv_log_level_name(SSV_LOG_WARNING), "warning");
	ck_assert_str_eq(ssv_log_level_name(SSV_LOG_INFO), "info");
	ck_assert_str_eq(ssv_log_level_name(SSV_LOG_DEBUG), "debug");
}
END_TEST

START_TEST(a_line_is_one_write)
{
	listen_in();
	log_line(SSV_LOG_WARNING, "something happened");
	log_line(SSV_LOG_ERROR, "");
	expect_heard("socketserver: warning: something happened\n");
	expect_heard("socketserver: error: \n");
	expect_silence();
	stop_listening();
}
END_TEST

START_TEST(a_line_names_the_peer)
{
	struct ssv_request request = {.client_address = address_of("tcp://192.0.2.1:80")};

	listen_in();
	ssv_log_to_stderr(NULL, SSV_LOG_INFO, &request, "it spoke");
	request.client_address.length = 0;
	ssv_log_to_stderr(NULL, SSV_LOG_DEBUG, &request, "nobody spoke");
	expect_heard("socketserver: info: tcp://192.0.2.1:80: it spoke\n");
	expect_heard("socketserver: debug: nobody spoke\n");
	stop_listening();
}
END_TEST

START_TEST(a_line_of_any_length_is_one_write_and_ends)
{
	char *message = malloc(10000), line[20000];
	size_t length, n;

	memset(message, 'x', 10000);
	listen_in();
	for (length = 900; length < 1100; length++) {
		message[length] = '\0';
		log_line(SSV_LOG_ERROR, message);
		message[length] = 'x';
		n = hear(line, sizeof(line));
		ck_assert_uint_le(n, strlen("socketserver: error: ") + length + 1);
		ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
		expect_silence();
	}
	message[9999] = '\0';
	log_line(SSV_LOG_ERROR, message);
	n = hear(line, sizeof(line));
	ck_assert_uint_ge(n, 500);
	ck_assert_ptr_eq(strchr(line, '\n'), line + n - 1);
	stop_listening();
	free(message);
}
END_TEST

START_TEST(control_characters_are_made_harmless)
{
	char message[] = "<?>", expected[] = "socketserver: error: <?>\n";
	int c;

	listen_in();
	for (c = 1; c < 128; c++) {
		message[1] = (char)c;
		expected[strlen(expected) - 3] = (char)(c < ' ' || c == 127 ? '?' : c);
		log_line(SSV_LOG_ERROR, message);
		expect_heard(expected);
	}
	stop_listening();
}
END_TEST

/* U+0080 to U+009F: to a terminal as good as an escape. What else is not ASCII stays. */
START_TEST(control_characters_beyond_ascii_are_made_harmless_too)
{
	char message[] = "<\302.>", line[100];
	int c;

	listen_in();
	for (c = 0x80; c <= 0x9f; c++) {
		message[2] = (char)c;
		log_line(SSV_LOG_ERROR, message);
		hear(line, sizeof(line));
		ck_assert_ptr_null(strchr(line, c));
		ck_assert_ptr_nonnull(strstr(line, ">\n"));
		log_line(SSV_LOG_ERROR, (char[]){'<', (char)c, '>', '\0'});
		hear(line, sizeof(line));
		ck_assert_ptr_null(strchr(line, c));
	}
	log_line(SSV_LOG_ERROR, "\302\240 \303\204\303\244 \342\202\254 \360\237\233\200");
	expect_heard("socketserver: error: \302\240 \303\204\303\244 \342\202\254 "
		     "\360\237\233\200\n");
	stop_listening();
}
END_TEST

/* Where no character goes on, such a byte stands alone, whatever is in front of it. */
START_TEST(a_control_character_behind_what_is_no_utf8_is_made_harmless)
{
	static const char *const before[] = {"\377", "\300", "\301", "\303\244", "\342\202\254",
		"\360\237\233\200", "\340", "\364\220", "\365\200", "\355\240", "\342\202.", "\240",
		"\360\217", "\302\240\240"};
	char message[16], line[100];

	listen_in();
	for (size_t i = 0; i < LENGTH(before); i++) {
		snprintf(message, sizeof(message), "%s\2331m", before[i]);
		log_line(SSV_LOG_ERROR, message);
		hear(line, sizeof(line));
		ck_assert_msg(strstr(line, "?1m\n") != NULL, "%zu: %s", i, line);
	}
	log_line(SSV_LOG_ERROR,
		"\303\233 \340\240\233 \342\233\233 \355\233\233 \360\233\233\233 \363\233\233\233 "
		"\364\213\233\233");
	expect_heard("socketserver: error: \303\233 \340\240\233 \342\233\233 \355\233\233 "
		     "\360\233\233\233 \363\233\233\233 \364\213\233\233\n");
	stop_listening();
}
END_TEST

/* A client chooses its own name. */
START_TEST(control_characters_of_an_address_are_made_harmless)
{
	struct ssv_request request = {.client_address = address_of("unix:@a\n\33[2Jb")};

	listen_in();
	ssv_log_to_stderr(NULL, SSV_LOG_INFO, &request, "it spoke");
	expect_heard("socketserver: info: unix:@a??[2Jb: it spoke\n");
	stop_listening();
}
END_TEST

START_TEST(a_closed_standard_error_is_harmless)
{
	redirect(-1);
	log_line(SSV_LOG_ERROR, "to nobody");
	give_back();
}
END_TEST

START_TEST(a_full_disk_is_harmless)
{
	redirect(open("/dev/full", O_WRONLY | O_CLOEXEC));
	log_line(SSV_LOG_ERROR, "to nobody");
	give_back();
}
END_TEST

/* As of "server 2>&1 | head". */
static void redirect_to_broken_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	redirect(ends[1]);
}

START_TEST(a_standard_error_that_nobody_reads_is_harmless)
{
	signal(SIGPIPE, SIG_DFL);
	redirect_to_broken_pipe();
	log_line(SSV_LOG_ERROR, "to nobody");
	log_line(SSV_LOG_ERROR, "to nobody");
	give_back();
}
END_TEST

/* As of "server 2>&1 | less": a page is read, and then nothing for an hour. */
START_TEST(a_standard_error_that_is_full_loses_lines_and_says_how_many)
{
	char expected[200];
	char rest[256 * 1024];
	int ends[2], written = 0;
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	redirect(dup(ends[1]));
	for (int i = 0; i < 10000; i++)
		log_line(SSV_LOG_ERROR, "nobody reads this just now");
	n = read(ends[0], rest, sizeof(rest));
	ck_assert_int_gt(n, 0);
	while (n > 0)
		written += rest[--n] == '\n';
	for (int i = 0; i < 2; i++)
		log_line(SSV_LOG_ERROR, "but this");
	n = read(ends[0], rest, sizeof(rest) - 1);
	ck_assert_int_gt(n, 0);
	rest[n] = '\0';
	snprintf(expected, sizeof(expected),
		"socketserver: warning: %d lines were lost here\nsocketserver: error: but this\n"
		"socketserver: error: but this\n",
		10000 - written);
	ck_assert_str_eq(rest, expected);
	give_back();
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static void *read_in_a_while(void *context)
{
	char data[65536];

	poll(NULL, 0, 60); /* what is tried meanwhile is interrupted again and again */
	ck_assert_int_gt(read(*(const int *)context, data, sizeof(data)), 0);
	return NULL;
}

static void interrupt(int number)
{
	(void)number;
}

START_TEST(a_signal_costs_no_line)
{
	const struct sigaction action = {.sa_handler = interrupt};
	const struct itimerval often = {{.tv_usec = 2000}, {.tv_usec = 2000}}, never = {0};
	char rest[128 * 1024];
	pthread_t reader;
	int ends[2];
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	for (n = fcntl(ends[1], F_GETPIPE_SZ); n > 0;)
		n -= write(ends[1], rest, n < (ssize_t)sizeof(rest) ? (size_t)n : sizeof(rest));
	sigaction(SIGALRM, &action, NULL);
	pthread_create(&reader, NULL, read_in_a_while, &ends[0]);
	setitimer(ITIMER_REAL, &often, NULL);
	redirect(dup(ends[1]));
	log_line(SSV_LOG_ERROR, "late, but here");
	setitimer(ITIMER_REAL, &never, NULL);
	give_back();
	pthread_join(reader, NULL);
	n = read(ends[0], rest, sizeof(rest) - 1);
	ck_assert_int_gt(n, 0);
	rest[n] = '\0';
	ck_assert_ptr_nonnull(strstr(rest, "late, but here"));
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static bool is_pending(int number)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, number) == 1;
}

static bool is_blocked(int number)
{
	sigset_t blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	return sigismember(&blocked, number) == 1;
}

static void block_sigpipe(int how)
{
	sigset_t sigpipe;

	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	pthread_sigmask(how, &sigpipe, NULL);
}

START_TEST(a_broken_pipe_leaves_no_signal_behind)
{
	redirect_to_broken_pipe();
	log_line(SSV_LOG_ERROR, "to nobody");
	ck_assert(!is_blocked(SIGPIPE));
	ck_assert(!is_pending(SIGPIPE));
	block_sigpipe(SIG_BLOCK);
	log_line(SSV_LOG_ERROR, "to nobody");
	ck_assert(is_blocked(SIGPIPE));
	ck_assert(!is_pending(SIGPIPE));
	give_back();
	block_sigpipe(SIG_UNBLOCK);
}
END_TEST

/* Which by itself ends the process (SIGXFSZ). */
START_TEST(a_file_at_the_limit_of_its_size_is_harmless)
{
	const struct rlimit none = {.rlim_max = RLIM_INFINITY};
	struct rlimit before;

	signal(SIGXFSZ, SIG_DFL);
	redirect(memfd_create("log", MFD_CLOEXEC));
	getrlimit(RLIMIT_FSIZE, &before);
	setrlimit(RLIMIT_FSIZE, &none); /* Check's own file, too: no assertions meanwhile */
	log_line(SSV_LOG_ERROR, "to nobody");
	setrlimit(RLIMIT_FSIZE, &before);
	ck_assert_int_eq(lseek(STDERR_FILENO, 0, SEEK_END), 0);
	ck_assert(!is_blocked(SIGXFSZ));
	ck_assert(!is_pending(SIGXFSZ));
	give_back();
}
END_TEST

START_TEST(a_signal_of_ones_own_is_not_taken_away)
{
	signal(SIGPIPE, SIG_DFL);
	block_sigpipe(SIG_BLOCK);
	raise(SIGPIPE);
	redirect_to_broken_pipe();
	log_line(SSV_LOG_ERROR, "to nobody");
	give_back();
	ck_assert(is_pending(SIGPIPE));
	signal(SIGPIPE, SIG_IGN); /* takes what is pending away */
}
END_TEST

#define THREADS 4
#define LINES 50

static void *log_lines(void *context)
{
	int i;

	for (i = 0; i < LINES; i++)
		log_line(SSV_LOG_ERROR, context);
	return NULL;
}

static void join_all(pthread_t threads[THREADS])
{
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(lines_of_several_threads_are_whole)
{
	const struct timeval patience = {.tv_sec = 10};
	pthread_t threads[THREADS];
	char line[100];
	int i;

	listen_in();
	setsockopt(hearing, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Room for all, since a reader that is too slow loses lines. */
	setsockopt(STDERR_FILENO, SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int));
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, log_lines, "whole"), 0);
	for (i = 0; i < THREADS * LINES; i++) {
		ck_assert_int_eq(recv(hearing, line, sizeof(line), 0), 27);
		ck_assert_mem_eq(line, "socketserver: error: whole\n", 27);
	}
	join_all(threads);
	expect_silence();
	stop_listening();
}
END_TEST

/* --- reports --- */

static struct ssv_server server;
static struct kept_log kept;

static void open_server(void)
{
	struct ssv_address at = address_of(ANYWHERE);

	ssv_server_init(&server, &at, &echo_handler);
	keep_log(&kept, &server);
	set_clock(1000000);
}

static void report(const char *what, int error)
{
	ssv_server_report(&server, SSV_LOG_WARNING, NULL, what, error);
}

static void report_often(const char *what, int error, int times)
{
	while (times-- > 0)
		report(what, error);
}

static int lines(void)
{
	return kept.count[SSV_LOG_ERROR] + kept.count[SSV_LOG_WARNING] + kept.count[SSV_LOG_INFO] +
	       kept.count[SSV_LOG_DEBUG];
}

START_TEST(a_report_says_what_and_why)
{
	open_server();
	report("it failed", 0);
	ck_assert_str_eq(kept.last, "it failed");
	report("it failed", -ECONNRESET);
	ck_assert_str_eq(kept.last, "it failed: Connection reset by peer");
	report("it failed", -99999);
	ck_assert_str_eq(kept.last, "it failed: unknown error");
	report("it failed", 99999);
	ck_assert_str_eq(kept.last, "it failed: unknown error");
	ck_assert_int_eq(lines(), 4);
}
END_TEST

static struct ssv_log_event taken;
static char taken_message[64];

static void take_event(struct ssv_log *log, const struct ssv_log_event *event)
{
	(void)log;
	taken = *event;
	snprintf(taken_message, sizeof(taken_message), "%s", event->message);
}

START_TEST(an_event_is_taken_apart)
{
	struct ssv_log log = {.level = SSV_LOG_DEBUG, .event = take_event};

	open_server();
	server.log = &log;
	report("what", -EMFILE);
	ck_assert_ptr_eq(taken.server, &server);
	ck_assert_ptr_null(taken.request);
	ck_assert_str_eq(taken.what, "what");
	ck_assert_int_eq(taken.error, -EMFILE);
	ck_assert_str_eq(taken_message, "what: Too many open files");
}
END_TEST

START_TEST(less_important_reports_are_not_passed_on)
{
	int level;

	open_server();
	server.log->level = (enum ssv_log_level)_i;
	for (level = SSV_LOG_ERROR; level <= SSV_LOG_DEBUG; level++)
		ssv_server_report(&server, (enum ssv_log_level)level, NULL,
			ssv_log_level_name((enum ssv_log_level)level), 0);
	for (level = SSV_LOG_ERROR; level <= SSV_LOG_DEBUG; level++)
		ck_assert_int_eq(kept.count[level], level <= _i ? 1 : 0);
}
END_TEST

START_TEST(ten_of_equal_reports_are_passed_on_and_the_next_window_says_how_many_were_not)
{
	open_server();
	report_often("flood", -EMFILE, 10000);
	ck_assert_int_eq(lines(), 10);
	ck_assert_str_eq(kept.last, "flood: Too many open files");
	set_clock(1009999);
	report("flood", -EMFILE);
	ck_assert_int_eq(lines(), 10);
	set_clock(1010000);
	report("flood", -EMFILE);
	ck_assert_int_eq(lines(), 11);
	ck_assert_str_eq(kept.last, "flood: Too many open files (and 9991 more like it)");
	report("flood", -EMFILE);
	ck_assert_int_eq(lines(), 12);
	ck_assert_str_eq(kept.last, "flood: Too many open files");
	report_often("flood", -EMFILE, 100);
	ck_assert_int_eq(lines(), 20);
}
END_TEST

START_TEST(a_window_without_a_report_says_nothing)
{
	open_server();
	report_often("flood", 0, 10);
	set_clock(1050000);
	report("flood", 0);
	ck_assert_str_eq(kept.last, "flood");
}
END_TEST

START_TEST(different_reports_are_counted_apart)
{
	open_server();
	report_often("one", -EMFILE, 100);
	report_often("one", -ENFILE, 100);
	report_often("one", 0, 100);
	report_often("another", -EMFILE, 100);
	ck_assert_int_eq(lines(), 40);
	set_clock(1010000);
	report("one", -ENFILE);
	ck_assert_str_eq(kept.last, "one: Too many open files in system (and 90 more like it)");
}
END_TEST

/* Wherever their text is: the compiler may keep one copy, or two. */
START_TEST(equal_texts_are_equal_reports)
{
	char copy[] = "flood";

	open_server();
	report_often("flood", 0, 6);
	report_often(copy, 0, 6);
	ck_assert_int_eq(lines(), 10);
}
END_TEST

START_TEST(the_rest_is_said_once)
{
	open_server();
	report_often("flood", -EMFILE, 25);
	report_often("trickle", -EMFILE, 3);
	ck_assert_int_eq(lines(), 13);
	ssv_report_rest(&server);
	ck_assert_int_eq(lines(), 14);
	ck_assert_str_eq(kept.last, "flood: Too many open files (and 15 more like it)");
	ssv_report_rest(&server);
	ck_assert_int_eq(lines(), 14);
	report("flood", -EMFILE);
	ck_assert_str_eq(kept.last, "flood: Too many open files");
}
END_TEST

START_TEST(close_says_the_rest)
{
	open_server();
	report_often("flood", -EMFILE, 25);
	ck_assert_int_eq(ssv_server_close(&server), 0);
	ck_assert_int_eq(lines(), 11);
	ck_assert_str_eq(kept.last, "flood: Too many open files (and 15 more like it)");
}
END_TEST

START_TEST(the_rest_is_no_less_important_than_the_log_wants)
{
	open_server();
	server.log->level = SSV_LOG_ERROR;
	for (int i = 0; i < 25; i++)
		ssv_server_report(&server, SSV_LOG_ERROR, NULL, "flood", 0);
	ssv_report_rest(&server);
	ck_assert_int_eq(kept.count[SSV_LOG_ERROR], 11);
	ck_assert_int_eq(lines(), 11);
}
END_TEST

static const char *const kinds[] = {"kind 0", "kind 1", "kind 2", "kind 3", "kind 4", "kind 5",
	"kind 6", "kind 7", "kind 8", "kind 9", "kind 10", "kind 11"};
#define REPORT_KINDS LENGTH(kinds)

/* Each line is one, and says how many were not printed: all of them add up. */
static int said, said_lines;

static void add_up(struct ssv_log *log, enum ssv_log_level level, const struct ssv_request *request,
	const char *message)
{
	const char *more = strstr(message, "(and ");

	(void)log;
	(void)level;
	(void)request;
	said_lines++;
	said += more != NULL ? atoi(more + strlen("(and ")) : 0;
}

START_TEST(more_kinds_than_can_be_counted_are_counted_as_one)
{
	struct ssv_log log = {.write = add_up, .level = SSV_LOG_DEBUG};

	open_server();
	server.log = &log;
	for (int i = 0; i < 110; i++) {
		for (int kind = 0; kind < REPORT_KINDS; kind++)
			report(kinds[kind], 0);
	}
	ck_assert_int_eq(said_lines, 8 * 10 + 10);
	ssv_report_rest(&server);
	ck_assert_int_eq(said_lines, 8 * 10 + 10 + 9);
	ck_assert_int_eq(said, REPORT_KINDS * 110 - 8 * 10 - 10);
}
END_TEST

START_TEST(a_new_kind_takes_the_place_of_one_whose_window_is_over)
{
	struct ssv_log log = {.write = add_up, .level = SSV_LOG_DEBUG};

	open_server();
	server.log = &log;
	for (int kind = 0; kind < 8; kind++)
		report_often(kinds[kind], 0, 110);
	set_clock(1010000);
	report_often(kinds[8], 0, 110);
	ck_assert_int_eq(said, 100); /* of the one that it took the place of */
	ck_assert_int_eq(said_lines, 8 * 10 + 1 + 10);
	ssv_report_rest(&server);
	ck_assert_int_eq(said, 9 * 100);
}
END_TEST

static void *report_in_thread(void *context)
{
	(void)context;
	report_often("flood", -EMFILE, 2500);
	return NULL;
}

START_TEST(threads_may_report_at_once)
{
	pthread_t threads[THREADS];
	int i;

	open_server();
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, report_in_thread, NULL), 0);
	join_all(threads);
	ck_assert_int_eq(lines(), 10);
	ssv_report_rest(&server);
	ck_assert_int_eq(lines(), 11);
	ck_assert_str_eq(kept.last, "flood: Too many open files (and 9990 more like it)");
}
END_TEST

/* A handler that close() could not stop may still have something to say. */
START_TEST(the_rest_may_be_said_while_threads_report)
{
	pthread_t threads[THREADS];
	int i;

	open_server();
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, report_in_thread, NULL), 0);
	ssv_report_rest(&server);
	join_all(threads);
}
END_TEST

static void add_stderr(TCase *tcase)
{
	tcase_add_test(tcase, levels_have_names);
	tcase_add_test(tcase, a_line_is_one_write);
	tcase_add_test(tcase, a_line_names_the_peer);
	tcase_add_test(tcase, a_line_of_any_length_is_one_write_and_ends);
	tcase_add_test(tcase, control_characters_are_made_harmless);
	tcase_add_test(tcase, control_characters_beyond_ascii_are_made_harmless_too);
	tcase_add_test(tcase, a_control_character_behind_what_is_no_utf8_is_made_harmless);
	tcase_add_test(tcase, control_characters_of_an_address_are_made_harmless);
	tcase_add_test(tcase, a_closed_standard_error_is_harmless);
	tcase_add_test(tcase, a_full_disk_is_harmless);
	tcase_add_test(tcase, a_standard_error_that_nobody_reads_is_harmless);
	tcase_add_test(tcase, a_standard_error_that_is_full_loses_lines_and_says_how_many);
	tcase_add_test(tcase, a_signal_costs_no_line);
	tcase_add_test(tcase, a_broken_pipe_leaves_no_signal_behind);
	tcase_add_test(tcase, a_file_at_the_limit_of_its_size_is_harmless);
	tcase_add_test(tcase, a_signal_of_ones_own_is_not_taken_away);
	tcase_add_test(tcase, lines_of_several_threads_are_whole);
}

static void add_reports(TCase *tcase)
{
	tcase_add_test(tcase, a_report_says_what_and_why);
	tcase_add_test(tcase, an_event_is_taken_apart);
	tcase_add_loop_test(tcase, less_important_reports_are_not_passed_on, 0, SSV_LOG_DEBUG + 1);
	tcase_add_test(tcase,
		ten_of_equal_reports_are_passed_on_and_the_next_window_says_how_many_were_not);
	tcase_add_test(tcase, a_window_without_a_report_says_nothing);
	tcase_add_test(tcase, different_reports_are_counted_apart);
	tcase_add_test(tcase, equal_texts_are_equal_reports);
	tcase_add_test(tcase, the_rest_is_said_once);
	tcase_add_test(tcase, close_says_the_rest);
	tcase_add_test(tcase, the_rest_is_no_less_important_than_the_log_wants);
	tcase_add_test(tcase, more_kinds_than_can_be_counted_are_counted_as_one);
	tcase_add_test(tcase, a_new_kind_takes_the_place_of_one_whose_window_is_over);
	tcase_add_test(tcase, threads_may_report_at_once);
	tcase_add_test(tcase, the_rest_may_be_said_while_threads_report);
}

int main(void)
{
	Suite *suite = suite_create("log");

	add_stderr(topic(suite, "standard error"));
	add_reports(topic(suite, "reports"));
	return run_suite(suite);
}
