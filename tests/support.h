/** What the tests share: the client side, a server in a thread, and the check that nothing is left
 * over. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <socketserver/socketserver.h>

/** How many elements an array has: as the end of a loop. */
#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

/** An address from its text; the test fails where it is none. */
struct ssv_address address_of(const char *text);

/** Any free port of 127.0.0.1. */
#define ANYWHERE "tcp://127.0.0.1:0"

/**
 * Any free port of an address of this process's own, "tcp://127.x.y.z:0": once it was closed, no
 * other test takes it. Overwritten by the next call.
 */
const char *own_address(const char *transport);

/** A plain blocking socket of the server's kind connected to it, with a name where that takes one
 * to be answered; it gives up a read after 10 s, so that no test hangs. */
int connect_to(const struct ssv_server *server);

/** Sends the question, if there is one, then reads as much as `answer` is long and compares. */
void ask(int fd, const char *question, const char *answer);

/** Sends data with `count` descriptors, copies of standard error, along (SCM_RIGHTS). */
void send_with_descriptors(int fd, const char *data, size_t size, int count);

/** The peer has ended the connection, with or without a reset: there is nothing more to read. */
void expect_end(int fd);

/** Bytes that fail a comparison when they arrive in another place: the same for each seed. */
void fill_with_noise(char *data, size_t size, unsigned int seed);

/** A server that a thread of its own serves. */
struct served {
	struct ssv_server *server;
	pthread_t thread;
	int result;
};

/** Starts to serve an open server. */
void serve(struct served *served, struct ssv_server *server);

/** Waits until serving has ended; what serve_forever() returned. */
int result_of(struct served *served);

/** Asks for a stop, waits for the end, expects 0, and closes. */
void stop_and_close(struct served *served);

/** Handlers that tests need: sends back what comes, until the end. */
extern const struct ssv_handler_ops echo_handler;

/** A log that keeps what it is told: how many lines of each level, and the last. */
struct kept_log {
	struct ssv_log base;
	pthread_mutex_t lock;
	int count[SSV_LOG_DEBUG + 1];
	char last[512];
};
void keep_log(struct kept_log *log, struct ssv_server *server);
int logged(struct kept_log *log, enum ssv_log_level level);

size_t count_descriptors(void);

/** There is none, neither running nor to be waited for. */
void expect_no_children(void);

/** The thread sleeps on. test_idle.py looks at whole programs. */
void expect_idleness(pid_t thread);

/** A socket's option, as a number. */
int socket_option(int fd, int level, int name);

/** For a checked fixture: a fresh directory, which is empty again after the test. */
extern char test_directory[];
void make_directory(void);
void expect_empty_directory(void);

/** unix:DIRECTORY/socket or unixgram:DIRECTORY/socket */
struct ssv_address address_in_directory(enum ssv_transport transport);

/** From now on `count` forks of the library fail with `error`, an errno; how many were tried. */
void fail_forks(int count, int error);
int forks_tried(void);

/** A clock under the test's control; from the first call on, it stands where set_clock() puts it.
 */
void set_clock(int64_t milliseconds);
void use_real_clock(void);

/**
 * Whether it is valgrind that runs this: in its time no limit of milliseconds holds, its
 * RLIMIT_NOFILE throws connections away, and at an _exit(2) it flushes stdio, to free the buffers.
 */
bool under_valgrind(void);

/** Or a sanitizer: what it costs is not ours. AddressSanitizer's allocator does not survive a fork
 * while another thread uses it. */
bool under_sanitizer(void);

/** A new test case of the suite: after each of its tests there are as many descriptors and threads
 * as before, and no children. */
TCase *topic(Suite *suite, const char *name);

/** Adds a test that is run once for each element of an array. */
#define FOR_EACH(tcase, test, array) tcase_add_loop_test(tcase, test, 0, LENGTH(array))

/** What a long test has tried so often: `./dev torture` adds it up. */
void counted(int n, const char *what);

/** SSV_LONG=1 in the environment: ten times as much, or more. */
bool is_long(void);

/** Runs a suite with Check's summary; what main() returns. */
int run_suite(Suite *suite);

#endif
