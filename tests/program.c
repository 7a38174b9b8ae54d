#include "program.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void refused(struct result result, int status, ...)
{
	const char *part;
	va_list parts;

	ck_assert_msg(result.status == status, "status %d: %s", result.status, result.err);
	ck_assert_str_eq(result.out, "");
	ck_assert_int_eq(strncmp(result.err, "socketserver: ", 14), 0);
	ck_assert_ptr_eq(strchr(result.err, '\n'), result.err + result.err_size - 1);
	va_start(parts, status);
	while ((part = va_arg(parts, const char *)) != NULL)
		has(result.err, part);
	va_end(parts);
	forget(&result);
}

uint16_t read_port(const struct child *server)
{
	char line[256];
	unsigned int port;

	read_line(server->out, line, sizeof(line));
	ck_assert_msg(sscanf(line, "listening on tcp://127.0.0.1:%u (sync)", &port) == 1,
		"it said: %s", line);
	return (uint16_t)port;
}

struct child start_server(const char *const *arguments, uint16_t *port)
{
	struct child server = start(arguments);

	*port = read_port(&server);
	return server;
}

struct child serve_echo(uint16_t *port)
{
	return SERVE_ECHO(port, "--grace=0.1");
}

void stop(struct child server)
{
	ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
	ck_assert_int_eq(wait_for(&server), 0);
}

/* Clients */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int try_connect(uint16_t port)
{
	struct sockaddr_in at = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

int connect_to_port(uint16_t port)
{
	int fd = try_connect(port);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void round_trip(int fd, const char *text)
{
	char back[64];
	ssize_t size = (ssize_t)strlen(text);

	ck_assert_int_eq(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
	ck_assert_int_eq(recv(fd, back, (size_t)size, MSG_WAITALL), size);
	ck_assert_mem_eq(back, text, (size_t)size);
}

void is_closed(int fd)
{
	char byte;

	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

int bind_socket(int type, uint16_t *port)
{
	struct sockaddr_in at = loopback(0);
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 8), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

uint16_t free_port(void)
{
	uint16_t port;

	close(bind_socket(SOCK_STREAM, &port));
	return port;
}

struct address tcp(uint16_t port)
{
	struct address address;

	snprintf(address.text, sizeof(address.text), "tcp://127.0.0.1:%u", port);
	return address;
}

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Paths */

char path[32];

void make_path(void)
{
	strcpy(path, "/tmp/ssv-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	strcat(path, "/socket");
}

void remove_path(void)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

struct address at_path(const char *transport)
{
	struct address address;

	snprintf(address.text, sizeof(address.text), "%s:%s", transport, path);
	return address;
}

const char *const local_transports[2] = {"unix", "unixgram"};

int run_program_suite(Suite *suite)
{
	if (getenv("SOCKETSERVER") == NULL || getenv("PLUGIN_HELLO") == NULL ||
		getenv("PLUGIN_OLD") == NULL) {
		fputs("set SOCKETSERVER, PLUGIN_HELLO and PLUGIN_OLD\n", stderr);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	return run_suite(suite);
}
