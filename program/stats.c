#include "stats.h"
#include "../handlers/monotonic.h"
#include "complain.h"
#include "explain.h"
#include "handover.h"
#include "inheritance.h"
#include "reach.h"
#include "stats_answer.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CLIENTS 8     /* the others wait */
#define SILENCE_MS 5000   /* before the question */
#define DEADLINE_MS 10000 /* and for all of it */

static struct ssv_threading_mixin *init_class(struct stats *stats, const struct ssv_address *at)
{
	if (at->transport == SSV_TCP) {
		ssv_threading_tcp_server_init(&stats->of.tcp, at, &stats_answer);
		stats->server = &stats->of.tcp.tcp.base;
		return &stats->of.tcp.threading;
	}
	ssv_threading_unix_stream_server_init(&stats->of.local, at, &stats_answer);
	stats->server = &stats->of.local.unix_stream.base;
	return &stats->of.local.threading;
}

static void init_server(struct stats *stats, const struct ssv_address *at)
{
	struct ssv_threading_mixin *threading = init_class(stats, at);

	threading->max_threads = MAX_CLIENTS;
	threading->max_waiting = 1;
	stats->server->user = stats;
	stats->server->limits.timeout = SILENCE_MS;
	stats->server->limits.write_timeout = SILENCE_MS;
	stats->server->limits.deadline = DEADLINE_MS;
	stats->server->limits.max_line = STATS_QUESTION_MAX;
	stats->server->grace = 0;
	stats->server->shared = true; /* a successor's, too, for a moment */
}

struct ssv_unix_socket *stats_file(struct stats *stats)
{
	return stats->server->server_address.transport == SSV_UNIX
		       ? &stats->of.local.unix_stream.file
		       : NULL;
}

void stats_give_file(struct stats *stats, uid_t user, gid_t group)
{
	if (stats_file(stats) == NULL)
		return;
	stats_file(stats)->uid = user;
	stats_file(stats)->gid = group;
}

static int adopt(struct stats *stats, int fd)
{
	return stats_file(stats) != NULL
		       ? ssv_unix_stream_server_adopt(&stats->of.local.unix_stream, fd)
		       : ssv_tcp_server_adopt(&stats->of.tcp.tcp, fd);
}

/* The predecessor's, if there is one at this address. */
static int inherit(struct stats *stats, const struct ssv_address *at)
{
	char text[SSV_ADDRESS_TEXT_SIZE];
	int fd, rc;

	snprintf(stats->name, sizeof(stats->name), HANDOVER_STATS "%s",
		ssv_address_format(at, text));
	fd = inheritance_take(stats->name);
	rc = fd < 0 ? 0 : adopt(stats, fd);
	return rc < 0 ? explain_listen(rc, "--stats ", at) : 0;
}

static int check_address(const struct ssv_address *at, const char *text, bool public)
{
	if (!ssv_transport_is_stream(at->transport))
		return complain_usage("no address for --stats: %s: take unix:PATH, or "
				      "tcp://127.0.0.1:PORT",
			text);
	if (at->transport == SSV_UNIX || public)
		return 0;
	return reach_check(at, "--stats ", text, "--stats-public");
}

static int no_memory(void)
{
	complain("no memory for --stats: serve without it");
	return EXIT_FAILURE;
}

int stats_init(struct stats *stats, const char *address, bool public,
	const struct listener *listeners, size_t count)
{
	struct ssv_address at;
	const char *error;
	int status;

	if (ssv_address_parse(&at, address, &error) < 0)
		return complain_usage("bad address: --stats %s: %s", address, error);
	status = check_address(&at, address, public);
	if (status != 0)
		return status;
	stats->subjects = calloc(count, sizeof(*stats->subjects));
	if (stats->subjects == NULL)
		return no_memory();
	for (size_t i = 0; i < count; i++) {
		stats->subjects[i].server = listeners[i].server;
		stats->subjects[i].mode = listeners[i].mode;
	}
	stats->count = count;
	init_server(stats, &at);
	return inherit(stats, &at);
}

static double seconds_since_1970(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_served(const struct stats *stats, const struct ssv_address *at)
{
	for (size_t i = 0; i < stats->count; i++)
		if (listener_occupies(stats->subjects[i].server, at))
			return true;
	return false;
}

int stats_open(struct stats *stats, const char *handler, struct ssv_log *log)
{
	const struct ssv_address *at;
	struct snapshot_subject *subject;
	int rc;

	if (stats->server == NULL)
		return 0;
	at = &stats->server->server_address;
	for (size_t i = 0; i < stats->count; i++) {
		subject = &stats->subjects[i];
		ssv_address_format(&subject->server->server_address, subject->address);
	}
	stats->opened = monotonic_ms();
	stats->process.handler = handler;
	stats->process.started = seconds_since_1970();
	stats->server->log = log;
	rc = ssv_server_open(stats->server);
	if (rc == -EADDRINUSE && is_served(stats, at))
		return explain_served("--stats ", at);
	return rc < 0 ? explain_listen(rc, "--stats ", at) : 0;
}

void stats_take_over(struct stats *stats)
{
	if (stats->server != NULL)
		inheritance_take_file(stats->name, stats_file(stats), stats->server);
}

static void *run(void *argument)
{
	struct stats *stats = argument;
	int rc = ssv_server_serve_forever(stats->server);

	if (rc < 0 && rc != -EBADF) /* closed before it came to this */
		complain("no stats any more: %s: restart the server", strerror(-rc));
	return NULL;
}

int stats_start(struct stats *stats)
{
	int error;

	if (stats->server == NULL)
		return 0;
	error = pthread_create(&stats->thread, NULL, run, stats);
	stats->running = error == 0;
	if (error == 0)
		return 0;
	complain("no thread for --stats: %s: raise the limit with ulimit -u, or serve without it",
		strerror(error));
	return EXIT_FAILURE;
}

void stats_close(struct stats *stats)
{
	if (stats->server != NULL)
		ssv_server_close(stats->server);
	if (stats->running)
		pthread_join(stats->thread, NULL);
	stats->running = false;
	free(stats->subjects);
	stats->subjects = NULL;
	stats->server = NULL;
}

int stats_write(struct stats *stats, const struct stats_format *format, FILE *to)
{
	struct stats_process process = stats->process;
	struct snapshot snapshot;
	int rc = snapshot_take(&snapshot, stats->subjects, stats->count, format->connections);

	if (rc < 0)
		return rc;
	process.up = (double)(monotonic_ms() - stats->opened) / 1000;
	format->write(to, &process, &snapshot);
	snapshot_free(&snapshot);
	return 0;
}
