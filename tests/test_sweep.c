/**
 * Every system call of the library, and every allocation, made to fail in every way that its manual
 * page names: when the server is opened, while it serves, and when it is closed; and in a client.
 * Never a crash, a hang, a spin or a leaked descriptor; who comes before and after is served, and
 * an interruption (EINTR) nobody notices. SSV_LONG=1 in the environment: also each second and third
 * occurrence, all classes, and all errors of what is in front of them.
 */
#include "child.h"
#include "classes.h"
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
	[FAULT_eventfd_read] = {EAGAIN, EINTR, EINVAL, EIO},
	[FAULT_fchmod] = {EACCES, EBADF, EIO, EPERM, EROFS},
	[FAULT_fchownat] = {EACCES, EBADF, EINVAL, EIO, ELOOP, ENOENT, ENOMEM, EPERM, EROFS},
	[FAULT_fcntl64] = {EACCES, EAGAIN, EBADF, EINVAL, EMFILE, EPERM}, /* EINTR: locks alone */
	[FAULT_flock] = {EBADF, EINTR, EINVAL, ENOLCK, EWOULDBLOCK},
	[FAULT_fork] = {EAGAIN, ENOMEM, ENOSYS},
	[FAULT_fstat64] = {EBADF, EFAULT, ENOMEM, EOVERFLOW},
	[FAULT_getaddrinfo] = {EAI_AGAIN, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NONAME, EAI_SYSTEM},
	[FAULT_getpeername] = {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK},
	[FAULT_getrandom] = {EINTR, EAGAIN, EFAULT, EINVAL, ENOSYS},
	[FAULT_getrlimit64] = {EFAULT, EINVAL, EPERM},
	[FAULT_getsockname] = {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK},
	[FAULT_getsockopt] = {EFAULT, EINVAL, ENOPROTOOPT}, /* EBADF, ENOTSOCK: test_misuse.c */
	[FAULT_ioctl] = {EBADF, EFAULT, EINVAL, ENOTTY},
	[FAULT_kill] = {EINVAL, EPERM, ESRCH},
	[FAULT_listen] = {EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP},
	[FAULT_lstat64] = {EACCES, EFAULT, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW},
	[FAULT_mmap64] = {EACCES, EAGAIN, EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EPERM},
	[FAULT_on_exit] = {ENOMEM},
	[FAULT_open64] = {EACCES, EINTR, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR,
		EPERM, EROFS},
	[FAULT_pipe2] = {EFAULT, EINVAL, EMFILE, ENFILE},
	[FAULT_poll] = {EFAULT, EINTR, EINVAL, ENOMEM},
	[FAULT_pthread_attr_init] = {ENOMEM},
	[FAULT_pthread_attr_setsigmask_np] = {ENOMEM},
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
	[FAULT_sigaction] = {EFAULT, EINVAL},
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
enum phase { OPEN, SERVE, CLOSE, N_PHASES, CLIENT = N_PHASES };
static const char *const phase_names[] = {"open", "serve", "close", "client"};

struct fault {
	enum phase phase;
	enum fault_call call; /* N_FAULT_CALLS: none, the calls are counted */
	int error, nth;
	bool persistent;
};

#define MOST_FAILURES 500 /* of a call that fails for ever, in the time of a case */
#define MOST_CALLS 2000   /* of a case, in all */
#define MOST_TIME 500     /* of a processor's, ms */
#define TOO_LONG 20       /* seconds */
#define TRIES 3           /* of a fault that was not met */

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

/* --- what is put to it --- */

/* A class, and what is in front of it, or about it, which each of the functions may do. */
struct setup {
	const char *name;
	int class;
	void (*prepare)(void);    /* between init and open, and nothing fails */
	int (*before_open)(void); /* and what may fail */
	void (*stop)(void);       /* instead of ssv_server_shutdown() */
	const struct ssv_handler_ops *handler;
	const char *at; /* an address, instead of one of the class' */
	size_t size;    /* of a question; 0: short */
};

static const struct setup *setup;
static const struct server_class *class;

/* --- the client, a process of its own: nothing of its own fails --- */

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

#define MOST_SIZE 20000

static enum outcome converse(int fd, const char *question, size_t size)
{
	static char answer[MOST_SIZE];
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

/* Each time another one: a frame, in a line, where the setup wants one as long as that. */
static size_t make_question(char question[MOST_SIZE])
{
	static unsigned int number;
	size_t size = setup->size != 0 ? setup->size : 16;

	snprintf(question, MOST_SIZE, "....question %09u", ++number);
	if (size > 32)
		memset(question + strlen(question), 'x', size - strlen(question));
	question[0] = question[1] = 0;
	question[2] = (char)((size - 4) >> 8);
	question[3] = (char)(size - 4);
	question[size - 1] = '\n';
	return size;
}

static enum outcome exchange(int milliseconds)
{
	static char question[MOST_SIZE];
	int fd = connect_here(milliseconds);
	enum outcome outcome;

	if (fd < 0)
		return ENDED;
	outcome = converse(fd, question, make_question(question));
	if (outcome == SERVED && class->is_stream)
		outcome = expect_end_of(fd);
	close(fd);
	return outcome;
}

/* Stays connected, until the next one does. */
static enum outcome hold(void)
{
	static char question[MOST_SIZE];
	static int held = -1;

	close(held);
	held = connect_here(5000);
	return held < 0 ? ENDED : converse(held, question, make_question(question));
}

#define HOLD (-1) /* instead of a time: hold() */

static int to_client, from_client;

static _Noreturn void be_client(int commands, int outcomes)
{
	int milliseconds;
	char outcome;

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

/* --- the server, or a group of them --- */

static union any_server any[2];
static struct ssv_server *servers[2], *server; /* the first */
static size_t count;
static bool is_open[2];
static struct kept_log events;
static pthread_t thread;
static int result, has_ended;

/* What one of them, in their turn, does for a client. */
static enum outcome ask_server(size_t which, int milliseconds)
{
	shared->at = servers[which % count]->server_address;
	return ask_client_process(milliseconds);
}

static void expect_good_service(const char *when)
{
	enum outcome outcome;

	for (size_t i = 0; i < count; i++) {
		outcome = ask_server(i, 5000);
		if (outcome != SERVED)
			FAIL("a good client %s: %c", when, outcome);
	}
}

static void *serve_in_thread(void *context)
{
	(void)context;
	result = count > 1 ? ssv_serve_all(servers, count) : ssv_server_serve_forever(server);
	__atomic_store_n(&has_ended, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start_serving(void)
{
	has_ended = 0;
	if (pthread_create(&thread, NULL, serve_in_thread, NULL) != 0)
		FAIL("no thread for the test");
}

static void shut_all_down(void)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = ssv_server_shutdown(servers[i]);
	if (rc != 0)
		FAIL("shutdown: %d", rc);
}

static void stop_serving(void)
{
	setup->stop != NULL ? setup->stop() : shut_all_down();
	pthread_join(thread, NULL);
}

static int close_all(void)
{
	return count > 1 ? ssv_close_all(servers, count) : ssv_server_close(server);
}

static struct ssv_server *add_server(void)
{
	struct ssv_address at = setup->at != NULL ? address_of(setup->at) : fresh_address(class);
	const struct ssv_handler_ops *handler =
		setup->handler != NULL ? setup->handler : &echo_handler;
	struct ssv_server *added = class->init(&any[count], &at, handler);

	added->log = &events.base;
	added->limits.timeout = 300;
	added->grace = 3000;
	servers[count++] = added;
	return added;
}

static void make_server(void)
{
	server = add_server();
	keep_log(&events, server);
	if (setup->prepare != NULL)
		setup->prepare();
}

/* Again and again, until all of it has gone well. */
static int open_servers(void)
{
	int rc = 0;

	if (setup->before_open != NULL)
		rc = setup->before_open();
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!is_open[i])
			rc = ssv_server_open(servers[i]);
		is_open[i] = rc == 0;
	}
	return rc;
}

static void open_well(void)
{
	int rc = open_servers();

	if (rc != 0)
		FAIL("open: %s", strerror(-rc));
}

/* --- what else there is about it --- */

static struct ssv_admission_mixin admission;
static struct ssv_datagram_guard guard;
static int adopted;

static void add_admission(void)
{
	static const struct ssv_cidr everybody[] = {{.family = AF_INET}};

	ssv_admission_mixin_init(&admission, server);
	admission.max_connections = 8;
	admission.max_per_address = 7;
	admission.rate = 1000000;
	admission.allow = everybody;
	admission.allow_count = 1;
}

static void add_guard(void)
{
	ssv_datagram_guard_init(&guard, server);
	guard.rate = 1000000;
	guard.burst = 1000000;
}

static void add_guard_and_admission(void)
{
	add_guard();
	add_admission();
}

static void add_second(void)
{
	add_server();
}

static void make_descriptor(void)
{
	const struct ssv_address *at = &server->server_address;

	if (at->socket.any.sa_family == AF_UNIX)
		unlink(at->socket.un.sun_path); /* of a process with the same number */
	adopted = socket(at->socket.any.sa_family, class->is_stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (adopted < 0 || bind(adopted, &at->socket.any, at->length) < 0)
		FAIL("no descriptor for the test");
}

static int adopt_by_class(void)
{
	switch (class->transport) {
	case SSV_TCP:
		return ssv_tcp_server_adopt(&any[0].tcp, adopted);
	case SSV_UDP:
		return ssv_udp_server_adopt(&any[0].udp, adopted);
	case SSV_UNIX:
		return ssv_unix_stream_server_adopt(&any[0].unix_stream, adopted);
	case SSV_UNIXGRAM:
	default:
		return ssv_unix_datagram_server_adopt(&any[0].unix_datagram, adopted);
	}
}

/* Once: an open that fails closes it. */
static int adopt(void)
{
	int rc = adopted < 0 ? 0 : adopt_by_class();

	if (rc == 0)
		adopted = -1;
	return rc;
}

/* Each time: an open that fails puts back what there was. */
static int stop_on_signal(void)
{
	return ssv_server_stop_on_signals(server, SIGUSR1, 0);
}

static void send_signal(void)
{
	raise(SIGUSR1);
}

static int handle_lines(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	ssize_t n;
	char *line;

	do {
		n = ssv_stream_readline(stream, &line);
		if (n > 0)
			n = ssv_stream_write(stream, line, (size_t)n);
	} while (n > 0);
	return (int)n;
}

static int handle_frames(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	size_t size;
	char *data;
	int rc;

	do {
		rc = ssv_frame_read(stream, &data, &size);
		if (rc > 0)
			rc = (int)ssv_frame_write(stream, data, size);
	} while (rc > 0);
	return rc;
}

static const struct ssv_handler_ops line_handler = {.handle = handle_lines};
static const struct ssv_handler_ops frame_handler = {.handle = handle_frames};

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

/* Or until nobody serves, and so nobody takes note of a child's end. */
static void wait_for_active(unsigned int n)
{
	struct ssv_counters counters;
	uint64_t active;

	do {
		poll(NULL, 0, 1);
		active = 0;
		for (size_t i = 0; i < count; i++) {
			ssv_server_counters(servers[i], &counters);
			active += counters.active;
		}
	} while (active != n && !__atomic_load_n(&has_ended, __ATOMIC_SEQ_CST));
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
		outcome = ask_server((size_t)i, patience);
		if (outcome != SERVED && __atomic_load_n(&has_ended, __ATOMIC_SEQ_CST))
			return;
		if (outcome == WRONG || (outcome == SILENCE && !may_be_silent(fault)) ||
			(outcome != SERVED && fault->error == EINTR))
			FAIL("client %d: %c", i, outcome);
	}
	if (!fault->persistent)
		wait_for_active(0);
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
	if (!may_end_serving(fault) || ask_server(0, 500) != SERVED) {
		serve_again_if_ended(fault);
		expect_good_service("after");
	}
}

/* --- a case --- */

static void fail_in_open(const struct fault *fault)
{
	int rc;

	arm(fault);
	rc = open_servers();
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
	wait_for_active(0);
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
	outcome = ask_server(0, HOLD);
	if (outcome != SERVED)
		FAIL("a client that stays: %c", outcome);
	for (size_t i = 0; i < count; i++) {
		servers[i]->grace = 20;
		servers[i]->abort_timeout = 100;
	}
	arm(fault);
	(void)close_all();
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
	int rc = count > 0 ? close_all() : 0;

	if (rc != 0)
		FAIL("close: %d", rc);
	if (count_descriptors() != descriptors)
		FAIL("%zu descriptors, were %zu", count_descriptors(), descriptors);
	while (count_threads() > threads) /* one that was joined may linger */
		poll(NULL, 0, 1);
	if ((waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) && fault->call != FAULT_waitpid)
		FAIL("a child is left");
}

/* --- a case of the client's, whose server is another process --- */

/* Whatever is wrong: it is told, and what came is right. */
static enum outcome ask_by_library(void)
{
	static char question[MOST_SIZE], answer[MOST_SIZE];
	char text[SSV_ADDRESS_TEXT_SIZE];
	size_t size = make_question(question), done = 0;
	struct ssv_stream stream;
	ssize_t n;

	if (setup->at != NULL)
		snprintf(text, sizeof(text), "tcp://localhost:%u", ssv_address_port(&shared->at));
	else
		ssv_address_format(&shared->at, text);
	if (ssv_connect(&stream, text, 3000) < 0)
		return ENDED;
	stream.limits.timeout = 3000;
	n = ssv_stream_write(&stream, question, size);
	while (n > 0 && done < size) {
		n = ssv_stream_read(&stream, answer + done, size - done);
		done += n > 0 ? (size_t)n : 0;
	}
	ssv_stream_close(&stream);
	if (memcmp(answer, question, done) != 0)
		return WRONG;
	return done == size ? SERVED : n == -ETIMEDOUT ? SILENCE : ENDED;
}

static void fail_in_client(const struct fault *fault)
{
	enum outcome outcome;

	arm(fault);
	outcome = ask_by_library();
	faults_disarm();
	if (outcome == WRONG ||
		(outcome == SILENCE && !fault->persistent && fault->error != ETIMEDOUT) ||
		(outcome != SERVED && fault->error == EINTR))
		FAIL("it got %c", outcome);
	outcome = ask_by_library();
	if (outcome != SERVED)
		FAIL("after: %c", outcome);
}

static void (*const fail_in[])(const struct fault *fault) = {
	fail_in_open, fail_in_serve, fail_in_close, fail_in_client};

/* --- what a case has cost --- */

static int64_t time_of(int whom)
{
	struct rusage used;

	getrusage(whom, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static void expect_no_spin(const struct fault *fault)
{
	int64_t time = time_of(RUSAGE_SELF) + time_of(RUSAGE_CHILDREN);
	int calls = 0;

	for (int i = 0; i < N_FAULT_CALLS; i++)
		calls += shared->seen[i];
	if (fault->persistent && shared->fired > MOST_FAILURES)
		FAIL("it spins: %d failures", shared->fired);
	if (calls > MOST_CALLS)
		FAIL("it spins: %d calls", calls);
	if (time > MOST_TIME && !under_sanitizer())
		FAIL("it spins: %d ms", (int)time);
}

/* The client is this process' parent's child: all children here are the library's. */
static _Noreturn void run_here(const struct fault *fault)
{
	size_t descriptors, threads = count_threads();

	signal(SIGTERM, SIG_DFL); /* Check has its own */
	signal(SIGALRM, SIG_DFL);
	alarm(TOO_LONG);
	faults_spare_me(false);
	descriptors = count_descriptors();
	if (fault->phase != CLIENT)
		make_server();
	fail_in[fault->phase](fault);
	shared->fired = faults_fired();
	for (int i = 0; i < N_FAULT_CALLS; i++)
		shared->seen[i] = faults_seen((enum fault_call)i);
	expect_no_spin(fault);
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
static bool is_whole; /* all errors of a call, or the first of its manual page alone */

/* Whether the fault was there: how threads or children meet makes the difference now and then. */
static bool try(const struct fault *fault)
{
	const char *why = NULL;

	shared->fired = 0;
	for (int i = 0; i < TRIES && why == NULL && shared->fired == 0; i++)
		why = run_case(fault);
	cases += shared->fired > 0;
	if (why == NULL)
		return shared->fired > 0;
	failures++;
	printf("%s, %s: %s no. %d%s: %s: %s\n", setup->name, phase_names[fault->phase],
		fault_names[fault->call], fault->nth, fault->persistent ? " and on" : "",
		fault->error < 0 ? gai_strerror(fault->error) : strerrorname_np(fault->error), why);
	return true;
}

/* An interruption that never ends, "nothing there" of what is, or a connect that waits and returns
 * at once each time, are not of this world. */
static bool may_last(int error)
{
	return error != EINTR && error != EAGAIN && error != EWOULDBLOCK && error != EALREADY &&
	       error != EINPROGRESS;
}

static bool is_allocation(enum fault_call call)
{
	return call == FAULT_calloc || call == FAULT_realloc;
}

/* Whether it is made at all: not each time, where that depends on how threads or children meet. */
static bool fails_some_time(enum phase phase, enum fault_call call, int error)
{
	const struct fault none = {.phase = phase, .call = N_FAULT_CALLS};

	for (int i = 0; i < 20; i++) {
		if (try(&(struct fault){phase, call, error, 1, false}))
			return true;
		if (run_case(&none) == NULL && shared->seen[call] == 0)
			return true; /* it was a chance */
	}
	return false;
}

/* Each error, of a call that there were `seen` of when nothing failed. */
static void try_call(enum phase phase, enum fault_call call, int seen)
{
	const int *last = manual[call] + (is_whole ? LENGTH(manual[call]) : 1);
	int most = is_long() ? 3 : 1, fired;

	if (is_allocation(call) || seen < most)
		most = seen;
	for (const int *error = manual[call]; *error != 0 && error < last; error++) {
		fired = 0;
		for (int nth = 1; nth <= most; nth++) {
			fired += try(&(struct fault){phase, call, *error, nth, false});
			if (may_last(*error) && (nth == 1 || is_allocation(call)))
				fired += try(&(struct fault){phase, call, *error, nth, true});
		}
		if (fired > 0 || fails_some_time(phase, call, *error))
			continue;
		failures++;
		printf("%s, %s: %s never failed with %d\n", setup->name, phase_names[phase],
			fault_names[call], *error);
	}
}

static void try_phase(enum phase phase)
{
	const struct fault none = {.phase = phase, .call = N_FAULT_CALLS};
	const char *why = run_case(&none);
	int seen[N_FAULT_CALLS];

	if (why != NULL)
		ck_abort_msg("%s, %s, without a fault: %s", setup->name, phase_names[phase], why);
	memcpy(seen, shared->seen, sizeof(seen));
	for (int call = 0; call < N_FAULT_CALLS; call++) {
		if (seen[call] > 0 && manual[call][0] != 0)
			try_call(phase, (enum fault_call)call, seen[call]);
	}
}

#define CLASS(i)                                                                                   \
	{                                                                                          \
		.name = NULL, .class = (i)                                                         \
	}

/* The twelve classes, their name being their own; then what else there is. */
static const struct setup setups[] = {
	CLASS(0),
	CLASS(1),
	CLASS(2),
	CLASS(3),
	CLASS(6),
	CLASS(7),
	CLASS(8),
	CLASS(9),
#define N_SHORT_CLASSES 8
	CLASS(4),
	CLASS(5),
	CLASS(10),
	CLASS(11),
	{"admission, sync", 0, .prepare = add_admission},
	{"admission, threading", 1, .prepare = add_admission},
	{"admission, forking", 2, .prepare = add_admission},
	{"a guard, sync", 6, .prepare = add_guard},
	{"a guard and admission, threading", 7, .prepare = add_guard_and_admission},
	{"a guard and admission, forking", 8, .prepare = add_guard_and_admission},
	{"a group, TCP", 0, .prepare = add_second},
	{"a group, unixgram", 9, .prepare = add_second},
	{"a descriptor, TCP", 1, .prepare = make_descriptor, .before_open = adopt},
	{"a descriptor, UDP", 6, .prepare = make_descriptor, .before_open = adopt},
	{"a descriptor, unix", 5, .prepare = make_descriptor, .before_open = adopt},
	{"a descriptor, unixgram", 9, .prepare = make_descriptor, .before_open = adopt},
	{"a signal, sync", 3, .before_open = stop_on_signal, .stop = send_signal},
	{"a signal, threading", 1, .before_open = stop_on_signal, .stop = send_signal},
	{"a signal, forking", 2, .before_open = stop_on_signal, .stop = send_signal},
	{"a name, TCP", 0, .at = "tcp://localhost:0"},
	{"a name, UDP", 7, .at = "udp://localhost:0"},
	{"every address, UDP", 6, .at = "udp://:0"},
	{"long lines, threading", 1, .handler = &line_handler, .size = MOST_SIZE},
	{"long lines, forking", 5, .handler = &line_handler, .size = MOST_SIZE},
	{"frames, sync", 3, .handler = &frame_handler, .size = MOST_SIZE},
};

static const struct setup clients[] = {
	{"a client, TCP", .class = 1},
	{"a client, unix", .class = 4},
	{"a client, UDP", .class = 7},
	{"a client, unixgram", .class = 10},
	{"a client, by name", 1, .at = "tcp://localhost:0"},
};

static void begin(const struct setup *chosen)
{
	static struct setup named;

	named = *chosen;
	setup = &named;
	class = &classes[setup->class];
	is_whole = named.name == NULL || is_long();
	if (named.name == NULL)
		named.name = class->name;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	faults_share();
	faults_spare_me(true); /* but for those that run a case */
}

static void report(int at_least)
{
	counted(cases, "faults");
	ck_assert_int_eq(failures, 0);
	ck_assert_int_ge(cases, at_least);
}

START_TEST(nothing_that_fails_brings_a_server_down)
{
	begin(&setups[is_long() || _i < N_SHORT_CLASSES ? _i : _i + N_CLASSES - N_SHORT_CLASSES]);
	start_client();
	for (int phase = 0; phase < N_PHASES; phase++)
		try_phase((enum phase)phase);
	end_client();
	report(is_whole ? 75 : 20);
}
END_TEST

static pid_t start_server_process(void)
{
	pid_t pid;

	__atomic_store_n(&shared->at.length, 0, __ATOMIC_SEQ_CST);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		make_server();
		open_well();
		shared->at = server->server_address;
		_exit(ssv_server_serve_forever(server) != 0);
	}
	while (__atomic_load_n(&shared->at.length, __ATOMIC_SEQ_CST) == 0)
		poll(NULL, 0, 1);
	return pid;
}

START_TEST(nothing_that_fails_deceives_a_client)
{
	pid_t server_process;

	begin(&clients[_i]);
	is_whole = true;
	server_process = start_server_process();
	try_phase(CLIENT);
	kill(server_process, SIGKILL);
	ck_assert_int_eq(waitpid(server_process, NULL, 0), server_process);
	report(40);
}
END_TEST

/* They wait for most of their time, and so may run side by side: see meson.build. */
static TCase *part(Suite *suite, const char *name)
{
	TCase *tcase = topic(suite, name);

	tcase_set_timeout(tcase, 600);
	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("sweep");
	const int n_classes = is_long() ? N_CLASSES : N_SHORT_CLASSES;
	const int n_setups = n_classes + (int)LENGTH(setups) - N_CLASSES;
	TCase *first = part(suite, "first"), *second = part(suite, "second"),
	      *third = part(suite, "third");

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	if (!under_valgrind()) { /* thousands of processes, each of which takes it a second */
		tcase_add_loop_test(
			first, nothing_that_fails_brings_a_server_down, 0, n_classes / 2);
		tcase_add_loop_test(
			second, nothing_that_fails_brings_a_server_down, n_classes / 2, n_classes);
		tcase_add_loop_test(
			third, nothing_that_fails_brings_a_server_down, n_classes, n_setups);
		FOR_EACH(third, nothing_that_fails_deceives_a_client, clients);
	}
	return run_suite(suite);
}
