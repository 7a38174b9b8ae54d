#include "stats_format.h"
#include "quote.h"
#include <inttypes.h>
#include <socketserver/version.h>
#include <stddef.h>
#include <unistd.h>

#define TEXT_SIZE QUOTE_SIZE(SSV_ADDRESS_TEXT_SIZE)

/* --- what is counted --- */

static const struct counter {
	const char *name;
	size_t offset;
	const char *metric, *help;
	bool is_gauge;
} counters[] = {
	{"accepted", offsetof(struct ssv_counters, accepted), "socketserver_requests_total",
		"Requests that came: connections, or packets.", false},
	{"active", offsetof(struct ssv_counters, active), "socketserver_requests_active",
		"Requests that are open now.", true},
	{"refused", offsetof(struct ssv_counters, refused), "socketserver_requests_refused_total",
		"Requests that were turned away.", false},
	{"failed", offsetof(struct ssv_counters, failed), "socketserver_requests_failed_total",
		"Requests that ended with an error.", false},
	{"timed_out", offsetof(struct ssv_counters, timed_out),
		"socketserver_requests_timed_out_total",
		"Failed ones whose peer was silent, or took nothing, for too long.", false},
	{"hung_up", offsetof(struct ssv_counters, hung_up), "socketserver_requests_hung_up_total",
		"Failed ones whose peer was gone.", false},
	{"bytes_read", offsetof(struct ssv_counters, bytes_read), "socketserver_read_bytes_total",
		"Bytes that came from clients.", false},
	{"bytes_written", offsetof(struct ssv_counters, bytes_written),
		"socketserver_written_bytes_total", "Bytes that went to clients.", false},
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t value_of(const struct counter *counter, const struct ssv_counters *values)
{
	return *(const uint64_t *)(const void *)((const char *)values + counter->offset);
}

/* --- text: words in pairs --- */

static void write_text_server(FILE *to, const struct snapshot_server *server)
{
	char address[TEXT_SIZE];

	fprintf(to, "server %s mode %s",
		quote_word(address, sizeof(address), server->subject->address),
		server->subject->mode);
	for (size_t i = 0; i < COUNTERS; i++)
		fprintf(to, " %s %" PRIu64, counters[i].name,
			value_of(&counters[i], &server->counters));
	fputc('\n', to);
}

static void write_text(
	FILE *to, const struct stats_process *process, const struct snapshot *snapshot)
{
	char handler[256];

	fprintf(to, "socketserver %s pid %d handler %s up %.3f\n", ssv_version(), (int)getpid(),
		quote_word(handler, sizeof(handler), process->handler), process->up);
	for (size_t i = 0; i < snapshot->count; i++)
		write_text_server(to, &snapshot->servers[i]);
}

static void write_text_connection(
	FILE *to, const struct snapshot_connection *connection, const char *server)
{
	const struct ssv_request_progress *progress = &connection->progress;
	char text[SSV_ADDRESS_TEXT_SIZE], peer[TEXT_SIZE];

	ssv_address_format(&connection->peer, text);
	fprintf(to, "connection %s server %s age %.3f state %s",
		quote_word(peer, sizeof(peer), text), server, connection->age,
		snapshot_state(progress));
	if (progress->child != 0)
		fprintf(to, " pid %d\n", (int)progress->child);
	else
		fprintf(to, " bytes_read %" PRIu64 " bytes_written %" PRIu64 "\n",
			progress->bytes_read, progress->bytes_written);
}

static void write_connections(
	FILE *to, const struct stats_process *process, const struct snapshot *snapshot)
{
	const struct snapshot_server *server;
	char address[TEXT_SIZE];

	write_text(to, process, snapshot);
	for (size_t i = 0; i < snapshot->count; i++) {
		server = &snapshot->servers[i];
		quote_word(address, sizeof(address), server->subject->address);
		for (size_t j = 0; j < server->count; j++)
			write_text_connection(to, &server->connections[j], address);
		if (server->left_out > 0)
			fprintf(to, "left_out %zu server %s\n", server->left_out, address);
	}
}

/* --- JSON --- */

static void write_json_connection(FILE *to, const struct snapshot_connection *connection)
{
	const struct ssv_request_progress *progress = &connection->progress;
	char text[SSV_ADDRESS_TEXT_SIZE], peer[TEXT_SIZE];

	ssv_address_format(&connection->peer, text);
	fprintf(to, "{\"peer\":\"%s\",\"age\":%.3f,\"state\":\"%s\"",
		quote_json(peer, sizeof(peer), text), connection->age, snapshot_state(progress));
	if (progress->child != 0)
		fprintf(to, ",\"pid\":%d}", (int)progress->child);
	else
		fprintf(to, ",\"bytes_read\":%" PRIu64 ",\"bytes_written\":%" PRIu64 "}",
			progress->bytes_read, progress->bytes_written);
}

static void write_json_server(FILE *to, const struct snapshot_server *server)
{
	char address[TEXT_SIZE];

	fprintf(to, "{\"address\":\"%s\",\"mode\":\"%s\"",
		quote_json(address, sizeof(address), server->subject->address),
		server->subject->mode);
	for (size_t i = 0; i < COUNTERS; i++)
		fprintf(to, ",\"%s\":%" PRIu64, counters[i].name,
			value_of(&counters[i], &server->counters));
	fputs(",\"connections\":[", to);
	for (size_t i = 0; i < server->count; i++) {
		fputs(i > 0 ? ",\n" : "\n", to);
		write_json_connection(to, &server->connections[i]);
	}
	fprintf(to, "],\"left_out\":%zu}", server->left_out);
}

static void write_json(
	FILE *to, const struct stats_process *process, const struct snapshot *snapshot)
{
	char handler[256];

	fprintf(to, "{\"version\":\"%s\",\"pid\":%d,\"handler\":\"%s\",\"up\":%.3f,\"servers\":[",
		ssv_version(), (int)getpid(),
		quote_json(handler, sizeof(handler), process->handler), process->up);
	for (size_t i = 0; i < snapshot->count; i++) {
		fputs(i > 0 ? ",\n" : "\n", to);
		write_json_server(to, &snapshot->servers[i]);
	}
	fputs("]}\n", to);
}

/* --- Prometheus --- */

static void write_metric(FILE *to, const struct counter *counter, const struct snapshot *snapshot)
{
	const struct snapshot_server *server;
	char address[TEXT_SIZE];

	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", counter->metric, counter->help, counter->metric,
		counter->is_gauge ? "gauge" : "counter");
	for (size_t i = 0; i < snapshot->count; i++) {
		server = &snapshot->servers[i];
		fprintf(to, "%s{address=\"%s\",mode=\"%s\"} %" PRIu64 "\n", counter->metric,
			quote_label(address, sizeof(address), server->subject->address),
			server->subject->mode, value_of(counter, &server->counters));
	}
}

static void write_prometheus(
	FILE *to, const struct stats_process *process, const struct snapshot *snapshot)
{
	char handler[256];

	for (size_t i = 0; i < COUNTERS; i++)
		write_metric(to, &counters[i], snapshot);
	fprintf(to,
		"# HELP process_start_time_seconds When the process started, since 1970.\n"
		"# TYPE process_start_time_seconds gauge\n"
		"process_start_time_seconds %.3f\n",
		process->started);
	fprintf(to,
		"# HELP socketserver_info What is served, and by which version.\n"
		"# TYPE socketserver_info gauge\n"
		"socketserver_info{handler=\"%s\",version=\"%s\"} 1\n",
		quote_label(handler, sizeof(handler), process->handler), ssv_version());
}

const struct stats_format stats_formats[] = {
	{"text", "/", "text/plain; charset=utf-8", false, write_text},
	{"connections", "/connections", "text/plain; charset=utf-8", true, write_connections},
	{"json", "/json", "application/json", true, write_json},
	{"prometheus", "/metrics", "text/plain; version=0.0.4; charset=utf-8", false,
		write_prometheus},
	{.name = NULL},
};
