/** A chat room: the registry of its members, which any number of threads may use at once. */
#ifndef HANDLERS_ROOM_H
#define HANDLERS_ROOM_H

#include <pthread.h>
#include <socketserver/address.h>
#include <socketserver/stream.h>

#define ROOM_SIZE 1024      /**< members at a time */
#define ROOM_TEXT_SIZE 1024 /**< bytes of one text */

/** Who hears what is said: a connection, or, where there is no stream, an address. */
struct room_member {
	struct ssv_stream *stream; /**< not closed before it has left the room; or NULL: */
	struct ssv_address address;
	int fd; /**< the socket that sends to `address` */

	/* the room's */
	size_t sent;   /* since it joined, or joined again; only of Unix sockets */
	int64_t until; /* INT64_MAX, or when it is gone */
	struct room_member *next;
};

struct room {
	int64_t (*now)(void); /**< milliseconds; room_open() sets the monotonic clock */
	pthread_mutex_t lock;
	struct room_member *first;
	size_t count;
};

void room_open(struct room *room);
void room_close(struct room *room);

/**
 * Copies the member into the room, for `stay` ms, or SSV_FOREVER; of one who is there already the
 * time begins again. -EUSERS: it is full; -ENOMEM.
 */
int room_join(struct room *room, const struct room_member *member, int stay);

/** Harmless for one who is not there. Afterwards the room does not touch its stream any more. */
void room_leave(struct room *room, const struct room_member *member);

/**
 * Sends NAME, newline, the text, newline (none in a datagram) to all members, each message whole
 * and all in one order. Nobody is waited for: a connection that does not take all of it at once is
 * shut down and no member any more; nor is an address that nobody has. `length` is at most
 * ROOM_TEXT_SIZE. Of a Unix socket's send buffer, where the kernel keeps what members have not
 * read, no member gets more than a share until it joins again. Returns 0, or -ENOBUFS where such a
 * buffer was full nevertheless.
 */
int room_say(struct room *room, const char *name, const char *text, size_t length);

#endif
