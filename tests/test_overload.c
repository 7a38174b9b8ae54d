/**
 * What the system does not give for a while: descriptors, memory, threads, processes. The server
 * costs next to nothing meanwhile, says so once, goes on with those that it has, and takes the next
 * client at once when something of its own is given back, and within a second when something of
 * others is. SSV_LONG=1 in the environment: each lasts 5 seconds. test_overload_real.py has the
 * same of the program, under limits of the kernel's.
 */
#include "classes.h"
#include "clock.h"
#include "faults.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* The servers of a test, which suffer side by side. */
static struct suffering {
	const struct server_class *class;
	union any_server any;
	struct ssv_server *server;
	struct served served;
	struct kept_log events;
	int good[8], n_good; /* clients that are being served */
	int waiting;         /* and one that is not */
} suffering[N_CLASSES];
static int n_suffering;

#define FOR_ALL(each)                                                                              \
	for (struct suffering *each = suffering; each < suffering + n_suffering; each++)

/* In ms. */
static int hold_time(void)
{
	return is_long() ? 5200 : 1200; /* a rest of a second has just begun */
}

static int64_t milliseconds(void)
{
	return ssv_now() / 1000000;
}

static int64_t cpu_time(void)
{
	struct rusage used, of_children;

	getrusage(RUSAGE_SELF, &used);
	getrusage(RUSAGE_CHILDREN, &of_children);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec + of_children.ru_utime.tv_sec +
		       of_children.ru_stime.tv_sec) *
		       1000 +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec + of_children.ru_utime.tv_usec +
		       of_children.ru_stime.tv_usec) /
		       1000;
}

static bool is_answered(int client, int patience)
{
	struct pollfd polled = {.fd = client, .events = POLLIN};

	return poll(&polled, 1, patience) > 0;
}

/* Not close(2) alone: children that were forked meanwhile hold this end as well. */
static void hang_up(int client)
{
	shutdown(client, SHUT_RDWR);
	close(client);
}

/* --- before --- */

static void start(const struct server_class *class)
{
	struct suffering *each = &suffering[n_suffering++];
	struct ssv_address at = fresh_address(class);

	*each = (struct suffering){.class = class, .waiting = -1};
	each->server = class->init(&each->any, &at, &echo_handler);
	keep_log(&each->events, each->server);
	ck_assert_int_eq(ssv_server_open(each->server), 0);
	serve(&each->served, each->server);
}

static int begin(struct suffering *each)
{
	int client = connect_to(each->server);

	(void)!send(client, "first", 5, MSG_NOSIGNAL); /* it may be lost already */
	return client;
}

static void take_in(struct suffering *each, int client)
{
	ask(client, "", "first");
	ck_assert_int_lt(each->n_good, LENGTH(each->good));
	each->good[each->n_good++] = client;
}

/* A synchronous server that has a client does not look at its listener. */
static void take_one_in(struct suffering *each)
{
	if (each->class->is_threading || each->class->is_forking)
		take_in(each, begin(each));
}

/* --- meanwhile --- */

/* Threads that were waiting in the kernel already still get a client each. */
static void let_one_wait(struct suffering *each)
{
	int64_t until = milliseconds() + 10000;

	each->waiting = begin(each);
	while (logged(&each->events, SSV_LOG_WARNING) == 0 || is_answered(each->waiting, 50)) {
		ck_assert_msg(milliseconds() < until, "%s: no fault", each->class->name);
		if (!is_answered(each->waiting, 1))
			continue;
		take_in(each, each->waiting);
		each->waiting = begin(each);
	}
}

static void expect_good_service(const struct suffering *each)
{
	for (int i = 0; i < each->n_good; i++)
		ask(each->good[i], "good as ever", "good as ever");
}

/* One percent of a core for each server; what a sanitizer or valgrind costs is not theirs. */
static void expect_rest(void)
{
	int64_t cpu = cpu_time();

	poll(NULL, 0, hold_time());
	cpu = cpu_time() - cpu;
	if (!under_valgrind() && !under_sanitizer())
		ck_assert_int_le(cpu, (int64_t)n_suffering * hold_time() / 100);
}

/* --- after --- */

/* How long it takes until the waiting client is served, in ms. */
static int64_t wait_for_service(struct suffering *each)
{
	int64_t start = milliseconds();

	take_in(each, each->waiting);
	each->waiting = -1;
	return milliseconds() - start;
}

/* At once where one of our own is given back (over TCP here), or else within a second. */
static bool recovers_in_time(struct suffering *each)
{
	bool own = each->class->transport == SSV_TCP && each->n_good > 0;

	if (own)
		hang_up(each->good[--each->n_good]);
	return wait_for_service(each) <= (own ? 100 : 1050);
}

static void end(struct suffering *each)
{
	expect_good_service(each);
	while (each->n_good > 0)
		hang_up(each->good[--each->n_good]);
	stop_and_close(&each->served);
}

/* --- all of it --- */

/* Whether it recovered in time, on a machine that may be busy. */
static bool suffer(enum fault_call call, int error, void (*first)(struct suffering *each))
{
	bool in_time = true;

	FOR_ALL(each)
	take_one_in(each);
	faults_arm(call, error, 1, true);
	FOR_ALL(each)
	first(each);
	FOR_ALL(each)
	let_one_wait(each);
	expect_rest();
	ck_assert_int_ge(faults_fired(), n_suffering);
	FOR_ALL(each)
	{
		expect_good_service(each);
		ck_assert(!is_answered(each->waiting, 0));
		ck_assert_int_eq(logged(&each->events, SSV_LOG_WARNING), 1);
	}
	faults_disarm();
	FOR_ALL(each)
	in_time &= recovers_in_time(each);
	FOR_ALL(each)
	end(each);
	n_suffering = 0;
	return in_time;
}

#define TRIES 3

static void lose_none(struct suffering *each)
{
	ck_assert_int_eq(logged(&each->events, SSV_LOG_ERROR), 0);
}

static const int errors_of_accept[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};

START_TEST(out_of_descriptors_or_memory_it_rests_and_recovers)
{
	bool in_time = false;

	for (int try = 0; try < TRIES && !in_time; try++) {
		for (int i = 0; i < 6; i++)
			start(&classes[i]);
		in_time = suffer(FAULT_accept4, errors_of_accept[_i], lose_none);
	}
	ck_assert(in_time || under_valgrind());
}
END_TEST

START_TEST(without_further_threads_it_rests_and_recovers)
{
	bool in_time = false;

	for (int try = 0; try < TRIES && !in_time; try++) {
		for (int i = 0; i < N_THREADING_STREAM_CLASSES; i++)
			start(&classes[THREADING_CLASS(i)]);
		in_time = suffer(FAULT_pthread_create, EAGAIN, lose_none);
	}
	ck_assert(in_time || under_valgrind());
}
END_TEST

/* Who is accepted before it shows that there is no process for it is lost, and nobody else. */
static void lose_one(struct suffering *each)
{
	int lost = begin(each);

	expect_end(lost);
	close(lost);
	ck_assert_int_eq(logged(&each->events, SSV_LOG_ERROR), 1);
}

START_TEST(without_further_processes_it_rests_and_recovers)
{
	bool in_time = false;

	for (int try = 0; try < TRIES && !in_time; try++) {
		for (int i = 0; i < N_FORKING_STREAM_CLASSES; i++)
			start(&classes[FORKING_CLASS(i)]);
		in_time = suffer(FAULT_fork, _i == 0 ? EAGAIN : ENOMEM, lose_one);
	}
	ck_assert(in_time || under_valgrind());
}
END_TEST

/* --- what is not done for want of memory is not left out --- */

static struct suffering *serve_handler(const struct server_class *class,
	const struct ssv_handler_ops *handler, enum fault_call fails)
{
	struct suffering *each = &suffering[0];
	struct ssv_address at = fresh_address(class);

	each->server = class->init(&each->any, &at, handler);
	ck_assert_int_eq(ssv_server_open(each->server), 0);
	faults_arm(fails, ENOMEM, 1, true);
	serve(&each->served, each->server);
	return each;
}

static int tell_of_signals(struct ssv_handler *handler)
{
	sigset_t blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	return (int)ssv_stream_printf(handler->request->stream, "%s",
		sigismember(&blocked, SIGUSR1) ? "blocked" : "taken");
}

/* That end tells the epoll of the listener again. */
START_TEST(without_room_for_watches_at_the_end_of_a_run_the_server_is_as_good_as_before)
{
	struct suffering *each = &suffering[0];
	struct ssv_stream client;
	int64_t before;

	faults_share();
	start(&classes[_i]);
	connect_client(&client, each->server);
	ask_client(&client, "first", "first");
	disconnect_client(&client);
	faults_arm(FAULT_epoll_ctl, ENOSPC, 1, true);
	ssv_server_request_stop(each->server);
	ck_assert_int_eq(result_of(&each->served), 0);
	ck_assert_int_gt(faults_fired(), 0);
	faults_disarm();

	each->server->timeout = 200;
	before = cpu_time();
	while (ssv_server_handle_request(each->server) > 0)
		; /* what was left of the first client */
	ck_assert_int_lt(cpu_time() - before, 100);
	connect_client(&client, each->server);
	ck_assert_int_eq(ssv_stream_write(&client, "second", 6), 6);
	each->server->timeout = 5000;
	if (each->class->is_stream)
		disconnect_client(&client);
	ck_assert_int_eq(ssv_server_handle_request(each->server), 1);
	if (!each->class->is_stream)
		disconnect_client(&client);
	ck_assert_int_eq(ssv_server_close(each->server), 0);
}
END_TEST

START_TEST(without_memory_no_thread_takes_the_hosts_signals)
{
	static const struct ssv_handler_ops handler = {.handle = tell_of_signals};
	struct suffering *each = serve_handler(
		&classes[THREADING_CLASS(0)], &handler, FAULT_pthread_attr_setsigmask_np);
	int client = connect_to(each->server);

	while (faults_fired() == 0)
		poll(NULL, 0, 1);
	faults_disarm();
	ask(client, "", "blocked");
	close(client);
	stop_and_close(&each->served);
}
END_TEST

static pid_t host;
static int *exits; /* in processes that are not the host */

static void note_exit(void)
{
	if (getpid() != host)
		++*exits;
}

static int leave(struct ssv_handler *handler)
{
	(void)handler;
	exit(0); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

START_TEST(without_memory_no_child_runs_the_hosts_exit_handlers)
{
	static const struct ssv_handler_ops handler = {.handle = leave};
	struct suffering *each;
	int client;

	host = getpid();
	exits = mmap(
		NULL, sizeof(*exits), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(atexit(note_exit), 0);
	each = serve_handler(&classes[FORKING_CLASS(0)], &handler, FAULT_on_exit);
	client = connect_to(each->server);
	expect_end(client);
	close(client);
	stop_and_close(&each->served);
	ck_assert_int_eq(*exits, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("overload");
	TCase *tcase = topic(suite, "overload");

	tcase_set_timeout(tcase, 20);
	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	FOR_EACH(tcase, out_of_descriptors_or_memory_it_rests_and_recovers, errors_of_accept);
	tcase_add_test(tcase, without_further_threads_it_rests_and_recovers);
	tcase_add_loop_test(tcase, without_further_processes_it_rests_and_recovers, 0, 2);
	FOR_EACH(tcase,
		without_room_for_watches_at_the_end_of_a_run_the_server_is_as_good_as_before,
		classes);
	tcase_add_test(tcase, without_memory_no_thread_takes_the_hosts_signals);
	tcase_add_test(tcase, without_memory_no_child_runs_the_hosts_exit_handlers);
	return run_suite(suite);
}
