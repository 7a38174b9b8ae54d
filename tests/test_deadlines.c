/**
 * The limits of time, within a tenth: of a silent client, of a client that does not read, of a
 * whole request; on a handler that waits in our I/O in every mode, and in a child on one that waits
 * anywhere. All of them side by side, in servers of their own.
 */
#include "classes.h"
#include "clock.h"

#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define NS INT64_C(1000000) /* in a millisecond */
#define TRIES 20 /* of one that was late, on a machine that may be busy; never too early */

/* What the client does, and which limit it meets. */
enum kind {
	SILENT,         /* says nothing: timeout */
	SILENT_LATER,   /* nothing any more, after some bytes, of which each began the time anew */
	UNREAD,         /* does not read: write_timeout */
	DRIBBLE,        /* a byte now and then: deadline */
	UNREAD_REQUEST, /* does not read what comes in many writes: deadline */
	STUCK,          /* waits for a handler that waits for nothing: deadline */
	N_KINDS
};

static const char *const kind_names[] = {
	"silent", "silent later", "unread", "dribble", "unread request", "stuck"};

/* Of a request; children note it, too. */
struct times {
	int64_t begun, ended;
};

static struct trial {
	const struct server_class *class;
	enum kind kind;
	int limit; /* ms */
	union any_server any;
	struct ssv_server *server;
	struct served served;
	struct kept_log events;
	struct times *times;
	int client, sent;
	int64_t start, next; /* when the limit began, and when there is a byte to be sent */
	int64_t took;        /* or -1 */
} trials[2 * 3 * N_KINDS];
static int n_trials;

#define FOR_ALL(trial) for (struct trial *trial = trials; trial < trials + n_trials; trial++)

/* --- the handlers --- */

static char much[32 << 20]; /* more than any buffers take */

static int read_all(struct ssv_handler *handler)
{
	char data[64];
	ssize_t n;

	do
		n = ssv_stream_read(handler->request->stream, data, sizeof(data));
	while (n > 0);
	return (int)n;
}

static int write_much(struct ssv_handler *handler)
{
	struct times *times = handler->server->user;
	ssize_t n;

	times->begun = ssv_now();
	n = ssv_stream_write(handler->request->stream, much, sizeof(much));
	__atomic_store_n(&times->ended, ssv_now(), __ATOMIC_SEQ_CST);
	return n < 0 ? (int)n : 0;
}

static int write_often(struct ssv_handler *handler)
{
	struct times *times = handler->server->user;
	ssize_t n;

	do
		n = ssv_stream_write(handler->request->stream, much, 65536);
	while (n > 0);
	__atomic_store_n(&times->ended, ssv_now(), __ATOMIC_SEQ_CST);
	return (int)n;
}

static int wait_for_ever(struct ssv_handler *handler)
{
	(void)handler;
	while (pause() < 0)
		;
	return 0;
}

static const struct ssv_handler_ops handlers[N_KINDS] = {
	[SILENT] = {.handle = read_all},
	[SILENT_LATER] = {.handle = read_all},
	[UNREAD] = {.handle = write_much},
	[DRIBBLE] = {.handle = read_all},
	[UNREAD_REQUEST] = {.handle = write_often},
	[STUCK] = {.handle = wait_for_ever},
};

/* --- a trial --- */

static void set_limit(struct ssv_limits *limits, enum kind kind, int limit)
{
	if (kind == SILENT || kind == SILENT_LATER)
		limits->timeout = limit;
	else if (kind == UNREAD)
		limits->write_timeout = limit;
	else
		limits->deadline = limit;
	limits->linger_timeout = 10; /* for these there is a limit of its own */
}

/* Bytes at intervals of a third of the limit: three of them, or for ever. */
static void send_a_byte(struct trial *trial, int64_t now)
{
	const int most = trial->kind == DRIBBLE ? 1000 : trial->kind == SILENT_LATER ? 3 : 0;

	if (trial->sent >= most || trial->next > now)
		return;
	if (trial->kind == SILENT_LATER && now - trial->start > trial->limit * NS / 2) {
		trial->took = SSV_NEVER; /* it is the test that is late */
		return;
	}
	trial->next = now + trial->limit * NS / 3;
	trial->sent++;
	if (trial->kind == SILENT_LATER)
		trial->start = now;
	(void)!send(trial->client, "x", 1, MSG_NOSIGNAL);
}

static void begin(struct trial *trial)
{
	struct ssv_address at = fresh_address(trial->class);

	trial->server = trial->class->init(&trial->any, &at, &handlers[trial->kind]);
	keep_log(&trial->events, trial->server);
	set_limit(&trial->server->limits, trial->kind, trial->limit);
	*trial->times = (struct times){0};
	trial->server->user = trial->times;
	ck_assert_int_eq(ssv_server_open(trial->server), 0);
	serve(&trial->served, trial->server);
	trial->took = -1;
	trial->sent = 0;
	trial->start = trial->next = ssv_now();
	trial->client = connect_to(trial->server);
	send_a_byte(trial, ssv_now());
}

static void end(struct trial *trial)
{
	shutdown(trial->client, SHUT_RDWR);
	close(trial->client);
	stop_and_close(&trial->served);
}

/* Whether the server has ended it. A client that does not read cannot know. */
static bool is_over(const struct trial *trial)
{
	struct pollfd polled = {.fd = trial->client, .events = POLLIN};

	if (trial->kind == UNREAD || trial->kind == UNREAD_REQUEST)
		return __atomic_load_n(&trial->times->ended, __ATOMIC_SEQ_CST) != 0;
	return poll(&polled, 1, 0) > 0;
}

static int64_t time_taken(const struct trial *trial)
{
	if (trial->kind == UNREAD)
		return trial->times->ended - trial->times->begun;
	if (trial->kind == UNREAD_REQUEST)
		return trial->times->ended - trial->start;
	return ssv_now() - trial->start;
}

/* Whether all are over. */
static bool look_at_all(void)
{
	bool all = true;

	FOR_ALL(trial)
	{
		if (trial->took >= 0)
			continue;
		send_a_byte(trial, ssv_now());
		if (trial->took < 0 && is_over(trial))
			trial->took = time_taken(trial);
		all &= trial->took >= 0;
	}
	return all;
}

static bool is_late(const struct trial *trial)
{
	return trial->took > trial->limit * NS * 11 / 10;
}

/* Those that were in time need no further try. */
static void keep_the_late(void)
{
	int n = 0;

	FOR_ALL(trial)
	{
		ck_assert_msg(trial->took >= trial->limit * NS, "%s, %s, %d ms: after %d ms",
			trial->class->name, kind_names[trial->kind], trial->limit,
			(int)(trial->took / NS));
		if (is_late(trial))
			trials[n++] = (struct trial){.class = trial->class,
				.kind = trial->kind,
				.limit = trial->limit,
				.took = trial->took,
				.times = trial->times};
	}
	n_trials = n;
}

static void try_all(void)
{
	FOR_ALL(trial)
	begin(trial);
	while (!look_at_all())
		poll(NULL, 0, 2);
	FOR_ALL(trial)
	end(trial);
	keep_the_late();
}

static void add_trial(const struct server_class *class, enum kind kind, int limit)
{
	static struct times *times;

	if (times == NULL)
		times = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(times, MAP_FAILED);
	trials[n_trials] = (struct trial){.class = class, .kind = kind, .limit = limit};
	trials[n_trials].times = &times[n_trials];
	n_trials++;
}

START_TEST(limits_of_time_hold_within_a_tenth)
{
	const int limits[] = {1000, 2000};

	for (int kind = 0; kind < N_KINDS; kind++) {
		for (int i = 0; i < 3; i++) {
			if (kind == STUCK && !classes[_i + i].is_forking)
				continue; /* nobody can end a thread that waits anywhere */
			if (classes[_i + i].is_forking && under_sanitizer())
				continue; /* beside so many threads */
			add_trial(&classes[_i + i], (enum kind)kind, limits[0]);
			add_trial(&classes[_i + i], (enum kind)kind, limits[1]);
		}
	}
	for (int try = 0; try < TRIES && n_trials > 0; try++)
		try_all();
	FOR_ALL(trial)
	printf("%s, %s, %d ms: after %d ms\n", trial->class->name, kind_names[trial->kind],
		trial->limit, (int)(trial->took / NS));
	ck_assert(n_trials == 0 || under_valgrind());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("deadlines");
	TCase *tcase = topic(suite, "deadlines");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, make_socket_directory, remove_socket_directory);
	for (int i = 0; i < 6; i += 3) /* TCP, Unix */
		tcase_add_loop_test(tcase, limits_of_time_hold_within_a_tenth, i, i + 1);
	return run_suite(suite);
}
