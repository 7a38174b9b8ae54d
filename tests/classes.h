/** The twelve server classes in one table, for tests that put each of them to the same promises:
 * tcase_add_loop_test(tcase, test, ALL_CLASSES). */
#ifndef TESTS_CLASSES_H
#define TESTS_CLASSES_H

#include "support.h"

/** Room for any of them. */
union any_server {
	struct ssv_tcp_server tcp;
	struct ssv_udp_server udp;
	struct ssv_unix_stream_server unix_stream;
	struct ssv_unix_datagram_server unix_datagram;
	struct ssv_threading_tcp_server threading_tcp;
	struct ssv_threading_udp_server threading_udp;
	struct ssv_threading_unix_stream_server threading_unix_stream;
	struct ssv_threading_unix_datagram_server threading_unix_datagram;
	struct ssv_forking_tcp_server forking_tcp;
	struct ssv_forking_udp_server forking_udp;
	struct ssv_forking_unix_stream_server forking_unix_stream;
	struct ssv_forking_unix_datagram_server forking_unix_datagram;
};

struct server_class {
	const char *name; /**< Python's */
	enum ssv_transport transport;
	const char *mode; /**< "sync", "threading" or "forking" */
	bool is_stream, is_threading, is_forking;
	/** Returns the server that `any` is now. */
	struct ssv_server *(*init)(union any_server *any, const struct ssv_address *at,
		const struct ssv_handler_ops *handler);
};

/** By transport, and for each synchronous, threading, forking. */
#define N_CLASSES 12
extern const struct server_class classes[N_CLASSES];

/** Where loops over them begin and end. */
#define TCP_CLASS 0
#define UDP_CLASS 6
#define ALL_CLASSES 0, N_CLASSES
#define TCP_CLASSES 0, 3
#define STREAM_CLASSES 0, 6
#define UDP_CLASSES 6, 9
#define DATAGRAM_CLASSES 6, N_CLASSES
#define UNIXGRAM_CLASSES 9, N_CLASSES

/** In a loop from 0 to N_…_CLASSES, which of `classes` it is; streams come first. */
#define MIXED_CLASS(i) ((i) / 2 * 3 + 1 + (i) % 2)
#define N_MIXED_CLASSES 8
#define N_MIXED_STREAM_CLASSES 4
#define THREADING_CLASS(i) (3 * (i) + 1)
#define N_THREADING_CLASSES 4
#define N_THREADING_STREAM_CLASSES 2
#define FORKING_CLASS(i) (3 * (i) + 2)
#define N_FORKING_CLASSES 4
#define N_FORKING_STREAM_CLASSES 2

/** The mix-in in front of it, or NULL. */
struct ssv_threading_mixin *threading_of(const struct server_class *class, union any_server *any);
struct ssv_forking_mixin *forking_of(const struct server_class *class, union any_server *any);

/** Unchecked fixture: a directory for the sockets of a test case; gone, with all in it, afterwards.
 */
void make_socket_directory(void);
void remove_socket_directory(void);

/** How many files are in it. */
size_t count_socket_files(void);

/** A free port, or a path that was never used. */
struct ssv_address fresh_address(const struct server_class *class);

/** A client of an open server of any class. */
void connect_client(struct ssv_stream *client, const struct ssv_server *server);

/**
 * A packet, or what there is of a stream; gives up after 10 s. It allocates nothing, for a server
 * may fork meanwhile, and AddressSanitizer's allocator is not made for that.
 */
ssize_t receive(struct ssv_stream *client, void *data, size_t size);

/** Ends the connection, whoever else has the socket: a forked child may. */
void disconnect_client(struct ssv_stream *client);

/** Sends the question, as one packet, and expects the answer. */
void ask_client(struct ssv_stream *client, const char *question, const char *answer);
void expect_answer(struct ssv_stream *client, const char *answer);

#endif
