#include "classes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC(server)                                                                               \
	static struct ssv_server *init_##server(union any_server *any,                             \
		const struct ssv_address *at, const struct ssv_handler_ops *handler)               \
	{                                                                                          \
		ssv_##server##_server_init(&any->server, at, handler);                             \
		return &any->server.base;                                                          \
	}

#define MIXED(mixin, server)                                                                       \
	static struct ssv_server *init_##mixin##_##server(union any_server *any,                   \
		const struct ssv_address *at, const struct ssv_handler_ops *handler)               \
	{                                                                                          \
		ssv_##mixin##_##server##_server_init(&any->mixin##_##server, at, handler);         \
		return &any->mixin##_##server.server.base;                                         \
	}

SYNC(tcp)
SYNC(udp)
SYNC(unix_stream)
SYNC(unix_datagram)
MIXED(threading, tcp)
MIXED(threading, udp)
MIXED(threading, unix_stream)
MIXED(threading, unix_datagram)
MIXED(forking, tcp)
MIXED(forking, udp)
MIXED(forking, unix_stream)
MIXED(forking, unix_datagram)

const struct server_class classes[N_CLASSES] = {
	{"TCPServer", SSV_TCP, "sync", true, false, false, init_tcp},
	{"ThreadingTCPServer", SSV_TCP, "threading", true, true, false, init_threading_tcp},
	{"ForkingTCPServer", SSV_TCP, "forking", true, false, true, init_forking_tcp},
	{"UnixStreamServer", SSV_UNIX, "sync", true, false, false, init_unix_stream},
	{"ThreadingUnixStreamServer", SSV_UNIX, "threading", true, true, false,
		init_threading_unix_stream},
	{"ForkingUnixStreamServer", SSV_UNIX, "forking", true, false, true,
		init_forking_unix_stream},
	{"UDPServer", SSV_UDP, "sync", false, false, false, init_udp},
	{"ThreadingUDPServer", SSV_UDP, "threading", false, true, false, init_threading_udp},
	{"ForkingUDPServer", SSV_UDP, "forking", false, false, true, init_forking_udp},
	{"UnixDatagramServer", SSV_UNIXGRAM, "sync", false, false, false, init_unix_datagram},
	{"ThreadingUnixDatagramServer", SSV_UNIXGRAM, "threading", false, true, false,
		init_threading_unix_datagram},
	{"ForkingUnixDatagramServer", SSV_UNIXGRAM, "forking", false, false, true,
		init_forking_unix_datagram},
};

struct ssv_threading_mixin *threading_of(const struct server_class *class, union any_server *any)
{
	struct ssv_threading_mixin *const of_transport[] = {
		[SSV_TCP] = &any->threading_tcp.threading,
		[SSV_UDP] = &any->threading_udp.threading,
		[SSV_UNIX] = &any->threading_unix_stream.threading,
		[SSV_UNIXGRAM] = &any->threading_unix_datagram.threading,
	};

	return class->is_threading ? of_transport[class->transport] : NULL;
}

struct ssv_forking_mixin *forking_of(const struct server_class *class, union any_server *any)
{
	struct ssv_forking_mixin *const of_transport[] = {
		[SSV_TCP] = &any->forking_tcp.forking,
		[SSV_UDP] = &any->forking_udp.forking,
		[SSV_UNIX] = &any->forking_unix_stream.forking,
		[SSV_UNIXGRAM] = &any->forking_unix_datagram.forking,
	};

	return class->is_forking ? of_transport[class->transport] : NULL;
}

/* --- addresses --- */

static char directory[64];

void make_socket_directory(void)
{
	strcpy(directory, "/tmp/classes-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

/* Calls it for each file, where there is something to call, and counts them. */
static size_t each_file(int (*call)(const char *path))
{
	DIR *files = opendir(directory);
	struct dirent *file;
	char path[sizeof(directory) + sizeof(file->d_name)];
	size_t n = 0;

	ck_assert_ptr_nonnull(files);
	while ((file = readdir(files)) != NULL) {
		if (file->d_name[0] == '.')
			continue;
		n++;
		snprintf(path, sizeof(path), "%s/%s", directory, file->d_name);
		if (call != NULL)
			call(path);
	}
	closedir(files);
	return n;
}

void remove_socket_directory(void)
{
	each_file(unlink);
	rmdir(directory);
}

size_t count_socket_files(void)
{
	return each_file(NULL);
}

/* Check runs each test in a process of its own: its number makes a path that no other has. */
struct ssv_address fresh_address(const struct server_class *class)
{
	static int used;
	char text[SSV_ADDRESS_TEXT_SIZE];

	if (class->transport == SSV_TCP || class->transport == SSV_UDP)
		snprintf(text, sizeof(text), "%s://127.0.0.1:0",
			ssv_transport_name(class->transport));
	else
		snprintf(text, sizeof(text), "%s:%s/%d-%d", ssv_transport_name(class->transport),
			directory, (int)getpid(), used++);
	return address_of(text);
}

/* --- clients --- */

void connect_client(struct ssv_stream *client, const struct ssv_server *server)
{
	const struct timeval patience = {.tv_sec = 10};
	char text[SSV_ADDRESS_TEXT_SIZE];
	int rc = ssv_connect(client, ssv_address_format(&server->server_address, text), 10000);

	ck_assert_msg(rc == 0, "%s: %s", text, strerror(-rc));
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

ssize_t receive(struct ssv_stream *client, void *data, size_t size)
{
	ssize_t n;

	do /* a time-out keeps recv(2) from beginning again after a signal, be it ignored */
		n = recv(client->fd, data, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void disconnect_client(struct ssv_stream *client)
{
	shutdown(client->fd, SHUT_RDWR);
	ssv_stream_close(client);
}

void ask_client(struct ssv_stream *client, const char *question, const char *answer)
{
	const size_t length = strlen(question);

	ck_assert_int_eq(ssv_stream_write(client, question, length), (ssize_t)length);
	expect_answer(client, answer);
}

void expect_answer(struct ssv_stream *client, const char *answer)
{
	const size_t length = strlen(answer);
	char got[4096] = "";
	size_t done = 0;
	ssize_t n;

	do {
		n = receive(client, got + done, sizeof(got) - 1 - done);
		done += n > 0 ? (size_t)n : 0;
	} while (n > 0 && done < length && ssv_transport_is_stream(client->transport));
	ck_assert_msg(n >= 0, "not answered with \"%s\": %s", answer, strerror((int)-n));
	ck_assert_str_eq(got, answer);
}
