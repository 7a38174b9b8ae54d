/**
 * Children of a forking server that a signal ends or stops, at every stage of a request: who is
 * served by another child loses nothing, and the place is given back within a second; of one that
 * was stopped, of its deadline. SSV_LONG=1 in the environment: ten times as many at random
 * instants.
 */
#include "classes.h"
#include "clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_BYSTANDERS 3
#define DEADLINE_MS 400 /* of a victim that is stopped */
#define PLACE_MS 1000   /* in which its place is given back */
#define TRIES 3         /* of one that took longer, on a machine that may be busy */

enum stage { START, SETUP, BEFORE_READING, AFTER_READING, WRITING, FINISH, SHUTDOWN, N_STAGES };
static const int signals[] = {SIGKILL, SIGSEGV, SIGABRT, SIGSTOP, SIGTERM};

static union any_server any;
static struct ssv_server *server;
static struct ssv_forking_mixin *mixin;
static struct ssv_layer watching;
static struct served served;
static struct kept_log events;
static int bystanders[N_BYSTANDERS];
static int notes[2]; /* a pipe: a victim says that it is there */

/* What a child is, and where it waits for its end: a copy of what there was at the fork. */
static bool is_victim;
static enum stage wanted;

static int ends, last_status; /* of children, as the parent has learnt of them */
static int late_kills;        /* of those that were at their end already */

/* What children say of themselves. */
static struct {
	pid_t finishing; /* the last one that was */
} * shared;

static void count_end(struct ssv_forking_mixin *of, pid_t pid, int status)
{
	(void)of;
	late_kills +=
		WIFSIGNALED(status) && __atomic_load_n(&shared->finishing, __ATOMIC_SEQ_CST) == pid;
	__atomic_store_n(&last_status, status, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&ends, 1, __ATOMIC_SEQ_CST);
}

static void expect_ends(int n)
{
	while (__atomic_load_n(&ends, __ATOMIC_SEQ_CST) < n)
		poll(NULL, 0, 1);
}

/* --- in the child --- */

/* A sanitizer has handlers of its own. */
static void die_as_usual(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
}

static int reach(enum stage stage)
{
	if (!is_victim || stage != wanted)
		return 0;
	die_as_usual();
	if (write(notes[1], "!", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void child_start(struct ssv_forking_mixin *of, struct ssv_request *request)
{
	(void)of;
	(void)request;
	reach(START);
}

static int setup(struct ssv_handler *handler)
{
	(void)handler;
	return reach(SETUP);
}

/* More than its client reads. */
static void reach_writing(struct ssv_stream *stream)
{
	static char much[16 * 1024 * 1024];

	if (!is_victim || wanted != WRITING)
		return;
	die_as_usual();
	if (write(notes[1], "!", 1) != 1)
		_exit(1);
	ssv_stream_write(stream, much, sizeof(much));
}

/* Lines are echoed: of a victim one. */
static int handle(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char *line;
	ssize_t n;

	reach(BEFORE_READING);
	while ((n = ssv_stream_readline(stream, &line)) > 0) {
		reach(AFTER_READING);
		reach_writing(stream);
		n = ssv_stream_write(stream, line, (size_t)n);
		if (n < 0 || is_victim)
			break;
	}
	return n < 0 ? (int)n : 0;
}

/* For a millisecond, so that it can be met there. */
static int finish(struct ssv_handler *handler)
{
	(void)handler;
	__atomic_store_n(&shared->finishing, getpid(), __ATOMIC_SEQ_CST);
	poll(NULL, 0, 1);
	return reach(FINISH);
}

static const struct ssv_handler_ops lines = {.setup = setup, .handle = handle, .finish = finish};

static void shutdown_request(struct ssv_layer *layer, struct ssv_request *request)
{
	reach(SHUTDOWN);
	ssv_super_shutdown_request(layer, request);
}

/* --- in the parent --- */

/* Before the fork: a victim alone has a deadline. */
static int verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	if (__atomic_load_n(&is_victim, __ATOMIC_SEQ_CST))
		ssv_stream_set_deadline(request->stream, DEADLINE_MS);
	return ssv_super_verify_request(layer, request);
}

static const struct ssv_layer_ops watching_ops = {
	.verify_request = verify_request, .shutdown_request = shutdown_request};

static void serve_class(const struct server_class *class)
{
	struct ssv_address at = fresh_address(class);

	ck_assert_int_eq(pipe2(notes, O_CLOEXEC), 0);
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	signal(SIGTERM, SIG_DFL); /* Check has its own */
	server = class->init(&any, &at, &lines);
	mixin = forking_of(class, &any);
	mixin->child_start = child_start;
	mixin->child_exited = count_end;
	mixin->max_children = N_BYSTANDERS + 1;
	ssv_server_link(server, &watching, &watching_ops);
	keep_log(&events, server);
	ck_assert_int_eq(ssv_server_open(server), 0);
	serve(&served, server);
}

/* Not close(2) alone: children that were forked meanwhile hold this end as well. */
static void hang_up(int client)
{
	shutdown(client, SHUT_RDWR);
	close(client);
}

static int connect_and_say(const char *line)
{
	int client = connect_to(server);

	ck_assert_int_eq(send(client, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
	return client;
}

static void let_bystanders_in(void)
{
	for (int i = 0; i < N_BYSTANDERS; i++)
		ask(bystanders[i] = connect_and_say("here\n"), "", "here\n");
}

static void expect_bystanders_served(void)
{
	for (int i = 0; i < N_BYSTANDERS; i++)
		ask(bystanders[i], "still here\n", "still here\n");
}

static void end_all(void)
{
	for (int i = 0; i < N_BYSTANDERS; i++)
		hang_up(bystanders[i]);
	stop_and_close(&served);
	expect_no_children();
	close(notes[0]);
	close(notes[1]);
}

static pid_t newest;

static int note_pid(pid_t pid, const struct ssv_request *request, void *context)
{
	(void)request;
	(void)context;
	newest = pid;
	return 1;
}

/* That of the child which has all places taken. */
static pid_t last_child(void)
{
	while (ssv_forking_mixin_active_children(mixin) <= N_BYSTANDERS)
		poll(NULL, 0, 1);
	ck_assert_int_eq(ssv_forking_mixin_each_child(mixin, note_pid, NULL), 1);
	return newest;
}

/* A client whose child waits at the stage; and its process id. */
static int begin_victim(enum stage stage, pid_t *pid)
{
	int client;
	char there;

	wanted = stage;
	__atomic_store_n(&is_victim, true, __ATOMIC_SEQ_CST);
	client = connect_and_say("mine\n");
	ck_assert_int_eq(read(notes[0], &there, 1), 1);
	if (stage == WRITING) /* it has begun to */
		ck_assert_int_eq(recv(client, &there, 1, MSG_PEEK), 1);
	*pid = last_child();
	__atomic_store_n(&is_victim, false, __ATOMIC_SEQ_CST);
	return client;
}

static void expect_reply_until(enum stage stage, int client)
{
	char data[65536];

	if (stage == FINISH || stage == SHUTDOWN)
		ask(client, "", "mine\n");
	while (stage == WRITING && recv(client, data, sizeof(data), 0) > 0)
		;
	expect_end(client);
}

/* Whether its place was given back in time. */
static bool end_victim(enum stage stage, int signal)
{
	const bool stops = signal == SIGSTOP;
	const int64_t limit = (PLACE_MS + (stops ? DEADLINE_MS : 0)) * INT64_C(1000000);
	const int before = __atomic_load_n(&ends, __ATOMIC_SEQ_CST);
	int victim, next;
	int64_t took;
	pid_t pid;

	victim = begin_victim(stage, &pid);
	next = connect_and_say("next\n"); /* for whom there is no place */
	expect_bystanders_served();
	took = -ssv_now();
	ck_assert_int_eq(kill(pid, signal), 0);
	ask(next, "", "next\n");
	took += ssv_now();
	ck_assert_int_eq(WTERMSIG(__atomic_load_n(&last_status, __ATOMIC_SEQ_CST)),
		stops ? SIGKILL : signal);
	ck_assert_int_ge(logged(&events, SSV_LOG_WARNING), 1);
	expect_reply_until(stage, victim);
	expect_bystanders_served();
	hang_up(next);
	expect_ends(before + 2);
	close(victim);
	return took <= limit;
}

START_TEST(a_child_that_is_ended_at_any_stage_touches_nobody_else)
{
	const int signal = signals[_i / N_STAGES % LENGTH(signals)];
	int tries = 1;

	serve_class(&classes[FORKING_CLASS(_i / (N_STAGES * LENGTH(signals)))]);
	let_bystanders_in();
	while (!end_victim((enum stage)(_i % N_STAGES), signal))
		ck_assert_int_lt(tries++, TRIES);
	end_all();
	counted(1, "kills");
}
END_TEST

static void pause_for_up_to_2_ms(unsigned int *seed)
{
	const struct timespec pause = {.tv_nsec = rand_r(seed) % 2000 * 1000L};

	nanosleep(&pause, NULL);
}

/* Not chosen by the test: whatever the child is about just then; every other one is about to end.
 */
START_TEST(children_that_are_ended_at_random_instants_touch_nobody_else)
{
	const int times = is_long() ? 1000 : under_valgrind() ? 10 : 100;
	const char *given = getenv("SSV_SEED");
	const int deadly[] = {SIGKILL, SIGSEGV, SIGABRT, SIGTERM};
	unsigned int seed = given == NULL ? 4 : (unsigned int)strtoul(given, NULL, 10);
	int victim, i, killed = 0;
	pid_t bystander;

	serve_class(&classes[FORKING_CLASS(_i)]);
	let_bystanders_in();
	while (ssv_forking_mixin_active_children(mixin) < N_BYSTANDERS)
		poll(NULL, 0, 1);
	ssv_forking_mixin_each_child(mixin, note_pid, NULL);
	bystander = newest;
	for (i = 0; i < times; i++) {
		victim = connect_and_say("one\n");
		if (i % 2 == 1)
			hang_up(victim);
		pause_for_up_to_2_ms(&seed);
		newest = bystander;
		ssv_forking_mixin_each_child(mixin, note_pid, NULL);
		if (newest != bystander)
			killed += kill(newest, deadly[rand_r(&seed) % LENGTH(deadly)]) == 0;
		if (i % 10 == 0)
			expect_bystanders_served();
		if (i % 2 == 0)
			hang_up(victim);
		expect_ends(i + 1);
	}
	expect_bystanders_served();
	ck_assert_int_gt(killed, times / 4);
	if (!under_valgrind())
		ck_assert_int_gt(late_kills, 0);
	counted(killed, "kills");
	end_all();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kill_matrix");
	TCase *tcase = topic(suite, "kill_matrix");

	tcase_set_timeout(tcase, 10);
	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	tcase_add_loop_test(tcase, a_child_that_is_ended_at_any_stage_touches_nobody_else, 0,
		N_FORKING_STREAM_CLASSES * N_STAGES * LENGTH(signals));
	tcase_add_loop_test(tcase, children_that_are_ended_at_random_instants_touch_nobody_else, 0,
		N_FORKING_STREAM_CLASSES);
	return run_suite(suite);
}
