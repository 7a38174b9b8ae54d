#include "support.h"

#include "clock.h"
#include "open_servers.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct ssv_address address_of(const char *text)
{
	struct ssv_address address;
	const char *error = NULL;

	ck_assert_msg(ssv_address_parse(&address, text, &error) == 0, "%s: %s", text, error);
	return address;
}

const char *own_address(const char *transport)
{
	static char text[SSV_ADDRESS_TEXT_SIZE];
	const unsigned int pid = (unsigned int)getpid();

	snprintf(text, sizeof(text), "%s://127.%u.%u.%u:0", transport, 1 + pid / 65536 % 250,
		pid / 256 % 256, pid % 256);
	return text;
}

int connect_to(const struct ssv_server *server)
{
	const struct ssv_address *at = &server->server_address;
	const struct timeval patience = {.tv_sec = 10};
	const struct sockaddr any_name = {.sa_family = AF_UNIX};
	const int type = ssv_transport_is_stream(at->transport) ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(at->socket.any.sa_family, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (at->transport == SSV_UNIXGRAM)
		ck_assert_int_eq(bind(fd, &any_name, sizeof(any_name.sa_family)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_msg(
		connect(fd, &at->socket.any, at->length) == 0, "connect: %s", strerror(errno));
	return fd;
}

/* With a time-out, recv(2) is not begun again by itself after a signal, be it ignored. */
static ssize_t receive(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, data, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Without malloc: a sanitizer's has a lock, which a thread may hold while another one forks. */
void ask(int fd, const char *question, const char *answer)
{
	size_t asked = strlen(question), size = strlen(answer), done = 0;
	char got[4096] = "";
	ssize_t n = 1;

	ck_assert_uint_lt(size, sizeof(got));
	if (asked > 0) /* else it would be an empty datagram */
		ck_assert_int_eq(send(fd, question, asked, MSG_NOSIGNAL), (ssize_t)asked);
	for (; done < size && n > 0; done += n > 0 ? (size_t)n : 0)
		n = receive(fd, got + done, size - done);
	ck_assert_str_eq(got, answer);
}

void send_with_descriptors(int fd, const char *data, size_t size, int count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
	const int copies[8] = {2, 2, 2, 2, 2, 2, 2, 2};

	control.header.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), copies, (size_t)count * sizeof(int));
	ck_assert_int_eq(sendmsg(fd, &message, 0), (ssize_t)size);
}

void expect_end(int fd)
{
	char byte;
	ssize_t n = receive(fd, &byte, 1);

	ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "not the end: %zd, %s", n,
		n < 0 ? strerror(errno) : "a byte");
}

void fill_with_noise(char *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		data[i] = (char)(seed >> 24);
	}
}

static void *serve_forever(void *context)
{
	struct served *served = context;

	served->result = ssv_server_serve_forever(served->server);
	return NULL;
}

void serve(struct served *served, struct ssv_server *server)
{
	served->server = server;
	ck_assert_int_eq(pthread_create(&served->thread, NULL, serve_forever, served), 0);
}

int result_of(struct served *served)
{
	pthread_join(served->thread, NULL);
	return served->result;
}

void stop_and_close(struct served *served)
{
	ck_assert_int_eq(ssv_server_shutdown(served->server), 0);
	ck_assert_int_eq(result_of(served), 0);
	ck_assert_int_eq(ssv_server_close(served->server), 0);
}

static int echo_handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[16384];
	ssize_t n;

	do {
		n = ssv_stream_read(stream, data, sizeof(data));
		if (n >= 0)
			n = ssv_stream_write(stream, data, (size_t)n);
	} while (n > 0);
	return (int)n;
}

const struct ssv_handler_ops echo_handler = {.handle = echo_handle};

static void keep(struct ssv_log *base, enum ssv_log_level level, const struct ssv_request *request,
	const char *message)
{
	struct kept_log *log = ssv_container_of(base, struct kept_log, base);

	(void)request;
	pthread_mutex_lock(&log->lock);
	log->count[level]++;
	strncpy(log->last, message, sizeof(log->last) - 1);
	pthread_mutex_unlock(&log->lock);
}

void keep_log(struct kept_log *log, struct ssv_server *server)
{
	*log = (struct kept_log){
		.base = {.write = keep, .level = SSV_LOG_DEBUG},
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	server->log = &log->base;
}

int logged(struct kept_log *log, enum ssv_log_level level)
{
	int n;

	pthread_mutex_lock(&log->lock);
	n = log->count[level];
	pthread_mutex_unlock(&log->lock);
	return n;
}

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	size_t n = 0;

	ck_assert_ptr_nonnull(directory);
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

size_t count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

static long context_switches(pid_t thread)
{
	char path[64], line[128];
	long n = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)thread);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	}
	fclose(file);
	return n;
}

/* The absence of something takes time to see. */
void expect_idleness(pid_t thread)
{
	long before;

	poll(NULL, 0, 50);
	before = context_switches(thread);
	poll(NULL, 0, 300);
	ck_assert_int_eq(context_switches(thread), before);
}

int socket_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

char test_directory[] = "/tmp/ssv-XXXXXX";

void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(test_directory));
}

void expect_empty_directory(void)
{
	ck_assert_msg(rmdir(test_directory) == 0, "%s: %s", test_directory, strerror(errno));
}

struct ssv_address address_in_directory(enum ssv_transport transport)
{
	char text[SSV_ADDRESS_TEXT_SIZE];

	snprintf(text, sizeof(text), "%s:%s/socket", ssv_transport_name(transport), test_directory);
	return address_of(text);
}

static size_t descriptors, threads;

static void *do_nothing(void *context)
{
	return context;
}

/* The first thread of all brings a sanitizer's own thread with it. */
static void note_what_is_open(void)
{
	pthread_t first;

	pthread_create(&first, NULL, do_nothing, NULL);
	pthread_join(first, NULL);
	descriptors = count_descriptors();
	threads = count_entries("/proc/self/task");
}

void expect_no_children(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* A thread that was joined may still be on its way out of the kernel. */
static void expect_nothing_left(void)
{
	int patience = 2000;

	while (count_entries("/proc/self/task") > threads && --patience > 0)
		poll(NULL, 0, 1);
	ck_assert_int_gt(patience, 0);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	expect_no_children();
}

static int forks_to_fail, fork_error, fork_count;

static pid_t failing_fork(void)
{
	if (__atomic_fetch_add(&fork_count, 1, __ATOMIC_SEQ_CST) >= forks_to_fail)
		return fork();
	errno = fork_error;
	return -1;
}

void fail_forks(int count, int error)
{
	forks_to_fail = count;
	fork_error = error;
	ssv_fork = failing_fork;
}

int forks_tried(void)
{
	return __atomic_load_n(&fork_count, __ATOMIC_SEQ_CST);
}

static int64_t clock_stands_at;
static int64_t (*real_clock)(void);

static int64_t standing_clock(void)
{
	return clock_stands_at;
}

void set_clock(int64_t milliseconds)
{
	if (real_clock == NULL)
		real_clock = ssv_clock;
	clock_stands_at = milliseconds * 1000000;
	ssv_clock = standing_clock;
}

void use_real_clock(void)
{
	if (real_clock != NULL)
		ssv_clock = real_clock;
}

bool under_valgrind(void)
{
	return getenv("SSV_VALGRIND") != NULL;
}

bool under_sanitizer(void)
{
	const char *sanitized = getenv("SANITIZED");

	return sanitized != NULL && sanitized[0] != '\0';
}

TCase *topic(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, note_what_is_open, expect_nothing_left);
	suite_add_tcase(suite, tcase);
	return tcase;
}

void counted(int n, const char *what)
{
	printf("counted: %d %s\n", n, what);
	fflush(stdout);
}

bool is_long(void)
{
	return getenv("SSV_LONG") != NULL;
}

int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
