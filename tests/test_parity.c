/*
 * Parity with Python: what CPython's own tests of socketserver promise
 * (Lib/test/test_socketserver.py; its names stand in the comments), what every failure does there
 * (docs/python.md says where we differ), and what neither tests, each in all of the twelve classes
 * that it holds for. CPython's test_all, on the exported names, is test_exports.sh here.
 */
#include "classes.h"

#include "../handlers/handlers.h"
#include "clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct server_class *class;
static union any_server any;
static struct ssv_server *server;
static struct kept_log events;

/* Shared with the children: what is to fail in the next request, and what was called for it. */
static struct {
	struct {
		int get_request, verify_request, process_request, setup, handle, finish;
		int service_actions;
	} result;        /* what each returns; 0: it does its work */
	char called[64]; /* a letter a call, in order: see trace() */
	unsigned int calls;
	int errors, error[4]; /* that handle_error() was told of, … */
	const char *stage[4]; /* … and where they happened */
	int services, timeouts;
	int parent_closes; /* close_request(), not by who processes the request */
	int children, exit_status;
	pid_t error_pid;
	int value[4]; /* a test's own */
	sem_t started, go, closing, over;
} * seen;

/* --- a layer and a handler that are told to fail, and leave a trace --- */

static void set(int *value, int to)
{
	__atomic_store_n(value, to, __ATOMIC_SEQ_CST);
}

static int get(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

static int increase(int *value)
{
	return __atomic_fetch_add(value, 1, __ATOMIC_SEQ_CST);
}

static void wait_for(sem_t *semaphore)
{
	struct timespec patience;

	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 10;
	while (sem_timedwait(semaphore, &patience) < 0) /* not sem_clockwait: TSan has to know it */
		ck_assert_int_eq(errno, EINTR);
}

/*
 * V verify_request, P process_request, S setup, H handle, F finish, E handle_error,
 * D shutdown_request, C close_request
 */
static void trace(char letter)
{
	unsigned int at = __atomic_fetch_add(&seen->calls, 1, __ATOMIC_SEQ_CST);

	if (at < sizeof(seen->called) - 1)
		__atomic_store_n(&seen->called[at], letter, __ATOMIC_SEQ_CST);
}

static _Thread_local bool processing; /* in a forking server */
static pid_t here;

static int probe_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	int rc = ssv_super_get_request(layer, request), wanted = get(&seen->result.get_request);

	return rc == 0 && wanted != 0 ? wanted : rc;
}

static int probe_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	int wanted = get(&seen->result.verify_request);

	trace('V');
	if (wanted != 0)
		return wanted > 0 ? 0 : wanted;
	return ssv_super_verify_request(layer, request);
}

static int probe_process_request(struct ssv_layer *layer, struct ssv_request *request)
{
	int rc = get(&seen->result.process_request);

	trace('P');
	if (rc != 0)
		return rc;
	processing = class->is_forking;
	rc = ssv_super_process_request(layer, request);
	processing = false;
	return rc;
}

static void probe_shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	trace('D');
	ssv_super_shutdown_request(layer, request);
}

static void probe_close_request(struct ssv_layer *layer, struct ssv_request *request)
{
	bool by_parent = processing && getpid() == here;

	if (by_parent)
		increase(&seen->parent_closes);
	else
		trace('C');
	ssv_super_close_request(layer, request);
	if (!by_parent)
		sem_post(&seen->over);
}

static void probe_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	int n = increase(&seen->errors);

	(void)layer;
	trace('E');
	if (n < 4) {
		seen->error[n] = error;
		seen->stage[n] = request->stage;
	}
	seen->error_pid = getpid();
}

static int probe_service_actions(struct ssv_layer *layer)
{
	int rc = get(&seen->result.service_actions);

	increase(&seen->services);
	return rc != 0 ? rc : ssv_super_service_actions(layer);
}

static int probe_handle_timeout(struct ssv_layer *layer)
{
	increase(&seen->timeouts);
	return ssv_super_handle_timeout(layer);
}

static int probe_close(struct ssv_layer *layer)
{
	sem_post(&seen->closing);
	return ssv_super_close(layer);
}

static const struct ssv_layer_ops probe_ops = {
	.get_request = probe_get_request,
	.verify_request = probe_verify_request,
	.process_request = probe_process_request,
	.shutdown_request = probe_shutdown_request,
	.close_request = probe_close_request,
	.handle_error = probe_handle_error,
	.service_actions = probe_service_actions,
	.handle_timeout = probe_handle_timeout,
	.close = probe_close,
	.concurrent_get_request = true,
};
static struct ssv_layer probe;

static int probed_setup(struct ssv_handler *handler)
{
	(void)handler;
	trace('S');
	return get(&seen->result.setup);
}

static int send_line_back(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line;
	ssize_t n = ssv_stream_readline(stream, &line);

	return (int)(n > 0 ? ssv_stream_write(stream, line, (size_t)n) : n);
}

static int probed_handle(struct ssv_handler *handler)
{
	int rc = get(&seen->result.handle);

	trace('H');
	return rc != 0 ? rc : send_line_back(handler);
}

static int probed_finish(struct ssv_handler *handler)
{
	(void)handler;
	trace('F');
	return get(&seen->result.finish);
}

static const struct ssv_handler_ops probed = {
	.setup = probed_setup,
	.handle = probed_handle,
	.finish = probed_finish,
};

static void child_exited(struct ssv_forking_mixin *forking, pid_t pid, int status)
{
	(void)forking;
	(void)pid;
	seen->children++;
	seen->exit_status = status;
}

/* --- servers and clients --- */

static void make_server(int i, const struct ssv_handler_ops *handler)
{
	struct ssv_address at;

	class = &classes[i % N_CLASSES];
	at = fresh_address(class);
	server = class->init(&any, &at, handler);
	keep_log(&events, server);
	ssv_server_link(server, &probe, &probe_ops);
	if (class->is_forking)
		forking_of(class, &any)->child_exited = child_exited;
}

static void open_server(int i, const struct ssv_handler_ops *handler)
{
	int rc;

	make_server(i, handler);
	rc = ssv_server_open(server);
	ck_assert_msg(rc == 0, "%s: %s", class->name, strerror(-rc));
}

static void send_to_server(struct ssv_stream *client, const char *question)
{
	ck_assert_int_eq(
		ssv_stream_write(client, question, strlen(question)), (ssize_t)strlen(question));
}

/* It may have been answered before. */
static void expect_end_of(struct ssv_stream *client)
{
	char rest[256];
	ssize_t n = class->is_stream ? 1 : 0;

	while (n > 0)
		n = receive(client, rest, sizeof(rest));
	ck_assert_msg(n == 0 || n == -ECONNRESET, "%s: not the end: %zd", class->name, n);
}

/* A client that is served, by serve_forever() in another thread. */
static void expect_service(void)
{
	struct ssv_stream client;

	connect_client(&client, server);
	ask_client(&client, "hello world\n", "hello world\n");
	disconnect_client(&client);
}

/* One that is served by handle_request() in this one. */
static void expect_handle_request(void)
{
	struct ssv_stream client;

	connect_client(&client, server);
	send_to_server(&client, "hello world\n");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	expect_answer(&client, "hello world\n");
	disconnect_client(&client);
}

static void close_server(void)
{
	ck_assert_int_eq(ssv_server_close(server), 0);
}

static void set_up_all(void)
{
	make_socket_directory();
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(seen, MAP_FAILED);
}

static void tear_down_all(void)
{
	munmap(seen, sizeof(*seen));
	remove_socket_directory();
}

static size_t files;

static void set_up(void)
{
	memset(seen, 0, sizeof(*seen));
	sem_init(&seen->started, 1, 0);
	sem_init(&seen->go, 1, 0);
	sem_init(&seen->closing, 1, 0);
	sem_init(&seen->over, 1, 0);
	signal(SIGTERM, SIG_DFL); /* Check's own would end the test when a child is ended */
	here = getpid();
	files = count_socket_files();
}

static void tear_down(void)
{
	ck_assert_uint_eq(count_socket_files(), files);
}

/* --- the harness of CPython's tests, and its lifecycle tests --- */

static pid_t foreign_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(72);
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void expect_own_address(void)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);
	struct ssv_address real;
	char text[2][SSV_ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(
		getsockname(ssv_server_fileno(server), (struct sockaddr *)&at, &length), 0);
	ssv_address_from_socket(&real, class->transport, (struct sockaddr *)&at, length);
	ck_assert_str_eq(ssv_address_format(&real, text[0]),
		ssv_address_format(&server->server_address, text[1]));
}

/*
 * test_TCPServer, test_ThreadingTCPServer, test_ForkingTCPServer, test_UDPServer,
 * test_ThreadingUDPServer, test_ForkingUDPServer, test_UnixStreamServer,
 * test_ThreadingUnixStreamServer, test_ForkingUnixStreamServer, test_UnixDatagramServer,
 * test_ThreadingUnixDatagramServer, test_ForkingUnixDatagramServer
 */
START_TEST(three_clients_in_a_row_get_their_line_back_and_nothing_is_left)
{
	struct served served;
	pid_t foreign;
	int i, status;

	open_server(_i, &probed);
	foreign = foreign_child();
	expect_own_address();
	serve(&served, server);
	for (i = 0; i < 3; i++)
		expect_service();
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	close_server();
	ck_assert_int_eq(server->fd, -1);
	ck_assert_int_eq(ssv_server_fileno(server), -1);
	ck_assert_int_eq(seen->errors, 0);
	if (class->is_forking) {
		ck_assert_int_eq(seen->children, 3);
		ck_assert_int_eq(ssv_forking_mixin_active_children(forking_of(class, &any)), 0);
	}
	ck_assert_int_eq(waitpid(foreign, &status, 0), foreign);
	ck_assert_int_eq(WEXITSTATUS(status), 72);
}
END_TEST

/* test_shutdown */
START_TEST(a_shutdown_right_after_the_start_always_returns_and_always_ends_it)
{
	struct served served;
	int i;

	for (i = 0; i < 20; i++) {
		open_server(_i, &probed);
		serve(&served, server);
		stop_and_close(&served);
	}
}
END_TEST

/* test_close_immediately */
START_TEST(a_server_that_never_served_can_be_closed)
{
	open_server(_i, &probed);
	close_server();
	close_server();
}
END_TEST

/* test_tcpserver_bind_leak */
START_TEST(a_thousand_failing_binds_say_so_and_leak_nothing)
{
	union any_server other;
	struct ssv_server *second;
	size_t descriptors;
	int i;

	open_server(_i, &probed);
	descriptors = count_descriptors();
	for (i = 0; i < 1024; i++) {
		second = class->init(&other, &server->server_address, &probed);
		ck_assert_int_eq(ssv_server_open(second), -EADDRINUSE);
	}
	ck_assert_uint_eq(count_descriptors(), descriptors);
	close_server();
}
END_TEST

/* test_context_manager: C has no `with`; what it ends with is close. */
START_TEST(close_closes_the_socket)
{
	int fd;

	open_server(_i, &probed);
	fd = ssv_server_fileno(server);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	close_server();
	ck_assert_int_eq(ssv_server_fileno(server), -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(ssv_server_handle_request(server), -EBADF);
	ck_assert_int_eq(ssv_server_serve_forever(server), -EBADF);
}
END_TEST

/* Which descriptors there are. */
static void note_descriptors(bool *are, int count)
{
	for (int fd = 0; fd < count; fd++)
		are[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* With a request in hand, where it lasts until its client ends it. */
START_TEST(a_program_that_the_host_starts_inherits_no_descriptor)
{
	bool before[256], now[256];
	struct ssv_stream client;
	struct served served;

	note_descriptors(before, LENGTH(before));
	open_server(_i, &probed);
	serve(&served, server);
	expect_service();
	connect_client(&client, server);
	while (class->is_stream && __atomic_load_n(&seen->calls, __ATOMIC_SEQ_CST) < 11)
		poll(NULL, 0, 1); /* VPSHFDC of the first, VPSH of this */
	note_descriptors(now, LENGTH(now));
	ck_assert_int_ge(server->fd, 0);
	for (int fd = 0; fd < LENGTH(now); fd++)
		ck_assert_msg(before[fd] || !now[fd] || (fcntl(fd, F_GETFD) & FD_CLOEXEC),
			"%s: descriptor %d is inherited", class->name, fd);
	disconnect_client(&client);
	stop_and_close(&served);
}
END_TEST

/* test_threads_reaped */
/* Threads or children that there are for requests. */
static int kept(void)
{
	struct ssv_threading_mixin *threading = threading_of(class, &any);
	int n = 0;

	if (class->is_threading) {
		pthread_mutex_lock(&threading->lock);
		n = threading->threads;
		pthread_mutex_unlock(&threading->lock);
	} else if (class->is_forking) {
		n = ssv_forking_mixin_active_children(forking_of(class, &any));
	}
	return n;
}

START_TEST(after_ten_requests_fewer_than_ten_threads_or_children_are_kept)
{
	struct served served;
	int i;

	make_server(_i, &probed);
	if (class->is_threading)
		threading_of(class, &any)->idle_timeout = 10;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	for (i = 0; i < 10; i++) {
		expect_service();
		wait_for(&seen->over);
	}
	while (kept() >=
		10) /* its thread may still be on its way back, so that there is one more */
		poll(NULL, 0, 1);
	stop_and_close(&served);
}
END_TEST

/* --- what every failure does: once under handle_request(), once under serve_forever() --- */

#define BOTH_WAYS 0, 2 * N_CLASSES

/** Who is ended by it. */
enum scope { NOBODY, A_SYNCHRONOUS_SERVER, EVERY_SERVER };

struct failure {
	int get_request, verify_request, process_request, setup, handle, finish;
	const char *called; /* in order */
	enum scope ends;
	int errors, error[2]; /* that handle_error() is told of */
	const char *stage[2];
};

static void arrange(const struct failure *failure)
{
	set(&seen->result.get_request, failure->get_request);
	set(&seen->result.verify_request, failure->verify_request);
	set(&seen->result.process_request, failure->process_request);
	set(&seen->result.setup, failure->setup);
	set(&seen->result.handle, failure->handle);
	set(&seen->result.finish, failure->finish);
}

static int end_of(const struct failure *failure)
{
	bool ends = failure->ends == EVERY_SERVER ||
		    (failure->ends == A_SYNCHRONOUS_SERVER && !class->is_threading &&
			    !class->is_forking);

	return ends ? SSV_EXIT : 0;
}

/* Until the request is over, and in a forking server its process, too. */
static void wait_until_over(void)
{
	wait_for(&seen->over);
	if (class->is_forking)
		ssv_forking_mixin_collect_children(forking_of(class, &any), true);
}

static void fail_in_handle_request(int end)
{
	struct ssv_stream client;

	connect_client(&client, server);
	send_to_server(&client, "hello world\n");
	ck_assert_int_eq(ssv_server_handle_request(server), end == 0 ? 1 : end);
	wait_until_over();
	expect_end_of(&client);
	disconnect_client(&client);
	arrange(&(struct failure){0});
}

/* The server may have ended the connection already. */
static void send_in_vain(struct ssv_stream *client)
{
	ssize_t n = ssv_stream_write(client, "hello world\n", 12);

	ck_assert(n == 12 || n == -EPIPE || n == -ECONNRESET);
}

static void fail_in_serve_forever(int end)
{
	struct ssv_stream client;
	struct served served;

	serve(&served, server);
	connect_client(&client, server);
	send_in_vain(&client);
	wait_for(&seen->over);
	expect_end_of(&client);
	disconnect_client(&client);
	if (end != 0)
		ck_assert_int_eq(result_of(&served), end);
	arrange(&(struct failure){0});
	if (end != 0)
		return;
	expect_service();
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
}

static void expect_errors(const struct failure *failure)
{
	ck_assert_int_eq(seen->errors, failure->errors);
	for (int i = 0; i < failure->errors; i++) {
		ck_assert_int_eq(seen->error[i], failure->error[i]);
		ck_assert_str_eq(seen->stage[i], failure->stage[i]);
	}
}

/* One client meets the failure, the next one is served as if nothing had been. */
static void expect_failure(int i, const struct failure *failure)
{
	char called[2 * sizeof(seen->called)];
	int end;

	open_server(i, &probed);
	end = end_of(failure);
	arrange(failure);
	if (i < N_CLASSES)
		fail_in_handle_request(end);
	else
		fail_in_serve_forever(end);
	if (i < N_CLASSES || end != 0)
		expect_handle_request();
	close_server();
	snprintf(called, sizeof(called), "%s%s", failure->called, "VPSHFDC");
	ck_assert_str_eq(seen->called, called);
	expect_errors(failure);
}

START_TEST(a_request_goes_through_every_method_in_order)
{
	struct ssv_counters counters;

	expect_failure(_i, &(struct failure){.called = "VPSHFDC"});
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.accepted, 2);
	ck_assert_uint_eq(counters.active, 0);
	ck_assert_uint_eq(counters.failed, 0);
	ck_assert_uint_eq(counters.refused, 0);
	ck_assert_int_eq(seen->parent_closes, class->is_forking ? 2 : 0);
}
END_TEST

/* Python leaves the socket to the garbage collector. */
START_TEST(a_request_that_get_request_fails_with_is_closed_and_nobody_is_told)
{
	struct ssv_stream failed, client;
	struct served served;
	struct failure nothing = {0};

	open_server(_i, &probed);
	arrange(&(struct failure){.get_request = -ECONNABORTED});
	if (_i >= N_CLASSES)
		serve(&served, server);
	connect_client(&failed, server);
	send_in_vain(&failed);
	if (_i < N_CLASSES) {
		server->timeout = 0;
		ck_assert_int_eq(ssv_server_handle_request(server), 0);
		server->timeout = SSV_FOREVER;
	}
	wait_for(&seen->over);
	arrange(&nothing);
	expect_end_of(&failed);
	disconnect_client(&failed);
	if (_i < N_CLASSES) {
		expect_handle_request();
		close_server();
	} else {
		connect_client(&client, server);
		ask_client(&client, "hello world\n", "hello world\n");
		disconnect_client(&client);
		stop_and_close(&served);
	}
	ck_assert_str_eq(seen->called, "CVPSHFDC");
	ck_assert_int_eq(seen->errors, 0);
}
END_TEST

/* As an exception other than OSError does. */
START_TEST(get_request_may_end_the_serving)
{
	expect_failure(_i, &(struct failure){
				   .get_request = SSV_EXIT,
				   .called = "C",
				   .ends = EVERY_SERVER,
			   });
}
END_TEST

/* test_shutdown_request_called_if_verify_request_false */
START_TEST(a_request_that_is_not_verified_is_shut_down_once_and_nobody_is_told)
{
	struct ssv_counters counters;

	expect_failure(_i, &(struct failure){.verify_request = 1, .called = "VDC"});
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.refused, 1);
	ck_assert_uint_eq(counters.failed, 0);
}
END_TEST

/* Python's loop dies of it, and leaks the connection. */
START_TEST(a_failing_verify_request_costs_that_request_alone)
{
	expect_failure(_i, &(struct failure){
				   .verify_request = -EACCES,
				   .called = "VEDC",
				   .errors = 1,
				   .error = {-EACCES},
				   .stage = {"verify_request"},
			   });
}
END_TEST

START_TEST(verify_request_may_end_the_serving)
{
	expect_failure(_i, &(struct failure){
				   .verify_request = SSV_EXIT,
				   .called = "VDC",
				   .ends = EVERY_SERVER,
			   });
}
END_TEST

START_TEST(a_failing_process_request_is_told_and_the_request_shut_down)
{
	expect_failure(_i, &(struct failure){
				   .process_request = -EAGAIN,
				   .called = "VPEDC",
				   .errors = 1,
				   .error = {-EAGAIN},
				   .stage = {"process_request"},
			   });
}
END_TEST

START_TEST(process_request_may_end_the_serving)
{
	expect_failure(_i, &(struct failure){
				   .process_request = SSV_EXIT,
				   .called = "VPDC",
				   .ends = EVERY_SERVER,
			   });
}
END_TEST

START_TEST(where_setup_fails_neither_handle_nor_finish_runs)
{
	expect_failure(_i, &(struct failure){
				   .setup = -EPROTO,
				   .called = "VPSEDC",
				   .errors = 1,
				   .error = {-EPROTO},
				   .stage = {"setup"},
			   });
}
END_TEST

START_TEST(setup_may_end_a_synchronous_server)
{
	expect_failure(_i, &(struct failure){
				   .setup = SSV_EXIT,
				   .called = "VPSDC",
				   .ends = A_SYNCHRONOUS_SERVER,
			   });
}
END_TEST

/* The status of the one child that failed comes first. */
static void expect_told_where_it_happened(void)
{
	if (class->is_forking)
		ck_assert_int_ne(seen->error_pid, here);
	else
		ck_assert_int_eq(seen->error_pid, here);
}

/* test_sync_handled, test_threading_handled, test_forking_handled */
START_TEST(a_failing_handler_finishes_and_is_told_of_where_it_ran)
{
	expect_failure(_i, &(struct failure){
				   .handle = -EPROTO,
				   .called = "VPSHFEDC",
				   .errors = 1,
				   .error = {-EPROTO},
				   .stage = {"handle"},
			   });
	expect_told_where_it_happened();
}
END_TEST

/* test_sync_not_handled, test_threading_not_handled, test_forking_not_handled */
START_TEST(a_handler_may_end_a_synchronous_server_or_else_its_thread_or_child_and_nobody_is_told)
{
	expect_failure(_i, &(struct failure){
				   .handle = SSV_EXIT,
				   .called = "VPSHFDC",
				   .ends = A_SYNCHRONOUS_SERVER,
			   });
}
END_TEST

START_TEST(a_failing_finish_is_told_of)
{
	expect_failure(_i, &(struct failure){
				   .finish = -EIO,
				   .called = "VPSHFEDC",
				   .errors = 1,
				   .error = {-EIO},
				   .stage = {"finish"},
			   });
}
END_TEST

/* In Python the second error hides the first. */
START_TEST(where_handle_and_finish_fail_both_are_told_of_handle_first)
{
	expect_failure(_i, &(struct failure){
				   .handle = -EPROTO,
				   .finish = -EIO,
				   .called = "VPSHFEEDC",
				   .errors = 2,
				   .error = {-EPROTO, -EIO},
				   .stage = {"handle", "finish"},
			   });
}
END_TEST

START_TEST(an_exit_of_handle_is_not_hidden_by_a_failing_finish)
{
	expect_failure(_i, &(struct failure){
				   .handle = SSV_EXIT,
				   .finish = -EIO,
				   .called = "VPSHFEDC",
				   .ends = A_SYNCHRONOUS_SERVER,
				   .errors = 1,
				   .error = {-EIO},
				   .stage = {"finish"},
			   });
}
END_TEST

START_TEST(a_child_ends_with_0_or_with_1_after_an_error_or_an_exit)
{
	static const int results[] = {0, -EPROTO, SSV_EXIT};
	struct ssv_stream client;

	open_server(FORKING_CLASS(_i), &probed);
	for (int i = 0; i < 3; i++) {
		set(&seen->result.handle, results[i]);
		connect_client(&client, server);
		send_to_server(&client, "hello world\n");
		ck_assert_int_eq(ssv_server_handle_request(server), 1);
		wait_until_over();
		ck_assert(WIFEXITED(seen->exit_status));
		ck_assert_int_eq(WEXITSTATUS(seen->exit_status), results[i] != 0);
		disconnect_client(&client);
	}
	close_server();
}
END_TEST

/* As the handle_error() of CPython's own tests does; Python then shuts it down a second time. */
static void closing_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	(void)error;
	increase(&seen->errors);
	ssv_server_close_request(layer->server, request);
}

static const struct ssv_layer_ops closing_ops = {.handle_error = closing_handle_error};

START_TEST(handle_error_may_close_the_request_itself)
{
	struct ssv_layer layer;
	struct ssv_stream client;

	make_server(_i, &probed);
	ssv_server_link(server, &layer, &closing_ops);
	ck_assert_int_eq(ssv_server_open(server), 0);
	arrange(&(struct failure){.handle = -EPROTO});
	connect_client(&client, server);
	send_to_server(&client, "hello world\n");
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	wait_until_over();
	expect_end_of(&client);
	disconnect_client(&client);
	arrange(&(struct failure){0});
	expect_handle_request();
	close_server();
	ck_assert_int_eq(seen->errors, 1);
}
END_TEST

/* Python's shutdown_request() fails, and is then called again. */
START_TEST(a_request_whose_client_is_gone_is_shut_down_once)
{
	const struct linger reset = {.l_onoff = 1};
	struct ssv_stream client;

	open_server(_i, &probed);
	connect_client(&client, server);
	if (class->transport == SSV_TCP)
		setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	send_to_server(&client, "hello world\n");
	disconnect_client(&client);
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	close_server();
	ck_assert_ptr_nonnull(strstr(seen->called, "DC"));
	ck_assert_ptr_eq(strchr(seen->called, 'D'), strrchr(seen->called, 'D'));
	ck_assert_ptr_eq(strchr(seen->called, 'C'), strrchr(seen->called, 'C'));
}
END_TEST

/* Python's loop dies of it. */
START_TEST(failing_service_actions_cost_nobody_anything)
{
	struct served served;
	int i;

	open_server(_i, &probed);
	set(&seen->result.service_actions, -EIO);
	serve(&served, server);
	for (i = 0; i < 3; i++)
		expect_service();
	set(&seen->result.service_actions, 0);
	stop_and_close(&served);
	ck_assert_int_eq(seen->errors, 0);
	ck_assert_int_le(logged(&events, SSV_LOG_ERROR), get(&seen->services));
}
END_TEST

START_TEST(service_actions_may_end_the_serving)
{
	struct served served;

	make_server(_i, &probed);
	server->poll_interval = 1;
	ck_assert_int_eq(ssv_server_open(server), 0);
	set(&seen->result.service_actions, SSV_EXIT);
	serve(&served, server);
	ck_assert_int_eq(result_of(&served), SSV_EXIT);
	set(&seen->result.service_actions, 0);
	expect_handle_request();
	close_server();
}
END_TEST

/* --- handlers and their streams --- */

static int look_at_stream(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;
	struct ssv_stream *stream = request->stream;
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	char question;
	bool connected =
		getpeername(ssv_stream_fileno(stream), (struct sockaddr *)&peer, &length) == 0;

	if (ssv_stream_read(stream, &question, 1) != 1)
		return -EPROTO;
	set(&seen->value[0], connected);
	set(&seen->value[1], stream->transport == class->transport);
	set(&seen->value[2], ssv_stream_flush(stream) == 0 &&
				     ssv_stream_write(stream, "wri", 3) == 3 &&
				     ssv_stream_printf(stream, "%s", "tten\n") == 5);
	return 0;
}

static const struct ssv_handler_ops looking = {.handle = look_at_stream};

/* SocketWriterTest.test_basics */
START_TEST(a_stream_has_the_descriptor_of_its_connection_and_pythons_methods)
{
	struct served served;
	struct ssv_stream client;

	open_server(_i, &looking);
	serve(&served, server);
	connect_client(&client, server);
	ask_client(&client, "?", "written\n");
	disconnect_client(&client);
	stop_and_close(&served);
	ck_assert_int_eq(seen->value[0], class->is_stream);
	ck_assert_int_eq(seen->value[1], 1);
	ck_assert_int_eq(seen->value[2], 1);
}
END_TEST

#define LARGE (16 * 1024 * 1024 + 1)

static pthread_t writer;
static char *large;

static void interrupted(int signal)
{
	(void)signal;
	increase(&seen->value[0]);
}

static int write_large(struct ssv_handler *handler)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	writer = pthread_self();
	seen->value[3] = getpid();
	sem_post(&seen->started);
	set(&seen->value[1], ssv_stream_write(handler->request->stream, large, LARGE) == LARGE);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	wait_for(&seen->go); /* what was written has arrived without a flush */
	return 0;
}

static const struct ssv_handler_ops writing = {.handle = write_large};

static void interrupt_writer(void)
{
	if (class->is_forking)
		kill(seen->value[3], SIGUSR1);
	else
		pthread_kill(writer, SIGUSR1);
}

static void receive_all(struct ssv_stream *client, char *data, size_t size)
{
	ssize_t n;

	for (; size > 0; data += n, size -= (size_t)n) {
		n = receive(client, data, size);
		ck_assert_int_gt(n, 0);
	}
}

/* SocketWriterTest.test_write: the writer stands still for all of the first half. */
START_TEST(a_write_that_signals_interrupt_arrives_whole_and_without_a_flush)
{
	const struct sigaction action = {.sa_handler = interrupted};
	struct served served;
	struct ssv_stream client;
	char *got = malloc(LARGE);
	size_t done;

	open_server(_i, &writing);
	sigaction(SIGUSR1, &action, NULL);
	large = malloc(LARGE);
	fill_with_noise(large, LARGE, 1);
	serve(&served, server);
	connect_client(&client, server);
	wait_for(&seen->started);
	for (done = 0; done < LARGE - 1; done += LARGE / 64) {
		if (done < LARGE / 2)
			interrupt_writer();
		receive_all(&client, got + done, LARGE / 64);
	}
	receive_all(&client, got + done, 1);
	sem_post(&seen->go);
	expect_end_of(&client);
	ck_assert_mem_eq(got, large, LARGE);
	disconnect_client(&client);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	free(large);
	ck_assert_int_gt(get(&seen->value[0]), 0);
	ck_assert_int_eq(get(&seen->value[1]), 1);
	close_server();
	free(got);
}
END_TEST

/* StreamRequestHandler.timeout; Python's rfile refuses every further read then. */
static int read_twice(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line;

	set(&seen->value[0], (int)ssv_stream_readline(stream, &line));
	stream->limits.timeout = 10000;
	ssv_stream_printf(stream, "late\n");
	return send_line_back(handler);
}

static const struct ssv_handler_ops patient = {.handle = read_twice, .timeout = 20};

START_TEST(a_silent_client_is_a_time_out_after_which_the_stream_still_works)
{
	struct ssv_stream client;
	struct served served;

	open_server(_i, &patient);
	serve(&served, server);
	connect_client(&client, server);
	expect_answer(&client, "late\n");
	ask_client(&client, "hello\n", "hello\n");
	disconnect_client(&client);
	stop_and_close(&served);
	ck_assert_int_eq(seen->value[0], -ETIMEDOUT);
}
END_TEST

static int write_in_bits(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	int nodelay = 0;

	getsockopt(ssv_stream_fileno(stream), IPPROTO_TCP, TCP_NODELAY, &nodelay,
		&(socklen_t){sizeof(nodelay)});
	set(&seen->value[0], nodelay);
	for (int i = 0; i < 5; i++)
		ssv_stream_printf(stream, "%d", i);
	set(&seen->value[1], (int)stream->bytes_written);
	return 0;
}

static const struct ssv_handler_ops buffered = {
	.handle = write_in_bits, .wbufsize = 4096, .disable_nagle_algorithm = true};

/* StreamRequestHandler.wbufsize and disable_nagle_algorithm, which fails on Python's Unix sockets.
 */
START_TEST(buffered_output_is_sent_at_the_end_and_nagle_is_a_matter_of_tcp_alone)
{
	struct ssv_stream client;
	struct served served;

	open_server(_i, &buffered);
	serve(&served, server);
	connect_client(&client, server);
	expect_answer(&client, "01234");
	expect_end_of(&client);
	disconnect_client(&client);
	stop_and_close(&served);
	ck_assert_int_eq(seen->value[0], class->transport == SSV_TCP);
	ck_assert_int_eq(seen->value[1], 0);
	ck_assert_int_eq(seen->errors, 0);
}
END_TEST

/* RequestHandlerClass is looked at for each request. */
START_TEST(the_handler_class_may_be_exchanged_between_requests)
{
	static const char *const answers[] = {"Hello", "HELLO"};
	struct ssv_stream client;
	struct served served;

	open_server(_i, echo_descriptor.ops);
	for (int i = 0; i < 2; i++) {
		server->handler = i == 0 ? echo_descriptor.ops : upper_descriptor.ops;
		serve(&served, server);
		connect_client(&client, server);
		ask_client(&client, "Hello", answers[i]);
		disconnect_client(&client);
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
		wait_for(&seen->over);
	}
	close_server();
}
END_TEST

/* --- datagrams --- */

START_TEST(packets_at_the_same_time_are_answered_each_with_its_own)
{
	struct ssv_stream clients[16];
	struct served served;
	char text[32];
	int i;

	open_server(_i, echo_descriptor.ops);
	serve(&served, server);
	for (i = 0; i < 16; i++) {
		connect_client(&clients[i], server);
		snprintf(text, sizeof(text), "this is client %d", i);
		send_to_server(&clients[i], text);
		if (class->is_stream)
			ssv_stream_shutdown(&clients[i]);
	}
	for (i = 0; i < 16; i++) {
		snprintf(text, sizeof(text), "this is client %d", i);
		expect_answer(&clients[i], text);
		disconnect_client(&clients[i]);
	}
	stop_and_close(&served);
}
END_TEST

START_TEST(an_empty_packet_is_a_request_and_may_have_an_empty_answer)
{
	struct ssv_stream client;
	struct served served;
	char byte;

	open_server(_i, echo_descriptor.ops);
	serve(&served, server);
	connect_client(&client, server);
	ck_assert_int_eq(send(client.fd, "", 0, 0), 0);
	ck_assert_int_eq(receive(&client, &byte, 1), 0);
	disconnect_client(&client);
	stop_and_close(&served);
}
END_TEST

static int read_and_be_silent(struct ssv_handler *handler)
{
	char *line;
	ssize_t n = ssv_stream_readline(handler->request->stream, &line);

	if (n > 0 && line[0] == 'a') /* nswer! */
		n = ssv_stream_write(handler->request->stream, line, (size_t)n);
	return n > 0 && line[0] == 'f' ? -EPROTO : 0; /* ail! */
}

static const struct ssv_handler_ops silent = {.handle = read_and_be_silent};

/* Python's sends an empty datagram, even after an error. */
START_TEST(a_packet_is_answered_only_where_something_was_written)
{
	struct ssv_stream client;
	struct served served;

	open_server(_i, &silent);
	serve(&served, server);
	connect_client(&client, server);
	send_to_server(&client, "be silent\n");
	wait_for(&seen->over);
	send_to_server(&client, "fail\n");
	wait_for(&seen->over);
	ask_client(&client, "answer\n", "answer\n");
	disconnect_client(&client);
	stop_and_close(&served);
	ck_assert_int_eq(seen->errors, 1);
}
END_TEST

static int note_write(struct ssv_handler *handler)
{
	set(&seen->value[0], (int)ssv_stream_write(handler->request->stream, "who?", 4));
	return get(&seen->value[0]);
}

static const struct ssv_handler_ops noting = {.handle = note_write};

/* Python's fails with a TypeError. */
START_TEST(a_client_without_a_name_gets_no_answer_and_that_is_no_failure)
{
	struct served served;
	int fd;

	open_server(_i, &noting);
	serve(&served, server);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(sendto(fd, "hi", 2, 0, &server->server_address.socket.any,
				 server->server_address.length),
		2);
	wait_for(&seen->over);
	close(fd);
	stop_and_close(&served);
	ck_assert_int_eq(seen->value[0], 4);
	ck_assert_int_eq(seen->errors, 0);
}
END_TEST

static int note_length(struct ssv_handler *handler)
{
	set(&seen->value[0], (int)handler->request->packet_size);
	set(&seen->value[1], (int)handler->request->packet_length);
	return (int)ssv_stream_write(handler->request->stream, "ok", 2);
}

static const struct ssv_handler_ops measuring = {.handle = note_length};

/* Python cuts it silently. */
START_TEST(a_packet_longer_than_max_packet_size_is_cut_and_says_so)
{
	static const char text[101] = {'x'};
	struct ssv_stream client;
	struct served served;

	make_server(_i, &measuring);
	if (class->transport == SSV_UDP)
		any.udp.max_packet_size = 16;
	if (class->transport == SSV_UNIXGRAM)
		any.unix_datagram.max_packet_size = 16;
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	connect_client(&client, server);
	ck_assert_int_eq(send(client.fd, text, 100, 0), 100);
	expect_answer(&client, "ok");
	disconnect_client(&client);
	stop_and_close(&served);
	ck_assert_int_eq(seen->value[0], 16);
	ck_assert_int_eq(seen->value[1], 100);
	ck_assert_int_eq(logged(&events, SSV_LOG_WARNING), 1);
}
END_TEST

/* --- handle_request, service_actions, limits --- */

START_TEST(handle_request_gives_up_after_timeout_and_calls_handle_timeout)
{
	int64_t start;

	open_server(_i, &probed);
	ck_assert_int_eq(server->timeout, class->is_forking ? 300000 : SSV_FOREVER);
	server->timeout = 0;
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ck_assert_int_eq(seen->timeouts, 1);
	server->timeout = 20;
	start = ssv_now();
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ck_assert_int_ge(ssv_now() - start, 20 * 1000000);
	ck_assert_int_eq(seen->timeouts, 2);
	expect_handle_request();
	ck_assert_int_eq(seen->timeouts, 2);
	close_server();
}
END_TEST

START_TEST(serve_forever_runs_service_actions_and_handle_request_does_not)
{
	struct served served;

	make_server(_i, &probed);
	server->poll_interval = 1;
	server->timeout = 1;
	ck_assert_int_eq(ssv_server_open(server), 0);
	server->timeout = SSV_FOREVER;
	expect_handle_request();
	ck_assert_int_eq(get(&seen->services), 0);
	serve(&served, server);
	while (get(&seen->services) < 3)
		expect_service();
	ck_assert_int_eq(get(&seen->timeouts), 0);
	stop_and_close(&served);
}
END_TEST

/* bpo-35017 */
START_TEST(what_waits_when_a_stop_is_asked_for_is_left_for_the_next_run)
{
	struct ssv_stream client;
	struct served served;

	open_server(_i, &probed);
	connect_client(&client, server);
	send_to_server(&client, "hello world\n");
	ssv_server_request_stop(server);
	ck_assert_int_eq(ssv_server_serve_forever(server), 0);
	ck_assert_str_eq(seen->called, "");
	serve(&served, server);
	expect_answer(&client, "hello world\n");
	disconnect_client(&client);
	stop_and_close(&served);
}
END_TEST

static int wait_for_go(struct ssv_handler *handler)
{
	sem_post(&seen->started);
	wait_for(&seen->go);
	return send_line_back(handler);
}

static const struct ssv_handler_ops slow = {.handle = wait_for_go};

/* Python's limit does not hold there at all. */
START_TEST(max_children_holds_under_handle_request_too)
{
	struct ssv_stream clients[3];
	struct ssv_forking_mixin *forking;
	int i;

	open_server(FORKING_CLASS(_i), &slow);
	forking = forking_of(class, &any);
	forking->max_children = 2;
	for (i = 0; i < 3; i++) {
		connect_client(&clients[i], server);
		send_to_server(&clients[i], "hello\n");
	}
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(ssv_server_handle_request(server), 1);
		wait_for(&seen->started);
	}
	server->timeout = 10;
	ck_assert_int_eq(ssv_server_handle_request(server), 0);
	ck_assert_int_eq(ssv_forking_mixin_active_children(forking), 2);
	for (i = 0; i < 3; i++)
		sem_post(&seen->go);
	server->timeout = 10000;
	ck_assert_int_eq(ssv_server_handle_request(server), 1);
	for (i = 0; i < 3; i++) {
		expect_answer(&clients[i], "hello\n");
		disconnect_client(&clients[i]);
	}
	close_server();
}
END_TEST

/* --- what the system refuses --- */

static void expect_no_answer(struct ssv_stream *client)
{
	if (class->is_stream)
		expect_end_of(client);
	else
		ck_assert_int_eq(recv(client->fd, &(char){0}, 1, MSG_DONTWAIT), -1);
}

START_TEST(a_fork_that_fails_costs_that_request_alone)
{
	const int error = _i % 2 == 0 ? EAGAIN : ENOMEM;
	struct ssv_stream clients[6];
	struct ssv_counters counters;
	struct served served;
	int i;

	open_server(FORKING_CLASS(_i / 2), &probed);
	fail_forks(3, error);
	for (i = 0; i < 6; i++) {
		connect_client(&clients[i], server);
		send_to_server(&clients[i], "hello\n");
	}
	serve(&served, server);
	for (i = 1; i < 6; i++)
		expect_answer(&clients[i], "hello\n");
	expect_no_answer(&clients[0]);
	for (i = 0; i < 6; i++)
		disconnect_client(&clients[i]);
	stop_and_close(&served);
	ck_assert_int_gt(forks_tried(), 3);
	ck_assert_int_eq(seen->error[0], -error);
	ck_assert_str_eq(seen->stage[0], "process_request");
	ssv_server_counters(server, &counters);
	ck_assert_uint_eq(counters.refused, 1);
	ck_assert_uint_eq(counters.failed, 1);
	ck_assert_int_eq(seen->errors, 1);
	ck_assert_int_eq(seen->error_pid, here);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1); /* for the server rests a while */
}
END_TEST

static void set_stack_size(size_t size)
{
	struct ssv_threading_mixin *threading = threading_of(class, &any);

	pthread_mutex_lock(&threading->lock);
	threading->stack_size = size;
	pthread_mutex_unlock(&threading->lock);
}

START_TEST(a_thread_that_cannot_be_started_is_told_of_once_and_the_clients_wait)
{
	struct ssv_stream clients[3];
	struct served served;
	int i;

	open_server(THREADING_CLASS(_i), &probed);
	set_stack_size((size_t)1 << 62); /* no machine has that */
	serve(&served, server);
	for (i = 0; i < 3; i++) {
		connect_client(&clients[i], server);
		send_to_server(&clients[i], "hello\n");
	}
	while (logged(&events, SSV_LOG_WARNING) == 0)
		poll(NULL, 0, 1);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(recv(clients[i].fd, &(char){0}, 1, MSG_DONTWAIT), -1);
	set_stack_size(256 * 1024);
	for (i = 0; i < 3; i++) {
		expect_answer(&clients[i], "hello\n");
		disconnect_client(&clients[i]);
	}
	stop_and_close(&served);
	ck_assert_int_eq(events.count[SSV_LOG_WARNING], 1);
	ck_assert_int_eq(seen->errors, 0);
}
END_TEST

/* --- options of the socket --- */

static void allow_reuse_port(union any_server *of)
{
	if (class->transport == SSV_TCP)
		of->tcp.allow_reuse_port = true;
	if (class->transport == SSV_UDP)
		of->udp.allow_reuse_port = true;
}

START_TEST(addresses_are_reused_by_tcp_and_ports_by_who_asks)
{
	bool is_inet;
	union any_server other;
	struct ssv_server *second;

	open_server(_i, &probed);
	is_inet = class->transport == SSV_TCP || class->transport == SSV_UDP;
	ck_assert_int_eq(
		socket_option(server->fd, SOL_SOCKET, SO_REUSEADDR), class->transport == SSV_TCP);
	ck_assert_int_eq(socket_option(server->fd, SOL_SOCKET, SO_REUSEPORT), 0);
	close_server();
	make_server(_i, &probed);
	allow_reuse_port(&any);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(socket_option(server->fd, SOL_SOCKET, SO_REUSEPORT), is_inet);
	second = class->init(&other, &server->server_address, &probed);
	allow_reuse_port(&other);
	ck_assert_int_eq(ssv_server_open(second), is_inet ? 0 : -EADDRINUSE);
	ck_assert_int_eq(ssv_server_close(second), 0);
	close_server();
}
END_TEST

/* For a listener, tcpi_sacked is the length of its queue. */
START_TEST(request_queue_size_is_what_the_kernel_is_asked_for)
{
	struct tcp_info info = {0};

	make_server(_i, &probed);
	any.tcp.request_queue_size = 5;
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(
		getsockopt(server->fd, IPPROTO_TCP, TCP_INFO, &info, &(socklen_t){sizeof(info)}),
		0);
	ck_assert_uint_eq(info.tcpi_sacked, 5);
	close_server();
}
END_TEST

static bool has_ipv6(void)
{
	const struct sockaddr_in6 loopback = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

START_TEST(ipv6_is_served_as_well)
{
	struct served served;

	make_server(_i, &probed);
	if (has_ipv6())
		server->server_address =
			address_of(class->is_stream ? "tcp://[::1]:0" : "udp://[::1]:0");
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	expect_service();
	stop_and_close(&served);
}
END_TEST

/* Python's bind_and_activate=False */
START_TEST(bind_and_activate_work_one_by_one)
{
	struct served served;

	make_server(_i, &probed);
	ck_assert_int_eq(ssv_server_handle_request(server), -EBADF);
	ck_assert_int_eq(ssv_server_bind(server), 0);
	expect_own_address();
	ck_assert_int_eq(ssv_server_handle_request(server), -EBADF);
	ck_assert_int_eq(ssv_server_activate(server), 0);
	serve(&served, server);
	expect_service();
	stop_and_close(&served);
}
END_TEST

/* --- closing --- */

/* Python's loop spins on a descriptor that is closed, or perhaps another file by then. */
START_TEST(a_close_while_serving_ends_that_first)
{
	struct served served;

	open_server(_i, &probed);
	serve(&served, server);
	expect_service();
	close_server();
	ck_assert_int_eq(result_of(&served), 0);
	ck_assert_int_eq(ssv_server_fileno(server), -1);
}
END_TEST

static int answer_during_close(struct ssv_handler *handler)
{
	sem_post(&seen->started);
	wait_for(&seen->closing);
	return send_line_back(handler);
}

static const struct ssv_handler_ops late = {.handle = answer_during_close};

/* block_on_close. Python's threaded datagram server has closed the socket by then. */
START_TEST(close_waits_for_what_runs_and_its_answer_arrives)
{
	struct served served;
	struct ssv_stream client;

	open_server(MIXED_CLASS(_i), &late);
	serve(&served, server);
	connect_client(&client, server);
	send_to_server(&client, "hello\n");
	wait_for(&seen->started);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	close_server();
	expect_answer(&client, "hello\n");
	disconnect_client(&client);
}
END_TEST

static int read_to_the_end(struct ssv_handler *handler)
{
	char data[256];
	ssize_t n;

	sem_post(&seen->started);
	do
		n = ssv_stream_read(handler->request->stream, data, sizeof(data));
	while (n > 0);
	return (int)n;
}

static const struct ssv_handler_ops endless = {.handle = read_to_the_end};

/* Of a server that is made, and may be closed at once. */
static void expect_cut(void)
{
	struct served served;
	struct ssv_stream client;

	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
	connect_client(&client, server);
	wait_for(&seen->started);
	ck_assert_int_eq(ssv_server_shutdown(server), 0);
	ck_assert_int_eq(result_of(&served), 0);
	close_server();
	expect_end_of(&client);
	disconnect_client(&client);
}

/* Python's run on; but here they would outlive the memory of their server. */
START_TEST(without_block_on_close_it_cuts_what_runs)
{
	make_server(MIXED_CLASS(_i), &endless);
	if (class->is_threading)
		threading_of(class, &any)->block_on_close = false;
	else
		forking_of(class, &any)->block_on_close = false;
	expect_cut();
}
END_TEST

START_TEST(with_daemon_threads_close_cuts_what_runs)
{
	make_server(THREADING_CLASS(_i), &endless);
	threading_of(class, &any)->daemon_threads = true;
	expect_cut();
}
END_TEST

/* --- the real handlers, and load --- */

START_TEST(echo_and_upper_are_served)
{
	struct served served;
	struct ssv_stream client;
	int round;

	open_server(_i, echo_descriptor.ops);
	serve(&served, server);
	connect_client(&client, server);
	for (round = 0; round < 3; round++)
		ask_client(&client, "Hello, World!\n", "Hello, World!\n");
	disconnect_client(&client);
	stop_and_close(&served);
	open_server(_i, upper_descriptor.ops);
	serve(&served, server);
	connect_client(&client, server);
	for (round = 0; round < 3; round++)
		ask_client(&client, "Hello, World!\n", "HELLO, WORLD!\n");
	disconnect_client(&client);
	stop_and_close(&served);
}
END_TEST

static union any_server all[N_CLASSES];
static struct ssv_server *all_servers[N_CLASSES];

static void *serve_all(void *context)
{
	*(int *)context = ssv_serve_all(all_servers, N_CLASSES);
	return NULL;
}

/* Python has nothing like it. */
START_TEST(all_twelve_classes_are_served_by_one_call)
{
	struct ssv_stream client;
	struct ssv_address at;
	pthread_t thread;
	int i, rc = -1;

	for (i = 0; i < N_CLASSES; i++) {
		at = fresh_address(&classes[i]);
		all_servers[i] = classes[i].init(&all[i], &at, echo_descriptor.ops);
		ck_assert_int_eq(ssv_server_open(all_servers[i]), 0);
	}
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_all, &rc), 0);
	for (i = 0; i < 2 * N_CLASSES; i++) {
		connect_client(&client, all_servers[i % N_CLASSES]);
		ask_client(&client, "hello", "hello");
		disconnect_client(&client);
	}
	ck_assert_int_eq(ssv_close_all(all_servers, N_CLASSES), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(rc, 0);
}
END_TEST

#define N_CLIENTS 3

/* In seen->value. */
enum { ASKED, ANSWERED, ENOUGH };

/* One request after the other, each as a client of its own, until there have been enough. */
static bool keep_asking(int number)
{
	const char question[] = {'h', 'e', 'l', 'l', (char)('0' + number), '\n', '\0'};
	struct ssv_stream client;
	char got[sizeof(question)] = "";
	ssize_t n = 6;

	while (n == 6 && !get(&seen->value[ENOUGH])) {
		increase(&seen->value[ASKED]);
		connect_client(&client, server);
		send_to_server(&client, question);
		n = receive(&client, got, sizeof(got));
		if (strcmp(got, question) != 0)
			n = 0;
		disconnect_client(&client);
		increase(&seen->value[ANSWERED]);
		sem_post(&seen->go);
	}
	return n == 6;
}

/* Processes, not threads: the server forks, and its process is to have no other business then. */
static void start_clients(pid_t *clients, bool (*be_client)(int number))
{
	for (int i = 0; i < N_CLIENTS; i++) {
		clients[i] = fork();
		ck_assert_int_ge(clients[i], 0);
		if (clients[i] == 0)
			_exit(be_client(i) ? 0 : 1);
	}
}

static void expect_all_content(const pid_t *clients)
{
	int status;

	for (int i = 0; i < N_CLIENTS; i++) {
		ck_assert_int_eq(waitpid(clients[i], &status, 0), clients[i]);
		ck_assert_int_eq(status, 0);
	}
}

START_TEST(stops_under_load_lose_no_client)
{
	const int stops = is_long() ? 1000 : under_valgrind() ? 10 : 100;
	pid_t clients[N_CLIENTS];
	struct served served;
	int i, before;

	open_server(_i, &probed);
	start_clients(clients, keep_asking);
	for (i = 0; i < stops; i++) {
		before = get(&seen->value[ANSWERED]);
		serve(&served, server);
		while (get(&seen->value[ANSWERED]) <= before + N_CLIENTS)
			wait_for(&seen->go); /* so that this run has answered somebody */
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(&served), 0);
	}
	set(&seen->value[ENOUGH], 1);
	serve(&served, server);
	expect_all_content(clients);
	expect_service(); /* so that it does serve: a stop before that leaves no trace */
	stop_and_close(&served);
	ck_assert_int_ge(seen->value[ANSWERED], stops);
	ck_assert_int_eq(seen->value[ANSWERED], seen->value[ASKED]);
	ck_assert_int_eq(seen->errors, 0);
	counted(stops, "stops");
	counted(seen->value[ANSWERED], "replies");
}
END_TEST

/* What each client gets: a byte that is lost, doubled or another's does not go unseen. */
static char replies[N_CLIENTS][100000];

static size_t reply_size(void)
{
	return class->is_stream ? sizeof(replies[0]) : 8000;
}

static int reply_at_length(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line;
	ssize_t n = ssv_stream_readline(stream, &line);

	if (n > 0)
		n = ssv_stream_write(stream, replies[line[0] - '0'], reply_size());
	return n < 0 ? (int)n : 0;
}

static const struct ssv_handler_ops lengthy = {.handle = reply_at_length};

/*
 * All there is until the end, be it a reset; of datagrams there is one, or none once the server is
 * closed: what it has sent is there by then.
 */
static size_t receive_until_closed(struct ssv_stream *client, char *data, size_t size)
{
	size_t got = 0;
	ssize_t n;
	bool closed;

	do {
		closed = get(&seen->value[ENOUGH]);
		n = receive(client, data + got, size - got);
		got += n > 0 ? (size_t)n : 0;
	} while (class->is_stream ? n > 0 : n == -EAGAIN && !closed);
	return got;
}

/* One after the other, until nobody listens: each gets all, or nothing, having not been accepted.
 */
static bool ask_until_closed(int number)
{
	const struct timeval patience = {
		.tv_sec = class->is_stream ? 10 : 0, .tv_usec = class->is_stream ? 0 : 1000};
	const char question[] = {(char)('0' + number), '\n'};
	static char data[sizeof(replies[0]) + 1];
	char text[SSV_ADDRESS_TEXT_SIZE];
	struct ssv_stream client;
	size_t got = reply_size();

	close(server->fd); /* its copy here */
	ssv_address_format(&server->server_address, text);
	while (got == reply_size() && ssv_connect(&client, text, 10000) == 0) {
		setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		(void)!send(client.fd, question, sizeof(question), MSG_NOSIGNAL);
		got = receive_until_closed(&client, data, sizeof(data));
		disconnect_client(&client);
		if (got == reply_size() && memcmp(data, replies[number], got) == 0)
			increase(&seen->value[ANSWERED]);
		sem_post(&seen->go);
	}
	return got == 0 || got == reply_size();
}

/* Stopped before, or by it. */
static void close_under_load(struct served *served, bool stopped)
{
	if (stopped) {
		ck_assert_int_eq(ssv_server_shutdown(server), 0);
		ck_assert_int_eq(result_of(served), 0);
	}
	ck_assert_int_eq(ssv_server_close(server), 0);
	if (!stopped)
		ck_assert_int_eq(result_of(served), 0);
	set(&seen->value[ENOUGH], 1);
}

START_TEST(no_stop_nor_close_under_load_costs_an_accepted_client_a_byte_within_the_grace)
{
	const int closes = is_long() ? 1000 : under_valgrind() ? 3 : 30;
	struct ssv_counters counters;
	pid_t clients[N_CLIENTS];
	struct served served;
	int answered = 0;

	for (int i = 0; i < N_CLIENTS; i++)
		fill_with_noise(replies[i], sizeof(replies[i]), (unsigned int)i);
	for (int i = 0; i < closes; i++) {
		open_server(_i, &lengthy);
		server->grace = 10000;
		set(&seen->value[ANSWERED], 0);
		set(&seen->value[ENOUGH], 0);
		start_clients(clients, ask_until_closed);
		serve(&served, server);
		while (get(&seen->value[ANSWERED]) < N_CLIENTS)
			wait_for(&seen->go);
		close_under_load(&served, i % 2 != 0);
		expect_all_content(clients);
		ssv_server_counters(server, &counters);
		ck_assert_int_eq(counters.accepted, get(&seen->value[ANSWERED]));
		answered += get(&seen->value[ANSWERED]);
	}
	counted(closes, "closes");
	counted(answered, "replies");
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("parity");
	TCase *cases[] = {topic(suite, "lifecycle"), topic(suite, "failures"),
		topic(suite, "handlers"), topic(suite, "options"), topic(suite, "closing"),
		topic(suite, "load")};

	for (int i = 0; i < LENGTH(cases); i++) {
		tcase_add_unchecked_fixture(cases[i], set_up_all, tear_down_all);
		tcase_add_checked_fixture(cases[i], set_up, tear_down);
	}
#define ADD(i, test, ...) tcase_add_loop_test(cases[i], test, __VA_ARGS__)
	ADD(0, three_clients_in_a_row_get_their_line_back_and_nothing_is_left, ALL_CLASSES);
	ADD(0, a_shutdown_right_after_the_start_always_returns_and_always_ends_it, ALL_CLASSES);
	ADD(0, a_server_that_never_served_can_be_closed, ALL_CLASSES);
	ADD(0, a_thousand_failing_binds_say_so_and_leak_nothing, ALL_CLASSES);
	ADD(0, close_closes_the_socket, ALL_CLASSES);
	ADD(0, a_program_that_the_host_starts_inherits_no_descriptor, ALL_CLASSES);
	ADD(0, after_ten_requests_fewer_than_ten_threads_or_children_are_kept, ALL_CLASSES);

	ADD(1, a_request_goes_through_every_method_in_order, BOTH_WAYS);
	ADD(1, a_request_that_get_request_fails_with_is_closed_and_nobody_is_told, BOTH_WAYS);
	ADD(1, get_request_may_end_the_serving, BOTH_WAYS);
	ADD(1, a_request_that_is_not_verified_is_shut_down_once_and_nobody_is_told, BOTH_WAYS);
	ADD(1, a_failing_verify_request_costs_that_request_alone, BOTH_WAYS);
	ADD(1, verify_request_may_end_the_serving, BOTH_WAYS);
	ADD(1, a_failing_process_request_is_told_and_the_request_shut_down, BOTH_WAYS);
	ADD(1, process_request_may_end_the_serving, BOTH_WAYS);
	ADD(1, where_setup_fails_neither_handle_nor_finish_runs, BOTH_WAYS);
	ADD(1, setup_may_end_a_synchronous_server, BOTH_WAYS);
	ADD(1, a_failing_handler_finishes_and_is_told_of_where_it_ran, BOTH_WAYS);
	ADD(1, a_handler_may_end_a_synchronous_server_or_else_its_thread_or_child_and_nobody_is_told,
		BOTH_WAYS);
	ADD(1, a_failing_finish_is_told_of, BOTH_WAYS);
	ADD(1, where_handle_and_finish_fail_both_are_told_of_handle_first, BOTH_WAYS);
	ADD(1, an_exit_of_handle_is_not_hidden_by_a_failing_finish, BOTH_WAYS);
	ADD(1, a_child_ends_with_0_or_with_1_after_an_error_or_an_exit, 0, N_FORKING_CLASSES);
	ADD(1, handle_error_may_close_the_request_itself, ALL_CLASSES);
	ADD(1, a_request_whose_client_is_gone_is_shut_down_once, ALL_CLASSES);
	ADD(1, failing_service_actions_cost_nobody_anything, ALL_CLASSES);
	ADD(1, service_actions_may_end_the_serving, ALL_CLASSES);

	ADD(1, a_fork_that_fails_costs_that_request_alone, 0, 2 * N_FORKING_CLASSES);
	ADD(1, a_thread_that_cannot_be_started_is_told_of_once_and_the_clients_wait, 0,
		N_THREADING_CLASSES);

	ADD(2, a_stream_has_the_descriptor_of_its_connection_and_pythons_methods, ALL_CLASSES);
	ADD(2, a_write_that_signals_interrupt_arrives_whole_and_without_a_flush, STREAM_CLASSES);
	ADD(2, a_silent_client_is_a_time_out_after_which_the_stream_still_works, STREAM_CLASSES);
	ADD(2, buffered_output_is_sent_at_the_end_and_nagle_is_a_matter_of_tcp_alone,
		STREAM_CLASSES);
	ADD(2, the_handler_class_may_be_exchanged_between_requests, ALL_CLASSES);
	ADD(2, packets_at_the_same_time_are_answered_each_with_its_own, ALL_CLASSES);
	ADD(2, an_empty_packet_is_a_request_and_may_have_an_empty_answer, DATAGRAM_CLASSES);
	ADD(2, a_packet_is_answered_only_where_something_was_written, DATAGRAM_CLASSES);
	ADD(2, a_client_without_a_name_gets_no_answer_and_that_is_no_failure, UNIXGRAM_CLASSES);
	ADD(2, a_packet_longer_than_max_packet_size_is_cut_and_says_so, DATAGRAM_CLASSES);

	ADD(3, handle_request_gives_up_after_timeout_and_calls_handle_timeout, ALL_CLASSES);
	ADD(3, serve_forever_runs_service_actions_and_handle_request_does_not, ALL_CLASSES);
	ADD(3, what_waits_when_a_stop_is_asked_for_is_left_for_the_next_run, ALL_CLASSES);
	ADD(3, max_children_holds_under_handle_request_too, 0, N_FORKING_CLASSES);
	ADD(3, addresses_are_reused_by_tcp_and_ports_by_who_asks, ALL_CLASSES);
	ADD(3, request_queue_size_is_what_the_kernel_is_asked_for, TCP_CLASSES);
	ADD(3, ipv6_is_served_as_well, TCP_CLASSES);
	ADD(3, ipv6_is_served_as_well, UDP_CLASSES);
	ADD(3, bind_and_activate_work_one_by_one, ALL_CLASSES);

	ADD(4, a_close_while_serving_ends_that_first, ALL_CLASSES);
	ADD(4, close_waits_for_what_runs_and_its_answer_arrives, 0, N_MIXED_CLASSES);
	ADD(4, without_block_on_close_it_cuts_what_runs, 0, N_MIXED_STREAM_CLASSES);
	ADD(4, with_daemon_threads_close_cuts_what_runs, 0, N_THREADING_STREAM_CLASSES);

	ADD(5, echo_and_upper_are_served, ALL_CLASSES);
	ADD(5, all_twelve_classes_are_served_by_one_call, 0, 1);
	ADD(5, stops_under_load_lose_no_client, ALL_CLASSES);
	ADD(5, no_stop_nor_close_under_load_costs_an_accepted_client_a_byte_within_the_grace,
		ALL_CLASSES);
	tcase_set_timeout(cases[5], is_long() ? 60 : 4);
#undef ADD
	return suite;
}

int main(void)
{
	return run_suite(suite());
}
