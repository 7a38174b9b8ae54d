/** reference: serves echo by hand, in one way, until it is killed. */
#include "reference.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind {
	const char *name;
	bool is_stream;
	void (*serve)(int fd);
} kinds[] = {
	{"sync", true, serve_sync},
	{"thread", true, serve_thread},
	{"fork", true, serve_fork},
	{"leader-follower", true, serve_leader_follower},
	{"epoll", true, serve_epoll},
	{"recvfrom", false, serve_recvfrom},
	{"datagram-thread", false, serve_datagram_thread},
};

void fail(const char *what)
{
	fprintf(stderr, "reference: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int usage(void)
{
	fputs("usage: reference KIND ADDRESS\nKIND:", stderr);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fprintf(stderr, " %s", kinds[i].name);
	fputc('\n', stderr);
	return 2;
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc == 3 ? find_kind(argv[1]) : NULL;
	char text[SSV_ADDRESS_TEXT_SIZE];
	struct ssv_address at;
	int fd;

	if (kind == NULL || ssv_address_parse(&at, argv[2], NULL) < 0 ||
		ssv_transport_is_stream(at.transport) != kind->is_stream)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	fd = listen_at(&at);
	printf("listening on %s (%s)\n", ssv_address_format(&at, text), kind->name);
	fflush(stdout);
	kind->serve(fd);
}
