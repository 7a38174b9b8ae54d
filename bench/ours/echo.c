/** ours: serves echo with the library, in one mode, until it is killed. */
#include <errno.h>
#include <socketserver/socketserver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_LIMIT 20000 /* the servers by hand have none; as many descriptors as there may be */

static union {
	struct ssv_server base; /* each begins with it */
	struct ssv_tcp_server tcp;
	struct ssv_udp_server udp;
	struct ssv_unix_stream_server unix_stream;
	struct ssv_unix_datagram_server unix_datagram;
} server;

static struct ssv_threading_mixin threading;
static struct ssv_forking_mixin forking;

static int echo_stream(struct ssv_handler *handler)
{
	struct ssv_stream *stream = handler->request->stream;
	char data[16 * 1024];
	ssize_t n;

	do {
		n = ssv_stream_read(stream, data, sizeof(data));
		if (n > 0)
			n = ssv_stream_write(stream, data, (size_t)n);
	} while (n > 0);
	return (int)n;
}

static int echo_packet(struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;

	return (int)ssv_stream_write(request->stream, request->packet, request->packet_size);
}

static const struct ssv_handler_ops stream_handler = {
	.handle = echo_stream,
	.disable_nagle_algorithm = true,
};
static const struct ssv_handler_ops packet_handler = {.handle = echo_packet};

static void choose_class(const struct ssv_address *at)
{
	switch (at->transport) {
	case SSV_TCP:
		ssv_tcp_server_init(&server.tcp, at, &stream_handler);
		break;
	case SSV_UDP:
		ssv_udp_server_init(&server.udp, at, &packet_handler);
		break;
	case SSV_UNIX:
		ssv_unix_stream_server_init(&server.unix_stream, at, &stream_handler);
		break;
	case SSV_UNIXGRAM:
		ssv_unix_datagram_server_init(&server.unix_datagram, at, &packet_handler);
		break;
	}
}

static bool add_mixin(const char *mode)
{
	if (strcmp(mode, "threading") == 0) {
		ssv_threading_mixin_init(&threading, &server.base);
		threading.max_threads = NO_LIMIT;
		return true;
	}
	if (strcmp(mode, "forking") == 0) {
		ssv_forking_mixin_init(&forking, &server.base);
		forking.max_children = NO_LIMIT;
		return true;
	}
	return strcmp(mode, "sync") == 0;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "ours: %s: %s\n", what, strerrordesc_np(-error));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	char text[SSV_ADDRESS_TEXT_SIZE];
	struct ssv_address at;
	int rc;

	if (argc != 3 || ssv_address_parse(&at, argv[2], NULL) < 0)
		return fail("ours sync|threading|forking ADDRESS", -EINVAL);
	choose_class(&at);
	if (!add_mixin(argv[1]))
		return fail(argv[1], -EINVAL);
	rc = ssv_server_open(&server.base);
	if (rc < 0)
		return fail(argv[2], rc);
	printf("listening on %s (%s)\n", ssv_address_format(&server.base.server_address, text),
		argv[1]);
	fflush(stdout);
	rc = ssv_server_serve_forever(&server.base);
	return rc < 0 ? fail(argv[2], rc) : 0;
}
