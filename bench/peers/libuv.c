/** Echo over libuv, all connections on one thread: libuv HOST PORT. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BUFFER_SIZE (16 * 1024)

struct reply {
	uv_write_t base;
	char data[];
};

static char input[BUFFER_SIZE]; /* one read at a time, on one thread */

static void ended(uv_handle_t *connection)
{
	free(connection);
}

static void written(uv_write_t *reply, int status)
{
	(void)status;
	free(reply);
}

static void allocate(uv_handle_t *connection, size_t size, uv_buf_t *buffer)
{
	(void)connection;
	(void)size;
	*buffer = uv_buf_init(input, sizeof(input));
}

/* What the socket does not take at once goes into a copy. */
static void echo(uv_stream_t *connection, ssize_t n, const uv_buf_t *buffer)
{
	uv_buf_t data = uv_buf_init(buffer->base, n > 0 ? (unsigned int)n : 0);
	struct reply *reply;
	int sent;

	if (n < 0) {
		uv_close((uv_handle_t *)connection, ended);
		return;
	}
	sent = uv_try_write(connection, &data, 1);
	if (sent == n)
		return;
	sent = sent < 0 ? 0 : sent;
	reply = malloc(sizeof(*reply) + (size_t)(n - sent));
	memcpy(reply->data, data.base + sent, (size_t)(n - sent));
	data = uv_buf_init(reply->data, (unsigned int)(n - sent));
	uv_write(&reply->base, connection, &data, 1, written);
}

static void connected(uv_stream_t *listener, int status)
{
	uv_tcp_t *connection = malloc(sizeof(*connection));

	if (status < 0)
		return;
	uv_tcp_init(listener->loop, connection);
	if (uv_accept(listener, (uv_stream_t *)connection) < 0) {
		uv_close((uv_handle_t *)connection, ended);
		return;
	}
	uv_tcp_nodelay(connection, 1);
	uv_read_start((uv_stream_t *)connection, allocate, echo);
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct sockaddr_in at;
	uv_tcp_t listener;

	if (argc != 3 || uv_ip4_addr(argv[1], atoi(argv[2]), &at) < 0)
		return 2;
	uv_tcp_init(loop, &listener);
	if (uv_tcp_bind(&listener, (const struct sockaddr *)&at, 0) < 0 ||
		uv_listen((uv_stream_t *)&listener, 4096, connected) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	return uv_run(loop, UV_RUN_DEFAULT);
}
