/**
 * serve --stats ADDRESS: a server beside those that are served, on threads of its own, that says
 * what they are doing. Whoever asks keeps none of them waiting, and is given little time himself.
 */
#ifndef PROGRAM_STATS_H
#define PROGRAM_STATS_H

#include "listener.h"
#include "snapshot.h"
#include "stats_format.h"
#include <pthread.h>

struct stats {
	union {
		struct ssv_threading_tcp_server tcp;
		struct ssv_threading_unix_stream_server local;
	} of;
	struct ssv_server *server; /**< in `of`; NULL: none was asked for */
	struct snapshot_subject *subjects;
	size_t count;
	int64_t opened; /* ms of the monotonic clock */
	struct stats_process process;
	pthread_t thread;
	bool running;
	char name[SSV_ADDRESS_TEXT_SIZE + 8]; /**< under which it is handed over */
};

/**
 * For the servers in `listeners`, which must stay. Opens nothing yet. Returns 0, or the exit status
 * after saying what is wrong, as the next ones: where `address` is none for it, or other hosts can
 * reach it and that is not meant (`public`).
 */
int stats_init(struct stats *stats, const char *address, bool public,
	const struct listener *listeners, size_t count);

/** Before it is open: whose the file of its socket is to be, if it is one of Unix. */
void stats_give_file(struct stats *stats, uid_t user, gid_t group);

/** Once those are open: opens it. */
int stats_open(struct stats *stats, const char *handler, struct ssv_log *log);

/** Answers from now on. Signals are blocked. */
int stats_start(struct stats *stats);

/** Once the predecessor has given it up: its file is ours to remove. */
void stats_take_over(struct stats *stats);

/** When the others are closed, so that it can be seen who is still running. Harmless in any state,
 * also without an init, where all is 0. */
void stats_close(struct stats *stats);

/** The file of its socket; NULL where that is none of Unix. */
struct ssv_unix_socket *stats_file(struct stats *stats);

/** For the handler: writes what was asked for. Returns 0 or -ENOMEM. */
int stats_write(struct stats *stats, const struct stats_format *format, FILE *to);

#endif
