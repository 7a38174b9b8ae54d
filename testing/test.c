/* A test's life: its server, the thread that runs the handler, and their end. */
#include "test.h"
#include "readable.h"

#include <errno.h>
#include <poll.h>
#include <socketserver/container_of.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BREAK_OFF_MS 1000

static const struct ssv_address somewhere = {.transport = SSV_UNIX};

/* --- what went wrong --- */

void test_fail(struct ssv_test *test, const char *format, ...)
{
	va_list arguments;
	int length;

	if (test_failed(test))
		return;
	length = snprintf(
		test->message, sizeof(test->message), "step %d, %s: ", test->steps, test->step);
	va_start(arguments, format);
	vsnprintf(
		test->message + length, sizeof(test->message) - (size_t)length, format, arguments);
	va_end(arguments);
}

bool test_failed(const struct ssv_test *test)
{
	return test->message[0] != '\0';
}

void test_signal(int event_fd)
{
	const uint64_t one = 1;
	ssize_t n = write(event_fd, &one, sizeof(one));

	(void)n; /* it cannot be full */
}

void test_hear(int event_fd)
{
	uint64_t count;
	ssize_t n = read(event_fd, &count, sizeof(count));

	(void)n; /* it may be empty */
}

/* --- which methods run --- */

static struct ssv_test *test_of(const struct ssv_handler *handler)
{
	return ssv_container_of(handler->server, struct ssv_test, server.base);
}

static void note(struct ssv_test *test, const char *method)
{
	size_t length;

	pthread_mutex_lock(&test->lock);
	length = strlen(test->methods);
	snprintf(test->methods + length, sizeof(test->methods) - length, "%s%s",
		length > 0 ? " " : "", method);
	pthread_mutex_unlock(&test->lock);
}

static int noted_setup(struct ssv_handler *handler)
{
	note(test_of(handler), "setup");
	return test_of(handler)->handler->setup(handler);
}

static int noted_handle(struct ssv_handler *handler)
{
	note(test_of(handler), "handle");
	return test_of(handler)->handler->handle(handler);
}

static int noted_finish(struct ssv_handler *handler)
{
	note(test_of(handler), "finish");
	return test_of(handler)->handler->finish(handler);
}

static struct ssv_handler_ops noted(const struct ssv_handler_ops *handler)
{
	struct ssv_handler_ops ops = *handler;

	ops.setup = handler->setup != NULL ? noted_setup : NULL;
	ops.handle = handler->handle != NULL ? noted_handle : NULL;
	ops.finish = handler->finish != NULL ? noted_finish : NULL;
	return ops;
}

/* --- the layer in front of the server class --- */

/* A stream is one of a pair of sockets: there is no listener. */
static int test_bind(struct ssv_layer *layer)
{
	struct ssv_test *test = ssv_container_of(layer, struct ssv_test, layer);

	return test->is_stream ? 0 : ssv_super_bind(layer);
}

/* A handler ends the thread. */
static void note_early_end(void *context)
{
	struct ssv_test *test = context;

	pthread_mutex_lock(&test->lock);
	test->ended_early = true;
	pthread_mutex_unlock(&test->lock);
}

static int test_finish_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_test *test = ssv_container_of(layer, struct ssv_test, layer);
	int rc;

	pthread_mutex_lock(&test->lock);
	test->methods[0] = '\0';
	pthread_mutex_unlock(&test->lock);
	pthread_cleanup_push(note_early_end, test);
	rc = ssv_super_finish_request(layer, request);
	pthread_cleanup_pop(0);
	pthread_mutex_lock(&test->lock);
	test->result = rc;
	pthread_mutex_unlock(&test->lock);
	return rc;
}

static void test_close_request(struct ssv_layer *layer, struct ssv_request *request)
{
	struct ssv_test *test = ssv_container_of(layer, struct ssv_test, layer);

	ssv_super_close_request(layer, request);
	pthread_mutex_lock(&test->lock);
	test->processed++;
	pthread_mutex_unlock(&test->lock);
	test_signal(test->changed_fd);
}

static void test_handle_error(struct ssv_layer *layer, struct ssv_request *request, int error)
{
	(void)layer;
	(void)request;
	(void)error;
}

static const struct ssv_layer_ops test_ops = {
	.bind = test_bind,
	.finish_request = test_finish_request,
	.close_request = test_close_request,
	.handle_error = test_handle_error,
};

/* --- the handler's thread --- */

bool test_has_ended(struct ssv_test *test)
{
	bool ended;

	pthread_mutex_lock(&test->lock);
	ended = test->ended;
	pthread_mutex_unlock(&test->lock);
	return ended;
}

bool test_has_ended_early(struct ssv_test *test)
{
	bool early;

	pthread_mutex_lock(&test->lock);
	early = test->ended_early;
	pthread_mutex_unlock(&test->lock);
	return early;
}

static void process_stream(struct ssv_test *test)
{
	struct ssv_server *server = &test->server.base;
	int rc = ssv_server_verify_request(server, &test->request);

	if (rc > 0)
		rc = ssv_server_process_request(server, &test->request);
	if (rc < 0)
		ssv_server_handle_error(server, &test->request, rc);
	ssv_server_shutdown_request(server, &test->request); /* harmless where it was */
}

static void note_end(struct ssv_test *test)
{
	pthread_mutex_lock(&test->lock);
	test->ended = true;
	pthread_mutex_unlock(&test->lock);
	test_signal(test->changed_fd);
}

static void thread_ends(void *context)
{
	struct ssv_test *test = context;

	if (test->is_stream)
		ssv_request_close(&test->request);
	note_early_end(test);
	note_end(test);
}

static void *run(void *context)
{
	struct ssv_test *test = context;

	pthread_cleanup_push(thread_ends, test);
	if (test->is_stream)
		process_stream(test);
	else
		ssv_server_serve_forever(&test->server.base);
	pthread_cleanup_pop(0);
	note_end(test);
	return NULL;
}

static int pair_of_streams(struct ssv_test *test)
{
	static const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	struct ssv_address client = test->request.client_address;
	int ends[2], rc = ssv_server_bind(&test->server.base);

	if (rc < 0)
		return rc;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	test->peer = ends[0];
	ssv_request_open(&test->request, ends[1], SSV_UNIX, &unnamed, sizeof(unnamed.sa_family));
	if (client.length > 0)
		test->request.client_address = client;
	test->socket_ops = test->request.socket.ops;
	test->request.socket.ops = &test_stream_ops;
	return 0;
}

/* With a name from the kernel, that it can be sent to. */
static int named_socket(void)
{
	static const struct sockaddr any_name = {.sa_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 || bind(fd, &any_name, sizeof(any_name.sa_family)) == 0)
		return fd < 0 ? -errno : fd;
	error = errno;
	close(fd);
	return -error;
}

static int pair_of_datagram_sockets(struct ssv_test *test)
{
	struct ssv_server *server = &test->server.base;
	int fd = named_socket(), rc;

	if (fd < 0)
		return fd;
	rc = ssv_unix_datagram_server_adopt(&test->server.datagram, fd);
	if (rc < 0)
		close(fd);
	else
		rc = ssv_server_open(server);
	if (rc < 0)
		return rc;
	test->peer = named_socket();
	if (test->peer < 0)
		return test->peer;
	if (connect(test->peer, &server->server_address.socket.any, server->server_address.length) <
		0)
		return -errno;
	return 0;
}

static int open_pair(struct ssv_test *test)
{
	test->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	test->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (test->changed_fd < 0 || test->wake_fd < 0)
		return -errno;
	return test->is_stream ? pair_of_streams(test) : pair_of_datagram_sockets(test);
}

void test_open(struct ssv_test *test)
{
	int rc;

	if (test->changed_fd >= 0)
		return;
	rc = open_pair(test);
	if (rc < 0)
		test_fail(test, "no pair of sockets: %s", meaning(rc));
}

void test_start(struct ssv_test *test)
{
	int error;

	if (test->started || test_failed(test))
		return;
	error = pthread_create(&test->thread, NULL, run, test);
	test->started = error == 0;
	if (error != 0)
		test_fail(test, "no thread for the handler: %s", meaning(-error));
}

static void join_in_time(struct ssv_test *test, int64_t until)
{
	struct pollfd polled = {.fd = test->changed_fd, .events = POLLIN};
	bool ended = test_has_ended(test);

	while (!ended && test_ms_until(until) != 0) {
		poll(&polled, 1, test_ms_until(until));
		test_hear(test->changed_fd);
		ended = test_has_ended(test);
	}
	test->joined = ended;
	if (ended)
		pthread_join(test->thread, NULL);
	else
		pthread_detach(test->thread);
}

/* A stream breaks; a datagram's handler may be told only that it is asked to stop. */
void test_break_off(struct ssv_test *test)
{
	pthread_mutex_lock(&test->lock);
	test->broken = true;
	pthread_mutex_unlock(&test->lock);
	test_signal(test->wake_fd);
	if (!test->is_stream)
		ssv_server_request_stop(&test->server.base);
}

/* --- from new to free --- */

struct ssv_test *ssv_test_new(const struct ssv_handler_ops *handler, enum ssv_transport transport)
{
	struct ssv_test *test = calloc(1, sizeof(*test));
	struct ssv_address at = somewhere;

	if (test == NULL)
		abort();
	test->handler = handler;
	test->ops = noted(handler);
	test->is_stream = ssv_transport_is_stream(transport);
	test->step = "new";
	test->patience = 5000;
	test->peer = test->changed_fd = test->wake_fd = -1;
	pthread_mutex_init(&test->lock, NULL);
	at.transport = transport;
	if (test->is_stream)
		ssv_unix_stream_server_init(&test->server.stream, &at, &test->ops);
	else
		ssv_unix_datagram_server_init(&test->server.datagram, &at, &test->ops);
	ssv_server_link(&test->server.base, &test->layer, &test_ops);
	ssv_request_init(&test->request, &test->server.base);
	if (transport != SSV_UNIX && transport != SSV_UNIXGRAM)
		test_fail(test, "not a transport of tests: %s; SSV_UNIX or SSV_UNIXGRAM",
			ssv_transport_name(transport));
	return test;
}

struct ssv_server *ssv_test_server(struct ssv_test *test)
{
	return &test->server.base;
}

void ssv_test_set_client(struct ssv_test *test, const char *address)
{
	const char *error;

	test->step = "set_client";
	if (ssv_address_parse(&test->request.client_address, address, &error) < 0)
		test_fail(test, "%s: %s", address, error);
	else if (!test->is_stream || test->request.client_address.length == 0)
		test_fail(test, "%s: an address without a name, of a client on a stream", address);
}

void ssv_test_set_patience(struct ssv_test *test, int milliseconds)
{
	test->patience = milliseconds;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void ssv_test_free(struct ssv_test *test)
{
	if (test == NULL)
		return;
	if (test->started && !test->joined) {
		test_break_off(test);
		join_in_time(test, test_now() + BREAK_OFF_MS * INT64_C(1000000));
		if (!test->joined)
			return; /* its thread has it */
	}
	ssv_request_free(&test->request);
	ssv_server_close(&test->server.base);
	close_if_open(test->peer);
	close_if_open(test->changed_fd);
	close_if_open(test->wake_fd);
	pthread_mutex_destroy(&test->lock);
	free(test->output.data);
	free(test);
}
