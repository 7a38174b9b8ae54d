/** What the parts of the test kit share: one test. */
#ifndef TESTING_TEST_H
#define TESTING_TEST_H

#include <socketserver/testing.h>
#include <socketserver/unix_datagram_server.h>
#include <socketserver/unix_stream_server.h>

#define MAX_METHODS 32

/** Bytes that become more, from `start` to `end`. Zeroed it is empty. */
struct output {
	char *data;
	size_t size, start, end;
};

struct ssv_test {
	union {
		struct ssv_server base; /* each of the others begins with one */
		struct ssv_unix_stream_server stream;
		struct ssv_unix_datagram_server datagram;
	} server;
	struct ssv_layer layer;
	const struct ssv_handler_ops *handler;
	struct ssv_handler_ops ops; /* the same, with a note of each method that runs */
	struct ssv_request request; /* of a stream */
	const struct ssv_stream_ops *socket_ops;
	bool is_stream;

	/* the script's */
	int peer; /* our end, or -1 */
	int patience, steps;
	const char *step; /* the name of the one that runs */
	bool started, joined;
	bool half_closed, deaf, at_end;
	size_t sent; /* packets */
	struct output output;
	char message[1024];

	pthread_t thread;
	int changed_fd; /* eventfd: something of what follows has changed, for the script … */
	int wake_fd;    /* … and for the handler */

	pthread_mutex_t lock; /* of what follows */
	short awaited;        /* what the handler waits for on its stream: POLLIN, POLLOUT or 0 */
	int64_t ahead, seen; /* how far time has been moved, ns; and what the handler knows of it */
	bool broken;         /* the connection */
	bool narrow;         /* nobody reads: little goes into the socket */
	bool ended;          /* the handler's thread is about to return */
	bool ended_early;    /* … or ends, for the handler has it so */
	size_t processed;    /* packets */
	int result;
	char methods[MAX_METHODS];
};

/** Notes what went wrong in this step, unless something has before. */
void test_fail(struct ssv_test *test, const char *format, ...) SSV_PRINTF(2, 3);
bool test_failed(const struct ssv_test *test);

/** Whether the handler's thread is done; and whether that was the handler's doing. */
bool test_has_ended(struct ssv_test *test);
bool test_has_ended_early(struct ssv_test *test);

/** Makes the pair of sockets, unless it is there. */
void test_open(struct ssv_test *test);

/** The handler's thread: begins, unless it has, and ends when it is told to break off. */
void test_start(struct ssv_test *test);
void test_break_off(struct ssv_test *test);

/** Has the other side look again. */
void test_signal(int event_fd);
void test_hear(int event_fd);

/** The handler's side of a connection whose time the script can let pass. */
extern const struct ssv_stream_ops test_stream_ops;

/** Under the lock: whether the handler waits for what only the script can do. */
bool test_is_waiting(const struct ssv_test *test);

/** Monotonic nanoseconds; and how many ms until then, as poll(2) takes them. */
int64_t test_now(void);
int test_ms_until(int64_t until);

#endif
