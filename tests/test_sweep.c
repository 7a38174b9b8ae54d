/**
 * Every system call of the library, and every allocation, made to fail in every way that its manual
 * page names: when the server is opened, while it serves, and when it is closed. Never a crash, a
 * hang, a spin or a leaked descriptor; who comes before and after is served, and an interruption
 * (EINTR) nobody notices. SSV_LONG=1 in the environment: also each second and third occurrence, and
 * all classes.
 */
#include "child.h"
#include "classes.h"
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the manual pages name (of accept(2), network errors included); and 0. */
static const int manual[N_FAULT_CALLS][26] = {
	[FAULT_accept4] = {EAGAIN, EBADF, ECONNABORTED, EFAULT, EINTR, EINVAL, EMFILE, ENFILE,
		ENOBUFS, ENOMEM, ENOTSOCK, EOPNOTSUPP, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT,
		EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH, ENOSR, ESOCKTNOSUPPORT,
		EPROTONOSUPPORT, ETIMEDOUT, ENOSYS},
	[FAULT_bind] = {EACCES, EADDRINUSE, EBADF, EINVAL, ENOTSOCK, EADDRNOTAVAIL, EFAULT, ELOOP,
		ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS},
	[FAULT_calloc] = {ENOMEM},
	[FAULT_close] = {EBADF, EINTR, EIO, ENOSPC, EDQUOT},
	[FAULT_connect] = {EACCES, EPERM, EADDRINUSE, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF,
		ECONNREFUSED, EFAULT, EINPROGRESS, EINTR, EISCONN, ENETUNREACH, ENOTSOCK,
		EPROTOTYPE, ETIMEDOUT},
	[FAULT_epoll_create1] = {EINVAL, EMFILE, ENFILE, ENOMEM},
	[FAULT_epoll_ctl] = {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM},
	[FAULT_epoll_wait] = {EBADF, EFAULT, EINTR, EINVAL},
	[FAULT_eventfd] = {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM},
	[FAULT_fchmod] = {EACCES, EBADF, EIO, EPERM, EROFS},
	[FAULT_fchownat] = {EACCES, EBADF, EINVAL, EIO, ELOOP, ENOENT, ENOMEM, EPERM, EROFS},
	[FAULT_fcntl64] = {EACCES, EAGAIN, EBADF, EINTR, EINVAL, EMFILE, EPERM},
	[FAULT_flock] = {EBADF, EINTR, EINVAL, ENOLCK, EWOULDBLOCK},
	[FAULT_fork] = {EAGAIN, ENOMEM, ENOSYS},
	[FAULT_fstat64] = {EBADF, EFAULT, ENOMEM, EOVERFLOW},
	[FAULT_getrlimit64] = {EFAULT, EINVAL, EPERM},
	[FAULT_getsockname] = {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK},
	[FAULT_getsockopt] = {EFAULT, EINVAL, ENOPROTOOPT}, /* EBADF, ENOTSOCK: test_misuse.c */
	[FAULT_ioctl] = {EBADF, EFAULT, EINVAL, ENOTTY},
	[FAULT_kill] = {EINVAL, EPERM, ESRCH},
	[FAULT_listen] = {EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP},
	[FAULT_lstat64] = {EACCES, EFAULT, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW},
	[FAULT_mmap64] = {EACCES, EAGAIN, EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EPERM},
	[FAULT_open64] = {EACCES, EINTR, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR,
		EPERM, EROFS},
	[FAULT_pipe2] = {EFAULT, EINVAL, EMFILE, ENFILE},
	[FAULT_poll] = {EFAULT, EINTR, EINVAL, ENOMEM},
	[FAULT_pthread_attr_init] = {ENOMEM},
	[FAULT_pthread_attr_setstacksize] = {EINVAL},
	[FAULT_pthread_create] = {EAGAIN, EINVAL, EPERM},
	[FAULT_realloc] = {ENOMEM},
	[FAULT_recv] = {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN,
		ENOTSOCK, ECONNRESET, ETIMEDOUT, EHOSTUNREACH},
	[FAULT_recvfrom] = {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN,
		ENOTSOCK},
	[FAULT_recvmsg] = {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN,
		ENOTSOCK, EMFILE},
	[FAULT_send] = {EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR,
		EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE},
	[FAULT_sendmsg] = {EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR,
		EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE,
		EPERM, ENETUNREACH},
	[FAULT_sendto] = {EACCES, EAGAIN, EBADF, ECONNRESET, EFAULT, EINTR, EINVAL, EMSGSIZE,
		ENOBUFS, ENOMEM, ENOTSOCK, EPIPE, EPERM, ENETUNREACH, ECONNREFUSED},
	[FAULT_setsockopt] = {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, EPERM},
	[FAULT_shutdown] = {EBADF, EINVAL, ENOTCONN, ENOTSOCK},
	[FAULT_socket] = {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM,
		EPROTONOSUPPORT},
	[FAULT_syscall] = {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, ESRCH, ENOSYS, EPERM, EBADF},
	[FAULT_timerfd_create] = {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, EPERM},
	[FAULT_timerfd_settime] = {EBADF, EFAULT, EINVAL, ECANCELED},
	[FAULT_unlink] = {EACCES, EBUSY, EFAULT, EIO, EISDIR, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM,
		EROFS},
	[FAULT_waitpid] = {ECHILD, EINTR, EINVAL},
};

/* When it fails. */
enum phase { OPEN, SERVE, CLOSE, N_PHASES };
static const char *const phase_names[] = {"open", "serve", "close"};

struct fault {
	enum phase phase;
	enum fault_call call; /* N_FAULT_CALLS: none, the calls are counted */
	int error, nth;
	bool persistent;
};

#define MOST_FAILURES 500 /* of a call that fails for ever, in the time of a case */
#define TOO_LONG 20       /* seconds */

/* What the processes of a case share. */
static struct {
	struct ssv_address at;
	char why[256];
	int seen[N_FAULT_CALLS], fired;
} * shared;

#define FAIL(...)                                                                                  \
	do {                                                                                       \
		snprintf(shared->why, sizeof(shared->why), __VA_ARGS__);                           \
		_exit(1);                                                                          \
	} while (0)

/* --- the client, a process of its own: nothing of its own fails --- */

static const struct server_class *class;

/* How it went: it was served; the connection was refused, or ended; there was no answer in time; an
 * answer of another question. */
enum outcome { SERVED = 's', ENDED = 'e', SILENCE = 't', WRONG = 'w' };

static int connect_here(int milliseconds)
{
	const struct timeval time = {
		.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000L};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int type = class->is_stream ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(shared->at.socket.any.sa_family, type, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
	if (class->transport == SSV_UNIXGRAM) /* a name of the kernel's choice, to be answered */
		bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t));
	if (connect(fd, &shared->at.socket.any, shared->at.length) == 0)
		return fd;
	close(fd);
	return -1;
}

static enum outcome outcome_of(ssize_t n)
{
	return n < 0 && errno == EAGAIN ? SILENCE : ENDED;
}

static enum outcome converse(int fd, const char *question, size_t size)
{
	char answer[64];
	ssize_t n;

	if (send(fd, question, size, MSG_NOSIGNAL) != (ssize_t)size)
		return outcome_of(-1);
	n = recv(fd, answer, size, class->is_stream ? MSG_WAITALL : 0);
	if (n != (ssize_t)size)
		return outcome_of(n);
	if (memcmp(answer, question, size) != 0)
		return WRONG;
	return SERVED;
}

static enum outcome expect_end_of(int fd)
{
	char more;
	ssize_t n;

	shutdown(fd, SHUT_WR);
	n = recv(fd, &more, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET) ? SERVED : n > 0 ? WRONG : SILENCE;
}

static enum outcome exchange(int milliseconds)
{
	static int number;
	char question[64];
	int fd = connect_here(milliseconds);
	enum outcome outcome;

	if (fd < 0)
		return ENDED;
	snprintf(question, sizeof(question), "question %d", ++number);
	outcome = converse(fd, question, strlen(question));
	if (outcome == SERVED && class->is_stream)
		outcome = expect_end_of(fd);
	close(fd);
	return outcome;
}

/* Stays connected, until the next one does. */
static enum outcome hold(void)
{
	static int held = -1;

	close(held);
	held = connect_here(5000);
	return held < 0 ? ENDED : converse(held, "hold", 4);
}

#define HOLD (-1) /* instead of a time: hold() */

static int to_client, from_client;

static _Noreturn void be_client(int commands, int outcomes)
{
	int milliseconds;
	char outcome;

	faults_spare_me();
	while (read(commands, &milliseconds, sizeof(milliseconds)) == sizeof(milliseconds)) {
		outcome = (char)(milliseconds == HOLD ? hold() : exchange(milliseconds));
		if (write(outcomes, &outcome, 1) != 1)
			break;
	}
	_exit(0);
}

static void start_client(void)
{
	int commands[2], outcomes[2];
	pid_t pid;

	ck_assert(pipe2(commands, O_CLOEXEC) == 0 && pipe2(outcomes, O_CLOEXEC) == 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(commands[1]);
		be_client(commands[0], outcomes[1]);
	}
	close(commands[0]);
	close(outcomes[1]);
	to_client = commands[1];
	from_client = outcomes[0];
}

static void end_client(void)
{
	close(to_client);
	close(from_client);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
}

static enum outcome ask_client_process(int milliseconds)
{
	char outcome;

	if (write(to_client, &milliseconds, sizeof(milliseconds)) != sizeof(milliseconds) ||
		read(from_client, &outcome, 1) != 1)
		FAIL("the client is gone");
	return (enum outcome)outcome;
}

static void expect_good_service(const char *when)
{
	enum outcome outcome = ask_client_process(5000);

	if (outcome != SERVED)
		FAIL("a good client %s: %c", when, outcome);
}

/* --- the server --- */

static union any_server any;
static struct ssv_server *server;
static struct kept_log events;
static pthread_t thread;
static int result, has_ended;

static void *serve_in_thread(void *context)
{
	(void)context;
	result = ssv_server_serve_forever(server);
	__atomic_store_n(&has_ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start_serving(void)
{
	shared->at = server->server_address;
	has_ended = 0;
	if (pthread_create(&thread, NULL, serve_in_thread, NULL) != 0)
		FAIL("no thread for the test");
}

static void stop_serving(void)
{
	int rc = ssv_server_shutdown(server);

	if (rc != 0)
		FAIL("shutdown: %d", rc);
	pthread_join(thread, NULL);
}

static void make_server(void)
{
	struct ssv_address at = fresh_address(class);

	server = class->init(&any, &at, &echo_handler);
	keep_log(&events, server);
	server->limits.timeout = 300;
	server->grace = 3000;
}

static void open_well(void)
{
	int rc = ssv_server_open(server);

	if (rc != 0)
		FAIL("open: %s", strerror(-rc));
}

static void arm(const struct fault *fault)
{
	if (fault->call == N_FAULT_CALLS)
		faults_count();
	else
		faults_arm(fault->call, fault->error, fault->nth, fault->persistent);
}

static bool is_mistake(int error)
{
	return error == EBADF || error == EFAULT || error == EINVAL || error == ENOTSOCK ||
	       error == ENOSYS;
}

/* What such an error of a listener does: it ends the loop, and says which it was. */
static bool may_end_serving(const struct fault *fault)
{
	const enum fault_call calls[] = {
		FAULT_accept4, FAULT_recvfrom, FAULT_recvmsg, FAULT_epoll_wait, FAULT_poll};

	if (fault->call == FAULT_fork)
		return fault->error == ENOSYS;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i] == fault->call)
			return is_mistake(fault->error);
	}
	return false;
}

/* No answer: a lost packet is lost, and who has ended or always fails serves nobody. */
static bool may_be_silent(const struct fault *fault)
{
	return fault->persistent || !class->is_stream || may_end_serving(fault);
}

static void expect_active(unsigned int n)
{
	struct ssv_counters counters;

	do {
		poll(NULL, 0, 1);
		ssv_server_counters(server, &counters);
	} while (counters.active != n);
}

/* How long a client waits, in ms; where there may be no answer it is not waited for. */
static int patience_with(const struct fault *fault)
{
	return fault->error != EINTR && may_be_silent(fault) ? 20 : 4000;
}

/* Clients while the fault is there: each gets an answer or an end. */
static void suffer(const struct fault *fault)
{
	int patience = patience_with(fault);
	enum outcome outcome;

	for (int i = 0; i < (fault->persistent ? 1 : 4); i++) {
		outcome = ask_client_process(patience);
		if (outcome != SERVED && __atomic_load_n(&has_ended, __ATOMIC_SEQ_CST))
			return;
		if (outcome == WRONG || (outcome == SILENCE && !may_be_silent(fault)) ||
			(outcome != SERVED && fault->error == EINTR))
			FAIL("client %d: %c", i, outcome);
	}
	if (!fault->persistent)
		expect_active(0);
}

static void serve_again_if_ended(const struct fault *fault)
{
	if (!__atomic_load_n(&has_ended, __ATOMIC_SEQ_CST))
		return;
	pthread_join(thread, NULL);
	if (!may_end_serving(fault) || result != -fault->error)
		FAIL("serve_forever returned %d", result);
	start_serving();
}

/* The error that ends the serving may need a moment for that. */
static void expect_service_again(const struct fault *fault)
{
	serve_again_if_ended(fault);
	if (!may_end_serving(fault) || ask_client_process(500) != SERVED) {
		serve_again_if_ended(fault);
		expect_good_service("after");
	}
}

/* --- a case --- */

static void fail_in_open(const struct fault *fault)
{
	int rc;

	arm(fault);
	rc = ssv_server_open(server);
	faults_disarm();
	if (rc > 0 || (rc < 0 && fault->error == EINTR))
		FAIL("open: %d", rc);
	if (rc < 0)
		open_well();
	start_serving();
	expect_good_service("after");
	stop_serving();
}

static void fail_in_serve(const struct fault *fault)
{
	open_well();
	start_serving();
	expect_good_service("before");
	expect_active(0);
	arm(fault);
	suffer(fault);
	faults_disarm();
	expect_service_again(fault);
	stop_serving();
}

/* With a connection whose handler is waiting, which has to be cut. */
static void fail_in_close(const struct fault *fault)
{
	enum outcome outcome;

	open_well();
	start_serving();
	expect_good_service("before");
	outcome = ask_client_process(HOLD);
	if (outcome != SERVED)
		FAIL("a client that stays: %c", outcome);
	server->grace = 20;
	server->abort_timeout = 100;
	arm(fault);
	(void)ssv_server_close(server);
	faults_disarm();
	pthread_join(thread, NULL);
}

static size_t count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	size_t n = 0;

	while (readdir(tasks) != NULL)
		n++;
	closedir(tasks);
	return n;
}

/* A waitpid() that says so in vain: somebody else is to have taken the child. */
static void expect_all_given_back(const struct fault *fault, size_t descriptors, size_t threads)
{
	int rc = ssv_server_close(server);

	if (rc != 0)
		FAIL("close: %d", rc);
	if (count_descriptors() != descriptors)
		FAIL("%zu descriptors, were %zu", count_descriptors(), descriptors);
	while (count_threads() > threads) /* one that was joined may linger */
		poll(NULL, 0, 1);
	if (waitpid(-1, NULL, WNOHANG) > 0 && fault->call != FAULT_waitpid)
		FAIL("a child is left");
}

static void (*const fail_in[N_PHASES])(const struct fault *fault) = {
	fail_in_open, fail_in_serve, fail_in_close};

/* The client is this process' parent's child: all children here are the library's. */
static _Noreturn void run_here(const struct fault *fault)
{
	size_t descriptors, threads = count_threads();

	signal(SIGTERM, SIG_DFL); /* Check has its own */
	signal(SIGALRM, SIG_DFL);
	alarm(TOO_LONG);
	make_server();
	descriptors = count_descriptors();
	fail_in[fault->phase](fault);
	shared->fired = faults_fired();
	for (int i = 0; i < N_FAULT_CALLS; i++)
		shared->seen[i] = faults_seen((enum fault_call)i);
	if (fault->persistent && shared->fired > MOST_FAILURES)
		FAIL("it spins: %d failures", shared->fired);
	expect_all_given_back(fault, descriptors, threads);
	ssv_child_exit(0); /* with what was covered */
}

/* NULL, or what went wrong. */
static const char *run_case(const struct fault *fault)
{
	int status;
	pid_t pid;

	shared->why[0] = '\0';
	shared->fired = 0;
	faults_disarm();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_here(fault);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (status == 0)
		return NULL;
	if (WIFSIGNALED(status))
		snprintf(shared->why, sizeof(shared->why), "%s",
			WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status)));
	return shared->why[0] != '\0' ? shared->why : "it failed";
}

/* --- all cases of a class --- */

static int cases, failures;

static void try(const struct fault *fault)
{
	const char *why = run_case(fault);

	cases++;
	if (why == NULL)
		return;
	failures++;
	printf("%s, %s: %s no. %d%s: %s: %s\n", class->name, phase_names[fault->phase],
		fault_names[fault->call], fault->nth, fault->persistent ? " and on" : "",
		strerrorname_np(fault->error), why);
}

/* An interruption that never ends, or "nothing there" of what is, are not of this world. */
static bool may_last(int error)
{
	return error != EINTR && error != EAGAIN && error != EWOULDBLOCK;
}

static bool is_long(void)
{
	return getenv("SSV_LONG") != NULL;
}

static bool is_allocation(enum fault_call call)
{
	return call == FAULT_calloc || call == FAULT_realloc;
}

/* Whether it is made at all: not each time, where that depends on how threads or children meet. */
static bool fails_some_time(enum phase phase, enum fault_call call)
{
	const struct fault none = {.phase = phase, .call = N_FAULT_CALLS};

	for (int i = 0; i < 20; i++) {
		try(&(struct fault){phase, call, manual[call][0], 1, false});
		if (shared->fired > 0)
			return true;
		if (run_case(&none) == NULL && shared->seen[call] == 0)
			return true; /* it was a chance */
	}
	return false;
}

/* Of a call that there were `seen` of when nothing failed. */
static void try_call(enum phase phase, enum fault_call call, int seen)
{
	int most = is_long() ? 3 : 1, fired = 0;

	if (is_allocation(call) || seen < most)
		most = seen;
	for (const int *error = manual[call]; *error != 0; error++) {
		for (int nth = 1; nth <= most; nth++) {
			try(&(struct fault){phase, call, *error, nth, false});
			fired += shared->fired;
			if (may_last(*error) && (nth == 1 || is_allocation(call)))
				try(&(struct fault){phase, call, *error, nth, true});
		}
	}
	if (fired == 0 && !fails_some_time(phase, call)) {
		failures++;
		printf("%s, %s: %s never failed\n", class->name, phase_names[phase],
			fault_names[call]);
	}
}

static void try_phase(enum phase phase)
{
	const struct fault none = {.phase = phase, .call = N_FAULT_CALLS};
	const char *why = run_case(&none);
	int seen[N_FAULT_CALLS];

	if (why != NULL)
		ck_abort_msg("%s, %s, without a fault: %s", class->name, phase_names[phase], why);
	memcpy(seen, shared->seen, sizeof(seen));
	for (int call = 0; call < N_FAULT_CALLS; call++) {
		if (seen[call] > 0 && manual[call][0] != 0)
			try_call(phase, (enum fault_call)call, seen[call]);
	}
}

static const int short_form[] = {0, 1, 2, 3, 6, 7, 8, 9};
#define N_SHORT ((int)(sizeof(short_form) / sizeof(short_form[0])))

START_TEST(nothing_that_fails_brings_a_server_down)
{
	class = &classes[is_long() ? _i : short_form[_i]];
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	faults_share();
	start_client();
	for (int phase = 0; phase < N_PHASES; phase++)
		try_phase((enum phase)phase);
	end_client();
	printf("%s: %d faults\n", class->name, cases);
	ck_assert_int_eq(failures, 0);
	ck_assert_int_gt(cases, 75);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sweep");
	TCase *tcase = topic(suite, "faults");

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	tcase_set_timeout(tcase, 600);
	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	if (!under_valgrind()) /* two thousand processes, each of which takes it a second */
		tcase_add_loop_test(tcase, nothing_that_fails_brings_a_server_down, 0,
			is_long() ? N_CLASSES : N_SHORT);
	return run_suite(suite);
}
