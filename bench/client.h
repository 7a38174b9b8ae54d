/** One socket of a worker's, and how requests go over it. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct worker;
struct client;

struct client_ops {
	/** Begins a request, which should have begun at `intended`. */
	void (*begin)(struct client *client, int64_t intended);
	/** What epoll(7) reports of its socket. */
	void (*event)(struct client *client, uint32_t events);
	/** Now and then: gives up what has taken too long, and tries again what has to be. */
	void (*tick)(struct client *client, int64_t now);
	void (*close)(struct client *client);
};

struct client {
	const struct client_ops *ops;
	struct worker *worker;
	struct client *next_free; /* in the worker's queue of those that can begin a request */
	uint64_t number;          /* no other client has it */
	int fd;                   /* -1: none */
	uint32_t interest;        /* what epoll is asked for; 0: it does not know the socket */
	bool is_free;
};

/** Asks epoll for these events of the client's socket. Returns 0 or a negative errno. */
int client_watch(struct client *client, uint32_t events);

void client_close_socket(struct client *client);

/** It can begin one more request. */
void client_is_free(struct client *client);

/** How a request ended, with what the result needs. */
void client_answered(struct client *client, int64_t intended, int64_t now);
void client_lost(struct client *client, int error);
void client_corrupted(struct client *client);
void client_surplus(struct client *client);

/** Memory for clients, each of which is at the start of one struct; NULL: none left. */
struct client *stream_client_new(struct worker *worker, uint64_t number);
struct client *datagram_client_new(struct worker *worker, uint64_t number);

#endif
