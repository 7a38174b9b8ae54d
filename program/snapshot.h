/** What the servers of this process are doing, as it was at one moment. */
#ifndef PROGRAM_SNAPSHOT_H
#define PROGRAM_SNAPSHOT_H

#include <socketserver/server.h>

/** The most connections of one server that are listed: the newest ones. */
#define SNAPSHOT_MAX 4096

/** A server, as it is known from outside. */
struct snapshot_subject {
	struct ssv_server *server;
	const char *mode;
	char address[SSV_ADDRESS_TEXT_SIZE];
};

struct snapshot_connection {
	struct ssv_address peer;
	double age; /**< seconds */
	struct ssv_request_progress progress;
};

struct snapshot_server {
	const struct snapshot_subject *subject;
	struct ssv_counters counters;
	struct snapshot_connection *connections; /**< the newest first */
	size_t count;                            /**< of those that are listed … */
	size_t left_out;                         /**< … and are not */

	/* private */
	size_t room;
	int64_t now;
};

struct snapshot {
	struct snapshot_server *servers;
	size_t count;
};

/**
 * Looks at the servers, without keeping them waiting for longer than it takes to copy the list.
 * With or without their connections. Returns 0 or -ENOMEM.
 */
int snapshot_take(struct snapshot *snapshot, const struct snapshot_subject *subjects, size_t count,
	bool connections);

void snapshot_free(struct snapshot *snapshot);

/** What a connection is at, in a word: "starting", "reading", "writing", "working", "closing" or
 * "child". */
const char *snapshot_state(const struct ssv_request_progress *progress);

#endif
