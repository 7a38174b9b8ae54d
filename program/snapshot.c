#include "snapshot.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPARE 64 /* that may come while memory is had */

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Under the server's lock: it copies, and nothing else. */
static int add_connection(const struct ssv_request *request, void *context)
{
	struct snapshot_server *server = context;
	struct snapshot_connection *connection = &server->connections[server->count];

	if (server->count == server->room) {
		server->left_out++;
		return 0;
	}
	connection->peer = request->client_address;
	connection->age = (double)(server->now - request->opened) / 1e9;
	if (connection->age < 0)
		connection->age = 0;
	ssv_request_progress(request, &connection->progress);
	server->count++;
	return 0;
}

#ifndef __clang__ /* gcc's analyzer loses sight of what is kept in an array's element */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static int list_connections(struct snapshot_server *server)
{
	uint64_t room = server->counters.active + SPARE;

	server->room = room < SNAPSHOT_MAX ? (size_t)room : SNAPSHOT_MAX;
	server->connections = calloc(server->room, sizeof(*server->connections));
	if (server->connections == NULL)
		return -ENOMEM;
	server->now = now();
	ssv_server_each_request(server->subject->server, add_connection, server);
	return 0;
}

int snapshot_take(struct snapshot *snapshot, const struct snapshot_subject *subjects, size_t count,
	bool connections)
{
	struct snapshot_server *server;
	int rc = 0;

	snapshot->count = count;
	snapshot->servers = calloc(count, sizeof(*snapshot->servers));
	if (snapshot->servers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && rc == 0; i++) {
		server = &snapshot->servers[i];
		server->subject = &subjects[i];
		ssv_server_counters(subjects[i].server, &server->counters);
		if (connections)
			rc = list_connections(server);
	}
	if (rc < 0)
		snapshot_free(snapshot);
	return rc;
}

void snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		free(snapshot->servers[i].connections);
	free(snapshot->servers);
	snapshot->servers = NULL;
}

static bool is_in(const struct ssv_request_progress *progress, const char *stage)
{
	return strcmp(progress->stage, stage) == 0;
}

const char *snapshot_state(const struct ssv_request_progress *progress)
{
	if (progress->child != 0)
		return "child";
	if (is_in(progress, "shutdown_request"))
		return "closing";
	if (progress->writing)
		return "writing";
	if (progress->reading)
		return "reading";
	if (is_in(progress, "setup") || is_in(progress, "handle") || is_in(progress, "finish"))
		return "working";
	return "starting";
}
