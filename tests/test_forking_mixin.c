/* forking_mixin.h: a child for each request, its end, the limit, and what it leaves alone. */
#include "support.h"

#include "child.h"
#include "clock.h"
#include "open_servers.h"
#include "tally.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_EXITS 1200
#define SOME 10 /* requests */

static struct ssv_forking_tcp_server forking;
static struct ssv_server *const server = &forking.tcp.base;
static struct ssv_forking_mixin *const mixin = &forking.forking;
static struct kept_log events;
static int notes[2]; /* a pipe: what children note is read by the test */

/* For what runs in a child: Check's own have a lock, which another thread may hold at the fork. */
static void require(bool good)
{
	if (!good)
		_exit(200);
}

static void note(char what)
{
	require(write(notes[1], &what, 1) == 1);
}

static void expect_notes(const char *expected)
{
	char got[64] = "";
	size_t n;

	for (n = 0; n < strlen(expected); n++)
		ck_assert_int_eq(read(notes[0], &got[n], 1), 1);
	ck_assert_str_eq(got, expected);
}

static void expect_no_more_notes(void)
{
	struct pollfd polled = {.fd = notes[0], .events = POLLIN};

	ck_assert_int_eq(poll(&polled, 1, 0), 0);
}

/* Not close(2) alone: children that were forked meanwhile hold this end as well, which is the
 * host's. */
static void hang_up(int client)
{
	shutdown(client, SHUT_RDWR);
	close(client);
}

/* --- what a client may ask a child to do; it answers with what it returns, or fails with it --- */

static int recurse(volatile char *above)
{
	volatile char frame[4096];

	frame[0] = above[0];
	return above[0] < 0 ? 0 : recurse(frame) + frame[0];
}

static int overflow(struct ssv_server *s)
{
	volatile char bottom = 0;

	(void)s;
	return recurse(&bottom);
}

/* Where the kernel lets us have so little memory, or "". */
static char poor_group[64];

/* Whether it is there, and takes it. */
static bool set(const char *name, const char *value)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", poor_group, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	close(fd);
	return n > 0;
}

static int starve(struct ssv_server *s)
{
	const size_t size = 64UL << 20;
	volatile char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)s;
	require(memory != MAP_FAILED);
	require(set("cgroup.procs", "0"));
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	return 0;
}

static int give_error(struct ssv_server *s)
{
	(void)s;
	return -EIO;
}

static int call_exit(struct ssv_server *s)
{
	(void)s;
	exit(7);
}

static int call_pthread_exit(struct ssv_server *s)
{
	(void)s;
	pthread_exit(NULL);
}

static int raise_in_child(int signal)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(signal, &action, NULL); /* a sanitizer has its own for some */
	return raise(signal);
}

static int crash(struct ssv_server *s)
{
	(void)s;
	return raise_in_child(SIGSEGV);
}

static int call_abort(struct ssv_server *s)
{
	(void)s;
	return raise_in_child(SIGABRT);
}

static int be_killed(struct ssv_server *s)
{
	(void)s;
	return raise(SIGKILL);
}

static int be_stopped(struct ssv_server *s)
{
	(void)s;
	return raise(SIGSTOP);
}

static int wait_for_ever(struct ssv_server *s)
{
	(void)s;
	while (pause() < 0)
		;
	return 0;
}

static int be_stubborn(struct ssv_server *s)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	sigaction(SIGTERM, &action, NULL);
	note('t');
	return wait_for_ever(s);
}

static int run_sleep(struct ssv_server *s)
{
	(void)s;
	return execlp("sleep", "sleep", "0.05", (char *)NULL);
}

static int stop_server(struct ssv_server *s)
{
	ssv_server_request_stop(s);
	if (ssv_server_shutdown(s) != -EDEADLK && s == server)
		return 1;
	return ssv_server_close(s) == -EDEADLK && ssv_server_serve_forever(s) < 0 ? 0 : 2;
}

static int serve_another(struct ssv_server *s)
{
	struct ssv_forking_tcp_server own;
	struct ssv_stream client;
	char answer, text[SSV_ADDRESS_TEXT_SIZE];
	struct ssv_address at;

	require(ssv_address_parse(&at, ANYWHERE, NULL) == 0);
	ssv_forking_tcp_server_init(&own, &at, s->handler);
	require(ssv_server_open(&own.tcp.base) == 0);
	ssv_address_format(&own.tcp.base.server_address, text);
	require(ssv_connect(&client, text, 10000) == 0);
	require(ssv_server_handle_request(&own.tcp.base) == 1);
	require(ssv_stream_write(&client, "zero\n", 5) == 5);
	require(ssv_stream_read(&client, &answer, 1) == 1 && answer == '0');
	require(shutdown(client.fd, SHUT_RDWR) == 0);
	ssv_stream_close(&client);
	return ssv_server_close(&own.tcp.base);
}

static int zero(struct ssv_server *s)
{
	(void)s;
	return 0;
}

static int allocate(struct ssv_server *s)
{
	char *texts[100] = {NULL};
	FILE *file = tmpfile();
	int i, rc = 0;

	(void)s;
	for (i = 0; i < LENGTH(texts); i++)
		rc |= asprintf(&texts[i], "x%d", i) < 0;
	rc |= file == NULL || fputs(texts[0], file) < 0 || fclose(file) != 0;
	for (i = 0; i < LENGTH(texts); i++)
		free(texts[i]);
	return rc;
}

static int has_default_signals(struct ssv_server *s)
{
	struct sigaction action;
	sigset_t blocked;

	(void)s;
	sigaction(SIGUSR1, NULL, &action);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	return action.sa_handler != SIG_DFL || sigismember(&blocked, SIGUSR1);
}

static char forbidden[16][64], wanted[64]; /* what the links in /proc/self/fd say */

static int is_forbidden(const char *link)
{
	for (int i = 0; i < LENGTH(forbidden); i++) {
		if (forbidden[i][0] != '\0' && strcmp(link, forbidden[i]) == 0)
			return 1;
	}
	return 0;
}

static ssize_t link_of(const char *number, char *link, size_t size)
{
	char path[300];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%s", number);
	n = readlink(path, link, size - 1);
	link[n > 0 ? n : 0] = '\0';
	return n;
}

/* The child has no descriptor that it should not have, and those of the host. */
static int look_at_descriptors(struct ssv_server *s)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int bad = 0, found = 0;
	char link[64];

	(void)s;
	while ((entry = readdir(directory)) != NULL) {
		if (link_of(entry->d_name, link, sizeof(link)) < 0)
			continue;
		bad += is_forbidden(link);
		found |= strcmp(link, wanted) == 0;
	}
	closedir(directory);
	return found ? bad : 100;
}

static const struct {
	const char *name;
	int (*run)(struct ssv_server *s);
} commands[] = {{"zero", zero}, {"fail", give_error}, {"exit", call_exit},
	{"pthread_exit", call_pthread_exit}, {"crash", crash}, {"abort", call_abort},
	{"kill", be_killed}, {"overflow", overflow}, {"starve", starve}, {"stop", be_stopped},
	{"wait", wait_for_ever}, {"stubborn", be_stubborn}, {"sleep", run_sleep},
	{"stop_server", stop_server}, {"serve_another", serve_another}, {"allocate", allocate},
	{"default_signals", has_default_signals}, {"descriptors", look_at_descriptors}};

static int run_command(const char *name, struct ssv_server *s)
{
	for (int i = 0; i < LENGTH(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(s);
	}
	return 99;
}

static int obey(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line;
	ssize_t n;
	int rc;

	while ((n = ssv_stream_readline(stream, &line)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		rc = run_command(line, handler->server);
		if (rc < 0)
			return rc;
		ssv_stream_printf(stream, "%d", rc);
	}
	if (n == -ETIMEDOUT)
		note('d');
	return (int)n;
}

static const struct ssv_handler_ops obedient = {.handle = obey};

/* --- the ends that the parent has learnt of --- */

static struct {
	pid_t pid;
	int status;
} exits[MAX_EXITS];
static int count_of_exits;
static pid_t serving_thread;

static void keep_exit(struct ssv_forking_mixin *of, pid_t pid, int status)
{
	int n = __atomic_load_n(&count_of_exits, __ATOMIC_SEQ_CST);

	(void)of;
	ck_assert_int_lt(n, MAX_EXITS);
	exits[n].pid = pid;
	exits[n].status = status;
	serving_thread = gettid();
	__atomic_store_n(&count_of_exits, n + 1, __ATOMIC_SEQ_CST);
}

static void expect_exits(int n)
{
	while (__atomic_load_n(&count_of_exits, __ATOMIC_SEQ_CST) < n)
		poll(NULL, 0, 1);
}

static void expect_active(int n)
{
	while (ssv_forking_mixin_active_children(mixin) != n)
		poll(NULL, 0, 1);
}

static pid_t last_pid;

static int note_pid(pid_t pid, const struct ssv_request *request, void *context)
{
	(void)request;
	(void)context;
	last_pid = pid;
	return 1;
}

/* That of the newest child, once the parent knows it. */
static pid_t pid_of_child(void)
{
	while (ssv_forking_mixin_each_child(mixin, note_pid, NULL) == 0)
		poll(NULL, 0, 1);
	return last_pid;
}

/* --- the fixture, and what every test begins with --- */

static int no_pidfd(pid_t pid)
{
	(void)pid;
	errno = ENOSYS;
	return -1;
}

static int (*real_pidfd_open)(pid_t pid);

static int no_descriptor(pid_t pid)
{
	if (pid == getpid())
		return real_pidfd_open(pid);
	errno = EMFILE;
	return -1;
}

/* How the end of a child may be learnt: from a pidfd, a pipe, or neither. */
static void choose_way(int way)
{
	if (way == 1)
		ssv_pidfd_open = no_pidfd;
	if (way == 2)
		ssv_pidfd_open = no_descriptor;
}

#define WAYS 3

static void make_server(void)
{
	struct ssv_address at = address_of(own_address("tcp"));

	ssv_forking_tcp_server_init(&forking, &at, &obedient);
	mixin->child_exited = keep_exit;
	keep_log(&events, server);
}

static void prepare(void)
{
	real_pidfd_open = ssv_pidfd_open;
	ck_assert_int_eq(pipe2(notes, O_CLOEXEC), 0);
	signal(SIGTERM, SIG_DFL); /* Check has its own */
	make_server();
}

static void open_server(void)
{
	ck_assert_int_eq(ssv_server_open(server), 0);
}

static void finish(void)
{
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(ssv_forking_mixin_active_children(mixin), 0);
	expect_no_children();
	close(notes[0]);
	close(notes[1]);
}

static int connect_and_ask(const char *question, const char *answer)
{
	int client = connect_to(server);

	ask(client, question, answer);
	return client;
}

static void expect_service(void)
{
	hang_up(connect_and_ask("zero\n", "0"));
}

static struct served served;

static void serve_here(void)
{
	open_server();
	serve(&served, server);
}

static void stop_here(void)
{
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
}

/* --- processing --- */

START_TEST(three_clients_are_served_by_a_child_each)
{
	struct ssv_counters counters;
	int i;

	choose_way(_i);
	serve_here();
	for (i = 0; i < 3; i++) {
		expect_service();
		expect_exits(i + 1);
		ck_assert_int_eq(exits[i].status, 0);
		ck_assert_int_ne(exits[i].pid, getpid());
	}
	ck_assert(exits[0].pid != exits[1].pid && exits[1].pid != exits[2].pid);
	stop_here();
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(server->fd, -1);
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.accepted, 3);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING] + events.count[SSV_LOG_ERROR], 0);
}
END_TEST

/* A layer that notes the calls, in whatever process. */
static void note_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	note('e');
	ssv_super_handle_error(layer, request, error);
}

static int note_finish_request(struct ssv_layer *layer, struct ssv_request *request)
{
	note('f');
	return ssv_super_finish_request(layer, request);
}

static void note_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	note('s');
	ssv_super_shutdown_request(layer, request);
}

static const struct ssv_layer_ops noting_ops = {
	.handle_error = note_handle_error,
	.finish_request = note_finish_request,
	.shutdown_request = note_shutdown_request,
};

static struct ssv_layer noting;

static void note_start(struct ssv_forking_mixin *of, struct ssv_request *request)
{
	note(of == mixin && request->stream != NULL ? '<' : '?');
}

static void note_finish(struct ssv_forking_mixin *of, struct ssv_request *request)
{
	note(of == mixin && request->stream == NULL ? '>' : '?');
}

static void note_everything(void)
{
	ssv_server_link(server, &noting, &noting_ops);
	mixin->child_start = note_start;
	mixin->child_finish = note_finish;
}

static int give_user(struct ssv_handler *handler)
{
	return *(const int *)handler->server->user;
}

static const struct ssv_handler_ops fails_in[] = {
	{.setup = give_user}, {.handle = give_user}, {.finish = give_user}};

/* CPython's test_forking_handled, and the other rows of its failure table. */
START_TEST(an_error_is_told_in_the_child_and_its_status_is_1)
{
	int error = -EIO;

	server->handler = &fails_in[_i];
	server->user = &error;
	note_everything();
	serve_here();
	hang_up(connect_to(server));
	expect_notes("<fes>");
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, 1 << 8);
	stop_here();
	expect_no_more_notes();
	ck_assert_int_eq(events.count[SSV_LOG_DEBUG], 1); /* "a child has failed" */
}
END_TEST

/* CPython's test_forking_not_handled. */
START_TEST(ssv_exit_is_not_told_and_ends_the_child_alone)
{
	int error = SSV_EXIT;

	server->handler = &fails_in[_i];
	server->user = &error;
	note_everything();
	serve_here();
	hang_up(connect_to(server));
	expect_notes("<fs>");
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, 1 << 8);
	hang_up(connect_to(server));
	expect_notes("<fs>");
	expect_exits(2);
	stop_here();
	expect_no_more_notes();
}
END_TEST

START_TEST(the_parent_closes_the_request_and_runs_nothing_of_it)
{
	struct ssv_counters counters;
	int client;

	note_everything();
	serve_here();
	client = connect_and_ask("zero\n", "0");
	expect_notes("<f");
	expect_active(1);
	ck_assert_int_eq(server->request.socket.fd, -1);
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.active, 1);
	hang_up(client);
	expect_notes("s>");
	expect_exits(1);
	stop_here();
	expect_no_more_notes();
}
END_TEST

START_TEST(counters_are_shared_with_the_children_and_outlive_close)
{
	struct ssv_counters counters;
	int i;

	serve_here();
	for (i = 0; i < 3; i++)
		expect_service();
	hang_up(connect_and_ask("fail\n", ""));
	expect_exits(4);
	stop_here();
	for (i = 0; i < 2; i++) {
		ssv_server_counters(server, &counters);
		ck_assert_uint_eq(counters.accepted, 4);
		ck_assert_uint_eq(counters.failed, 1);
		ck_assert_uint_eq(counters.bytes_read, 4 * 5);
		ck_assert_uint_eq(counters.bytes_written, 3);
		ck_assert_uint_eq(counters.active, 0);
		ck_assert_int_eq(ssv_server_close(server), 0);
	}
}
END_TEST

static int peek_first(struct ssv_layer *layer, struct ssv_request *request)
{
	char *data;

	return ssv_stream_peek(request->stream, &data) > 0
		       ? ssv_super_verify_request(layer, request)
		       : 0;
}

static uint64_t bytes_read(void)
{
	struct ssv_counters counters;

	ssv_server_counters(server, &counters);
	return counters.bytes_read;
}

START_TEST(what_was_read_before_the_fork_is_counted_all_the_while)
{
	static const struct ssv_layer_ops peeking = {.verify_request = peek_first};
	static struct ssv_layer layer;
	int client;

	ssv_server_link(server, &layer, &peeking);
	serve_here();
	client = connect_and_ask("zero\n", "0");
	ck_assert_uint_eq(bytes_read(), 5);
	ask(client, "zero\n", "0");
	hang_up(client);
	expect_exits(1);
	stop_here();
	ck_assert_uint_eq(bytes_read(), 10);
}
END_TEST

static int log_pipe[2];

static void log_to_pipe(struct ssv_log *log, enum ssv_log_level level,
	const struct ssv_request *request, const char *message)
{
	(void)log;
	(void)level;
	(void)request;
	dprintf(log_pipe[1], "%s\n", message);
}

static int lines_in(int fd)
{
	char text[8192];
	ssize_t n = read(fd, text, sizeof(text));
	int lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

START_TEST(children_that_fail_alike_are_logged_ten_times_and_counted)
{
	struct ssv_log log = {.write = log_to_pipe, .level = SSV_LOG_WARNING};

	ck_assert_int_eq(pipe2(log_pipe, O_CLOEXEC), 0);
	server->log = &log;
	serve_here();
	for (int i = 0; i < 15; i++)
		hang_up(connect_and_ask("fail\n", ""));
	expect_exits(15);
	ck_assert_int_eq(lines_in(log_pipe[0]), 10);
	stop_here();
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(lines_in(log_pipe[0]), 1); /* "and 5 more" */
	close(log_pipe[0]);
	close(log_pipe[1]);
}
END_TEST

static void die_with_the_lock(struct ssv_forking_mixin *of, struct ssv_request *request)
{
	(void)of;
	if (server->tally->counters.failed == 1) {
		ck_assert(ssv_tally_lock(request->server));
		raise(SIGKILL);
	}
}

START_TEST(a_child_that_is_killed_as_it_counts_stops_nobody)
{
	mixin->child_start = die_with_the_lock;
	serve_here();
	hang_up(connect_and_ask("fail\n", ""));
	expect_exits(1);
	hang_up(connect_and_ask("zero\n", ""));
	expect_exits(2);
	ck_assert(WIFSIGNALED(exits[1].status));
	server->tally->counters.failed = 2;
	hang_up(connect_and_ask("fail\n", ""));
	expect_exits(3);
	stop_here();
}
END_TEST

static void stop_with_the_lock(struct ssv_forking_mixin *of, struct ssv_request *request)
{
	(void)of;
	if (ssv_tally_lock(request->server))
		raise(SIGSTOP);
}

START_TEST(a_child_that_is_stopped_as_it_counts_stops_nobody_and_is_killed_in_time)
{
	siginfo_t info;
	int victim;

	server->limits.deadline = 300;
	mixin->child_start = stop_with_the_lock;
	serve_here();
	victim = connect_to(server);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid_of_child(), &info, WSTOPPED | WNOWAIT), 0);
	mixin->child_start = NULL;
	hang_up(connect_and_ask("fail\n", "")); /* which is reported, uncounted */
	expect_exits(2);
	ck_assert(WIFSIGNALED(exits[1].status));
	hang_up(victim);
	expect_service();
	stop_here();
}
END_TEST

static int compare_port(const struct ssv_request *request, void *context)
{
	ck_assert_int_eq(ssv_address_port(&request->client_address), *(const int *)context);
	ck_assert_int_gt(request->opened, 0);
	ck_assert_uint_eq(request->stream->bytes_read, 0);
	return 5;
}

START_TEST(live_requests_are_shown_with_their_clients)
{
	struct ssv_address own = {.length = sizeof(own.socket)};
	int client, port;

	serve_here();
	client = connect_and_ask("zero\n", "0");
	ck_assert_int_eq(getsockname(client, &own.socket.any, &own.length), 0);
	port = ssv_address_port(&own);
	ck_assert_int_eq(ssv_server_each_request(server, compare_port, &port), 5);
	ck_assert_int_gt(pid_of_child(), 0);
	ck_assert_int_eq(kill(pid_of_child(), 0), 0);
	hang_up(client);
	expect_exits(1);
	ck_assert_int_eq(ssv_server_each_request(server, compare_port, &port), 0);
	stop_here();
}
END_TEST

START_TEST(stopping_in_a_child_affects_nobody_else)
{
	struct ssv_forking_tcp_server other;
	struct ssv_address at = address_of(ANYWHERE);

	ssv_forking_tcp_server_init(&other, &at, &obedient);
	ck_assert_int_eq(ssv_server_open(&other.tcp.base), 0);
	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, 0), 0);
	serve_here();
	hang_up(connect_and_ask("stop_server\nstop_server\n", "00"));
	hang_up(connect_and_ask("default_signals\n", "0"));
	expect_service();
	expect_exits(3);
	ck_assert_int_eq(ssv_server_close(&other.tcp.base), 0);
	stop_here();
}
END_TEST

START_TEST(a_signal_that_stops_the_server_ends_a_child_alone)
{
	int client;

	ck_assert_int_eq(ssv_server_stop_on_signals(server, SIGUSR1, 0), 0);
	serve_here();
	client = connect_and_ask("zero\n", "0");
	ck_assert_int_eq(kill(pid_of_child(), SIGUSR1), 0);
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, SIGUSR1);
	expect_end(client);
	hang_up(client);
	expect_service();
	expect_exits(2);
	stop_here();
}
END_TEST

START_TEST(a_handler_may_serve_with_a_server_of_its_own)
{
	serve_here();
	hang_up(connect_and_ask("serve_another\n", "0"));
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, 0);
	expect_service();
	expect_exits(2);
	stop_here();
}
END_TEST

/* --- what a child leaves alone --- */

static void forbid(int n, int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	ck_assert_int_gt(link_of(number, forbidden[n], sizeof(forbidden[n])), 0);
}

static int forbid_connection(const struct ssv_request *request, void *context)
{
	forbid(*(const int *)context, request->socket.fd);
	return 1;
}

START_TEST(a_child_has_the_hosts_descriptors_and_its_connection_alone)
{
	struct ssv_threading_tcp_server threading;
	struct ssv_server *second = &threading.tcp.base;
	struct ssv_address at = address_of(ANYWHERE);
	struct served second_served;
	int first_client, second_client, at_4 = 4;
	char number[16];

	choose_way(_i);
	ssv_threading_tcp_server_init(&threading, &at, &echo_handler);
	second->shared = true; /* so that its threads wait for one descriptor more */
	ck_assert_int_eq(ssv_server_open(second), 0);
	serve(&second_served, second);
	second_client = connect_to(second);
	ask(second_client, "a", "a");
	server->limits.deadline = 100000;
	serve_here();
	first_client = connect_and_ask("zero\n", "0");
	(void)pid_of_child();
	forbid(0, server->fd);
	forbid(1, second->fd);
	strcpy(forbidden[2], "anon_inode:[eventpoll]");
	strcpy(forbidden[3], "anon_inode:[eventfd]");
	ck_assert_int_eq(ssv_server_each_request(second, forbid_connection, &at_4), 1);
	strcpy(forbidden[5], "anon_inode:[timerfd]");
	strcpy(forbidden[6], "anon_inode:[pidfd]");
	if (mixin->children->watch.fd >= 0)
		forbid(7, mixin->children->watch.fd);
	snprintf(number, sizeof(number), "%d", notes[0]);
	ck_assert_int_gt(link_of(number, wanted, sizeof(wanted)), 0);
	hang_up(connect_and_ask("descriptors\n", "0"));
	hang_up(first_client);
	expect_exits(2);
	hang_up(second_client);
	stop_and_close(&second_served);
	stop_here();
}
END_TEST

static bool notes_exit = true;

static void note_exit(void)
{
	if (notes_exit)
		note('x');
}

/* clang 14's ThreadSanitizer itself crashes at a pthread_exit(3) in a forked child. */
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_PTHREAD_EXIT
#endif
#endif

START_TEST(exit_in_a_handler_runs_no_exit_handler_and_flushes_nothing)
{
	FILE *file;
	int failed;

	mixin->child_start = note_start;
	atexit(note_exit);
	file = fdopen(dup(notes[1]), "w");
	if (!under_valgrind())
		fputs("unflushed", file);
	serve_here();
	hang_up(connect_and_ask("exit\n", ""));
	failed = 7;
#ifdef NO_PTHREAD_EXIT
	hang_up(connect_and_ask("zero\n", "0"));
#else
	failed += 1;
	hang_up(connect_and_ask("pthread_exit\n", ""));
#endif
	expect_service();
	expect_exits(3);
	ck_assert_int_eq(exits[0].status + exits[1].status + exits[2].status, failed << 8);
	stop_here();
	expect_notes("<<<");
	expect_no_more_notes();
	fclose(file);
	notes_exit = false;
}
END_TEST

#ifndef NO_PTHREAD_EXIT
static void note_cleanup(void *context)
{
	(void)context;
	note('c');
}

static void *serve_with_a_cleanup(void *context)
{
	pthread_cleanup_push(note_cleanup, NULL);
	*(int *)context = ssv_server_serve_forever(server);
	pthread_cleanup_pop(0);
	return NULL;
}

START_TEST(pthread_exit_in_a_handler_runs_no_clean_up_of_the_hosts)
{
	pthread_t thread;
	int result = -1;

	open_server();
	pthread_create(&thread, NULL, serve_with_a_cleanup, &result);
	hang_up(connect_and_ask("pthread_exit\n", ""));
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, 1 << 8);
	expect_service();
	expect_exits(2);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(result, 0);
	expect_no_more_notes();
}
END_TEST
#endif

/* Of two such servers, each with a child; the parent is killed, and cannot tidy up. */
START_TEST(a_port_is_free_as_soon_as_the_parent_is_gone)
{
	int ready[2], client, status;
	struct ssv_tcp_server next;
	pid_t parent;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		open_server();
		if (write(ready[1], &server->server_address, sizeof(server->server_address)) > 0)
			ssv_server_serve_forever(server);
		_exit(1);
	}
	ck_assert_int_gt(
		read(ready[0], &server->server_address, sizeof(server->server_address)), 0);
	client = connect_and_ask("zero\n", "0");
	kill(parent, SIGKILL);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ssv_tcp_server_init(&next, &server->server_address, &echo_handler);
	ck_assert_int_eq(ssv_server_open(&next.base), 0);
	ck_assert_int_eq(ssv_server_close(&next.base), 0);
	ask(client, "zero\n", "0"); /* the orphan serves on */
	hang_up(client);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

START_TEST(a_port_is_free_right_after_close)
{
	struct ssv_tcp_server next;
	int clients[5], i;

	server->grace = 0;
	serve_here();
	for (i = 0; i < 5; i++)
		clients[i] = connect_and_ask("zero\n", "0");
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ssv_tcp_server_init(&next, &server->server_address, &echo_handler);
	ck_assert_int_eq(ssv_server_open(&next.base), 0);
	ck_assert_int_eq(ssv_server_close(&next.base), 0);
	for (i = 0; i < 5; i++)
		hang_up(clients[i]);
}
END_TEST

/* --- the host's own children and signals --- */

static pid_t start_foreign_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(72);
	return pid;
}

START_TEST(foreign_children_stay_waitable)
{
	pid_t foreign = start_foreign_child();
	int status, i;

	choose_way(_i);
	mixin->max_children = 2; /* Python's takes them where the limit is reached */
	serve_here();
	for (i = 0; i < 10; i++)
		expect_service();
	expect_exits(10);
	stop_here();
	ck_assert_int_eq(ssv_forking_mixin_collect_children(mixin, true), 0);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(waitpid(foreign, &status, 0), foreign);
	ck_assert_int_eq(WEXITSTATUS(status), 72);
}
END_TEST

START_TEST(a_host_that_ignores_sigchld_is_served_as_well)
{
	int i;

	choose_way(_i);
	mixin->max_children = 2;
	signal(SIGCHLD, SIG_IGN);
	serve_here();
	for (i = 0; i < 10; i++)
		expect_service();
	expect_exits(10);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(exits[i].status, -1);
	stop_here();
}
END_TEST

static void reap_everything(int signal)
{
	int saved = errno;

	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

START_TEST(a_host_that_reaps_everything_is_served_as_well_and_keeps_its_handler)
{
	struct sigaction action = {.sa_handler = reap_everything, .sa_flags = SA_RESTART}, now;
	int i;

	choose_way(_i);
	mixin->max_children = 2;
	sigaction(SIGCHLD, &action, NULL);
	serve_here();
	for (i = 0; i < 10; i++)
		expect_service();
	expect_exits(10);
	stop_here();
	sigaction(SIGCHLD, NULL, &now);
	ck_assert(now.sa_handler == reap_everything);
}
END_TEST

static volatile sig_atomic_t delivered;

static void note_delivery(int signal)
{
	(void)signal;
	delivered = 1;
}

/* As one does who waits for it with sigwait(3) or a signalfd(2). */
START_TEST(a_host_that_blocks_sigchld_never_gets_it_delivered)
{
	struct sigaction action = {.sa_handler = note_delivery};
	sigset_t signals;

	choose_way(_i);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	serve_here();
	kill(getpid(), SIGCHLD);
	for (int i = 0; i < 3; i++)
		expect_service();
	expect_exits(3);
	stop_here();
	ck_assert_int_eq(delivered, 0);
	sigpending(&signals);
	ck_assert_int_eq(sigismember(&signals, SIGCHLD), 1);
}
END_TEST

static bool end_hammering;
static pthread_mutex_t hosts_own = PTHREAD_MUTEX_INITIALIZER;

static void *hammer(void *context)
{
	while (!__atomic_load_n(&end_hammering, __ATOMIC_SEQ_CST)) {
		pthread_mutex_lock(&hosts_own);
		context = malloc(1000 + (size_t)(uintptr_t)context % 1000);
		free(context);
		fputs("", stdout);
		fflush(stdout);
		pthread_mutex_unlock(&hosts_own);
	}
	return NULL;
}

START_TEST(a_host_with_busy_threads_may_fork)
{
	pthread_t threads[2];
	int i;

	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, hammer, NULL);
	serve_here();
	for (i = 0; i < 100; i++)
		hang_up(connect_and_ask("allocate\n", "0"));
	expect_exits(100);
	__atomic_store_n(&end_hammering, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	stop_here();
}
END_TEST

/* --- crashes --- */

static const struct {
	const char *command;
	int signal;
} crashes[] = {{"crash\n", SIGSEGV}, {"abort\n", SIGABRT}, {"kill\n", SIGKILL}};

START_TEST(a_crash_is_reported_and_touches_nobody_else)
{
	int other, victim;

	choose_way(_i % WAYS);
	serve_here();
	other = connect_and_ask("zero\n", "0");
	victim = connect_and_ask(crashes[_i / WAYS].command, "");
	expect_end(victim);
	hang_up(victim);
	expect_exits(1);
	ck_assert_int_eq(WTERMSIG(exits[0].status), crashes[_i / WAYS].signal);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
	ck_assert_ptr_nonnull(strstr(events.last, sigabbrev_np(crashes[_i / WAYS].signal)));
	ask(other, "zero\n", "0");
	hang_up(other);
	expect_service();
	expect_exits(3);
	stop_here();
}
END_TEST

/* In either version of control groups. */
static bool make_poor_group(void)
{
	const char *const parents[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"};

	for (int i = 0; i < LENGTH(parents); i++) {
		snprintf(poor_group, sizeof(poor_group), "%s/ssv-%d", parents[i], (int)getpid());
		if (mkdir(poor_group, 0700) < 0)
			continue;
		set(i == 0 ? "memory.swappiness" : "memory.swap.max", "0");
		if (set(i == 0 ? "memory.limit_in_bytes" : "memory.max", "16M"))
			return true;
		rmdir(poor_group);
	}
	return false;
}

START_TEST(a_child_that_the_kernel_kills_for_want_of_memory_touches_nobody_else)
{
	int other, victim;

	if (!make_poor_group()) {
		printf("skipped: no control group of memory can be made\n");
		return;
	}
	serve_here();
	other = connect_and_ask("zero\n", "0");
	victim = connect_and_ask("starve\n", "");
	expect_end(victim);
	hang_up(victim);
	expect_exits(1);
	ck_assert_int_eq(WTERMSIG(exits[0].status), SIGKILL);
	ask(other, "zero\n", "0");
	hang_up(other);
	expect_service();
	expect_exits(3);
	stop_here();
	ck_assert_int_eq(rmdir(poor_group), 0);
}
END_TEST

START_TEST(a_stack_overflow_ends_the_child_alone)
{
	int victim;

	serve_here();
	victim = connect_and_ask("overflow\n", "");
	expect_end(victim);
	hang_up(victim);
	expect_exits(1);
	ck_assert_int_ne(exits[0].status, 0); /* a sanitizer ends it by its own status */
	expect_service();
	expect_exits(2);
	stop_here();
}
END_TEST

START_TEST(a_child_killed_from_outside_gives_its_place_back)
{
	int client, i;

	choose_way(_i);
	mixin->max_children = 1;
	serve_here();
	for (i = 0; i < 3; i++) {
		client = connect_and_ask("zero\n", "0");
		ck_assert_int_eq(kill(pid_of_child(), SIGKILL), 0);
		expect_end(client);
		hang_up(client);
	}
	expect_exits(3);
	stop_here();
}
END_TEST

static const char *const stuck[] = {"stop\n", "wait\n", "stubborn\n"};

START_TEST(a_child_is_killed_at_its_deadline)
{
	int64_t start;
	int client;

	choose_way(_i % WAYS);
	server->limits.deadline = 500;
	serve_here();
	start = ssv_now();
	client = connect_and_ask(stuck[_i / WAYS], "");
	expect_end(client);
	ck_assert_int_ge(ssv_now() - start, 500 * 1000000LL);
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, SIGKILL);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
	hang_up(client);
	stop_here();
}
END_TEST

/* By a twentieth; on a busy machine a child may need more, and another one a try. */
START_TEST(a_handler_meets_its_deadline_before_it_is_killed)
{
	int client, tries = 0;

	server->limits.deadline = under_valgrind() ? 6000 : 1000;
	serve_here();
	do {
		client = connect_and_ask("zero\n", "0");
		expect_exits(++tries);
		hang_up(client);
	} while (exits[tries - 1].status == SIGKILL && tries < 5);
	ck_assert_int_ne(exits[tries - 1].status, SIGKILL);
	expect_notes("d");
	stop_here();
}
END_TEST

/* The pipe is closed by execve(2), long before the end. */
START_TEST(a_child_that_becomes_another_program_is_waited_for)
{
	choose_way(_i);
	serve_here();
	hang_up(connect_and_ask("sleep\n", ""));
	expect_exits(1);
	ck_assert_int_eq(exits[0].status, 0);
	stop_here();
}
END_TEST

/* --- the limit --- */

START_TEST(no_more_than_max_children_run_and_the_others_wait)
{
	struct pollfd polled = {.events = POLLIN};
	int clients[5], i;

	choose_way(_i);
	mixin->max_children = 2;
	serve_here();
	for (i = 0; i < 5; i++) {
		clients[i] = connect_to(server);
		ck_assert_int_eq(send(clients[i], "zero\n", 5, 0), 5);
	}
	for (i = 0; i < 5; i++) {
		ask(clients[i], "", "0");
		polled.fd = clients[i + 2 < 5 ? i + 2 : i];
		ck_assert_int_eq(poll(&polled, 1, 20), 0);
		ck_assert_int_le(ssv_forking_mixin_active_children(mixin), 2);
		hang_up(clients[i]);
	}
	expect_exits(5);
	stop_here();
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 0);
}
END_TEST

START_TEST(stopping_while_all_are_stuck_is_immediate)
{
	int clients[3], i;
	int64_t start;

	server->grace = 0;
	mixin->max_children = 2;
	serve_here();
	for (i = 0; i < 3; i++)
		clients[i] = connect_and_ask("wait\n", "");
	expect_active(2);
	start = ssv_now();
	stop_here();
	ck_assert_int_lt(ssv_now() - start, 1000 * 1000000LL);
	ck_assert_int_eq(ssv_server_close(server), 0);
	for (i = 0; i < 3; i++) {
		expect_end(clients[i]);
		hang_up(clients[i]);
	}
	ck_assert_int_eq(count_of_exits, 2);
}
END_TEST

static const int fork_errors[] = {EAGAIN, ENOMEM};

START_TEST(a_fork_that_fails_costs_that_request_alone_and_the_others_wait)
{
	struct ssv_counters counters;
	int clients[6], i;

	fail_forks(3, fork_errors[_i]);
	note_everything();
	open_server();
	for (i = 0; i < 6; i++)
		clients[i] = connect_to(server);
	serve(&served, server);
	expect_end(clients[0]);
	for (i = 1; i < 6; i++)
		ask(clients[i], "zero\n", "0");
	ck_assert_int_eq(forks_tried(), 1 + 2 + 1 + 5);
	for (i = 0; i < 6; i++)
		hang_up(clients[i]);
	expect_exits(5);
	stop_here();
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.failed, 1);
	ck_assert_uint_eq(counters.refused, 1);
	ck_assert_int_eq(events.count[SSV_LOG_ERROR], 1);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
}
END_TEST

START_TEST(a_fork_that_always_fails_is_tried_more_and_more_rarely)
{
	int clients[40], i;
	int64_t start;

	fail_forks(1000, EAGAIN);
	open_server();
	for (i = 0; i < 40; i++)
		clients[i] = connect_to(server);
	start = ssv_now();
	serve(&served, server);
	while (forks_tried() < 7)
		poll(NULL, 0, 1);
	ck_assert_int_ge(ssv_now() - start, (1 + 2 + 4 + 8 + 16) * 1000000LL);
	stop_here();
	for (i = 0; i < 40; i++)
		hang_up(clients[i]);
}
END_TEST

/* --- resources --- */

/* One after the other; each child may still be there when the next one comes. */
static void serve_some(int *requests)
{
	for (int i = 0; i < SOME; i++, ++*requests)
		expect_service();
	expect_exits(*requests);
}

/* But for the memory for so many children at a time. */
START_TEST(a_thousand_requests_leave_nothing_behind)
{
	const size_t kept = SOME * (sizeof(struct ssv_child) + 2 * sizeof(size_t));
	int requests = under_valgrind() ? 100 : 1000, i = 0;
	struct mallinfo2 before;
	size_t descriptors;

	choose_way(_i);
	serve_here();
	serve_some(&i);
	before = mallinfo2();
	descriptors = count_descriptors();
	while (i < requests)
		serve_some(&i);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	ck_assert_uint_le(mallinfo2().uordblks, before.uordblks + kept);
	expect_no_children();
	stop_here();
}
END_TEST

static int pidfds;

static int count_pidfd(pid_t pid)
{
	__atomic_add_fetch(&pidfds, 1, __ATOMIC_SEQ_CST);
	return real_pidfd_open(pid);
}

/* To be told of their ends would cost more than to look. */
START_TEST(children_that_end_at_once_are_not_watched)
{
	int requests = 0;

	if (under_valgrind())
		return; /* where nothing is done at once */
	ssv_pidfd_open = count_pidfd;
	serve_here();
	do { /* until no other process has kept one from its end */
		__atomic_store_n(&pidfds, 0, __ATOMIC_SEQ_CST);
		serve_some(&requests);
	} while (__atomic_load_n(&pidfds, __ATOMIC_SEQ_CST) > 0 && requests < MAX_EXITS);
	stop_here();
	ck_assert_int_eq(pidfds, 0);
}
END_TEST

START_TEST(a_child_that_lives_longer_is_watched)
{
	int client;

	ssv_pidfd_open = count_pidfd;
	serve_here();
	pidfds = 0;
	client = connect_and_ask("zero\n", "0");
	while (__atomic_load_n(&pidfds, __ATOMIC_SEQ_CST) == 0)
		poll(NULL, 0, 1);
	hang_up(client);
	expect_exits(1);
	stop_here();
	ck_assert_int_eq(pidfds, 1);
}
END_TEST

START_TEST(an_idle_server_is_not_woken_by_anything_with_a_child_or_without)
{
	int client;

	serve_here();
	expect_service();
	expect_exits(1);
	expect_idleness(serving_thread);
	client = connect_and_ask("zero\n", "0");
	expect_idleness(serving_thread);
	hang_up(client);
	expect_exits(2);
	stop_here();
}
END_TEST

/* --- the loop's other forms --- */

static bool end_load;
static int served_by_load;

static void *load(void *context)
{
	while (!__atomic_load_n(&end_load, __ATOMIC_SEQ_CST)) {
		expect_service();
		__atomic_add_fetch(&served_by_load, 1, __ATOMIC_SEQ_CST);
	}
	return context;
}

START_TEST(stopping_and_serving_again_under_load_loses_no_client)
{
	pthread_t clients[3];
	int i, before;

	mixin->max_children = 2;
	open_server();
	for (i = 0; i < 3; i++)
		pthread_create(&clients[i], NULL, load, NULL);
	for (i = 0; i < 20; i++) {
		before = __atomic_load_n(&served_by_load, __ATOMIC_SEQ_CST);
		serve(&served, server);
		while (__atomic_load_n(&served_by_load, __ATOMIC_SEQ_CST) < before + 5)
			poll(NULL, 0, 1);
		stop_here();
	}
	__atomic_store_n(&end_load, true, __ATOMIC_SEQ_CST);
	serve(&served, server);
	for (i = 0; i < 3; i++)
		pthread_join(clients[i], NULL);
	stop_here();
}
END_TEST

START_TEST(handle_request_serves_one_and_its_timeout_collects)
{
	int client;

	ck_assert_int_eq(server->timeout, 300000);
	open_server();
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	ck_assert_int_eq(ssv_forking_mixin_active_children(mixin), 1);
	ck_assert_int_eq(ssv_forking_mixin_collect_children(mixin, false), 1);
	server->timeout = 0;
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ask(client, "zero\n", "0");
	hang_up(client);
	while (count_of_exits == 0)
		ck_assert_int_eq(ssv_server_handle_request(server), 0);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	hang_up(client);
	ck_assert_int_eq(ssv_forking_mixin_collect_children(mixin, true), 0);
	ck_assert_int_eq(count_of_exits, 2);
}
END_TEST

START_TEST(a_foreign_loop_is_told_of_a_childs_end)
{
	struct pollfd polled = {.events = POLLIN};
	int client;

	choose_way(_i);
	open_server();
	polled.fd = ssv_server_poll_fd(server);
	client = connect_to(server);
	ck_assert_int_eq(ssv_server_step(server), 1);
	hang_up(client);
	while (count_of_exits == 0) {
		ck_assert_int_eq(poll(&polled, 1, 10000), 1);
		ck_assert_int_eq(ssv_server_step(server), 0);
	}
	while (poll(&polled, 1, 0) == 1) /* a look that was due when it was found by another */
		ck_assert_int_eq(ssv_server_step(server), 0);
}
END_TEST

START_TEST(two_forking_servers_are_served_by_one_thread)
{
	static struct ssv_forking_tcp_server second;
	struct ssv_server *both[] = {server, &second.tcp.base};
	struct ssv_address at = address_of(ANYWHERE);
	int one, other;

	ssv_forking_tcp_server_init(&second, &at, &obedient);
	open_server();
	ck_assert_int_eq(ssv_server_open(both[1]), 0);
	one = connect_to(server);
	other = connect_to(both[1]);
	ck_assert_int_eq(ssv_server_handle_request(both[0]), 1);
	ck_assert_int_eq(ssv_server_handle_request(both[1]), 1);
	shutdown(one, SHUT_WR);
	expect_end(one); /* the other server's child does not hold it */
	ask(other, "zero\n", "0");
	hang_up(other);
	hang_up(one);
	ssv_server_request_stop(both[0]);
	ssv_server_request_stop(both[1]);
	ck_assert_int_eq(ssv_serve_all(both, 2), 0);
	ck_assert_int_eq(ssv_close_all(both, 2), 0);
}
END_TEST

/* --- closing --- */

static void *close_here(void *context)
{
	*(int *)context = ssv_server_close(server);
	return NULL;
}

START_TEST(close_lets_children_finish_and_refuses_new_clients)
{
	struct ssv_address at;
	int client, late, rc = -1;
	pthread_t thread;

	choose_way(_i);
	serve_here();
	at = server->server_address;
	client = connect_and_ask("zero\n", "0");
	pthread_create(&thread, NULL, close_here, &rc);
	ck_assert_int_eq(result_of(&served), 0);
	do {
		late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		rc = connect(late, &at.socket.any, at.length);
		close(late);
	} while (rc == 0);
	ask(client, "zero\n", "0");
	hang_up(client);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(exits[0].status, 0);
}
END_TEST

START_TEST(close_terminates_after_the_grace_whoever_is_left)
{
	int client;

	choose_way(_i % WAYS);
	server->grace = _i / WAYS == 0 ? 20 : SSV_FOREVER;
	mixin->block_on_close = _i / WAYS == 0;
	serve_here();
	client = connect_and_ask("zero\n", "0");
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(exits[0].status, SIGTERM);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 0);
	expect_end(client);
	hang_up(client);
}
END_TEST

START_TEST(close_kills_after_abort_timeout_whoever_is_left_then)
{
	int stubborn, stopped;

	choose_way(_i);
	server->grace = 0;
	server->abort_timeout = 50;
	serve_here();
	stubborn = connect_and_ask("stubborn\n", "");
	expect_notes("t");
	stopped = connect_and_ask("stop\n", "");
	expect_active(2);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(count_of_exits, 2);
	expect_end(stubborn);
	expect_end(stopped);
	hang_up(stubborn);
	hang_up(stopped);
}
END_TEST

START_TEST(deadlines_hold_while_close_waits)
{
	int client;

	server->limits.deadline = 200;
	serve_here();
	client = connect_and_ask("wait\n", "");
	expect_active(1);
	ck_assert_int_eq(ssv_server_close(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(exits[0].status, SIGKILL);
	expect_end(client);
	hang_up(client);
}
END_TEST

START_TEST(a_closed_server_can_be_opened_again)
{
	int i;

	for (i = 0; i < 3; i++) {
		serve_here();
		expect_service();
		stop_and_close(&served);
	}
	ck_assert_int_eq(count_of_exits, 3);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

#define FOR_EACH_WAY(tcase, test, kinds) tcase_add_loop_test(tcase, test, 0, WAYS *(kinds))

static void add_processing_tests(TCase *tcase)
{
	FOR_EACH_WAY(tcase, three_clients_are_served_by_a_child_each, 1);
	tcase_add_loop_test(tcase, an_error_is_told_in_the_child_and_its_status_is_1, 0, 3);
	tcase_add_loop_test(tcase, ssv_exit_is_not_told_and_ends_the_child_alone, 0, 3);
	tcase_add_test(tcase, the_parent_closes_the_request_and_runs_nothing_of_it);
	tcase_add_test(tcase, counters_are_shared_with_the_children_and_outlive_close);
	tcase_add_test(tcase, what_was_read_before_the_fork_is_counted_all_the_while);
	tcase_add_test(tcase, children_that_fail_alike_are_logged_ten_times_and_counted);
	tcase_add_test(tcase, a_child_that_is_killed_as_it_counts_stops_nobody);
	tcase_add_test(
		tcase, a_child_that_is_stopped_as_it_counts_stops_nobody_and_is_killed_in_time);
	tcase_add_test(tcase, live_requests_are_shown_with_their_clients);
	tcase_add_test(tcase, stopping_in_a_child_affects_nobody_else);
	tcase_add_test(tcase, a_signal_that_stops_the_server_ends_a_child_alone);
	tcase_add_test(tcase, a_handler_may_serve_with_a_server_of_its_own);
}

static void add_host_tests(TCase *tcase)
{
	FOR_EACH_WAY(tcase, a_child_has_the_hosts_descriptors_and_its_connection_alone, 1);
	tcase_add_test(tcase, exit_in_a_handler_runs_no_exit_handler_and_flushes_nothing);
#ifndef NO_PTHREAD_EXIT
	tcase_add_test(tcase, pthread_exit_in_a_handler_runs_no_clean_up_of_the_hosts);
#endif
	tcase_add_test(tcase, a_port_is_free_as_soon_as_the_parent_is_gone);
	tcase_add_test(tcase, a_port_is_free_right_after_close);
	FOR_EACH_WAY(tcase, foreign_children_stay_waitable, 1);
	FOR_EACH_WAY(tcase, a_host_that_blocks_sigchld_never_gets_it_delivered, 1);
	FOR_EACH_WAY(tcase, a_host_that_ignores_sigchld_is_served_as_well, 1);
	FOR_EACH_WAY(
		tcase, a_host_that_reaps_everything_is_served_as_well_and_keeps_its_handler, 1);
	tcase_add_test(tcase, a_host_with_busy_threads_may_fork);
}

static void add_crash_tests(TCase *tcase)
{
	FOR_EACH_WAY(tcase, a_crash_is_reported_and_touches_nobody_else, 3);
	tcase_add_test(tcase, a_child_that_the_kernel_kills_for_want_of_memory_touches_nobody_else);
	tcase_add_test(tcase, a_stack_overflow_ends_the_child_alone);
	FOR_EACH_WAY(tcase, a_child_killed_from_outside_gives_its_place_back, 1);
	FOR_EACH_WAY(tcase, a_child_is_killed_at_its_deadline, 3);
	tcase_add_test(tcase, a_handler_meets_its_deadline_before_it_is_killed);
	FOR_EACH_WAY(tcase, a_child_that_becomes_another_program_is_waited_for, 1);
}

static void add_limit_tests(TCase *tcase)
{
	FOR_EACH_WAY(tcase, no_more_than_max_children_run_and_the_others_wait, 1);
	tcase_add_test(tcase, stopping_while_all_are_stuck_is_immediate);
	FOR_EACH(
		tcase, a_fork_that_fails_costs_that_request_alone_and_the_others_wait, fork_errors);
	tcase_add_test(tcase, a_fork_that_always_fails_is_tried_more_and_more_rarely);
	FOR_EACH_WAY(tcase, a_thousand_requests_leave_nothing_behind, 1);
	tcase_add_test(tcase, children_that_end_at_once_are_not_watched);
	tcase_add_test(tcase, a_child_that_lives_longer_is_watched);
	tcase_add_test(tcase, an_idle_server_is_not_woken_by_anything_with_a_child_or_without);
}

static void add_loop_tests(TCase *tcase)
{
	tcase_add_test(tcase, stopping_and_serving_again_under_load_loses_no_client);
	tcase_add_test(tcase, handle_request_serves_one_and_its_timeout_collects);
	FOR_EACH_WAY(tcase, a_foreign_loop_is_told_of_a_childs_end, 1);
	tcase_add_test(tcase, two_forking_servers_are_served_by_one_thread);
}

static void add_close_tests(TCase *tcase)
{
	FOR_EACH_WAY(tcase, close_lets_children_finish_and_refuses_new_clients, 1);
	FOR_EACH_WAY(tcase, close_terminates_after_the_grace_whoever_is_left, 2);
	FOR_EACH_WAY(tcase, close_kills_after_abort_timeout_whoever_is_left_then, 1);
	tcase_add_test(tcase, deadlines_hold_while_close_waits);
	tcase_add_test(tcase, a_closed_server_can_be_opened_again);
}

static TCase *forking_topic(Suite *suite, const char *name)
{
	TCase *tcase = topic(suite, name);

	tcase_add_checked_fixture(tcase, prepare, finish);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("forking_mixin");

	add_processing_tests(forking_topic(suite, "processing"));
	add_host_tests(forking_topic(suite, "host"));
	add_crash_tests(forking_topic(suite, "crashes"));
	add_limit_tests(forking_topic(suite, "limits"));
	add_loop_tests(forking_topic(suite, "loop"));
	add_close_tests(forking_topic(suite, "closing"));
	return run_suite(suite);
}
