/** load: asks a server for echoes, checks every byte of them, and measures how long they take. */
#include "../program/complain.h"
#include "../program/options.h"
#include "dial.h"
#include "scenarios.h"
#include "worker.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* What a datagram of UDP can carry; it needs room for its number, too. */
#define DATAGRAM_MAX 65507
#define DATAGRAM_MIN 8

const char complain_name[] = "load";

static const struct option_spec specs[] = {
	{"connections", "N", "at a time (default 1)", option_set_whole,
		offsetof(struct plan, connections), 1, 19000, 'c'},
	{"threads", "N", "that share them (default 1)", option_set_whole,
		offsetof(struct plan, threads), 1, 64, 't'},
	{"count", "N", "requests in all", option_set_whole, offsetof(struct plan, count), 1,
		INT_MAX, 'n'},
	{"seconds", "SECONDS", "instead of a count: for so long (default 1)", option_set_seconds,
		offsetof(struct plan, duration), 0.001, 86400, 's'},
	{"warmup", "SECONDS", "before that, which is not measured (default 0)", option_set_seconds,
		offsetof(struct plan, warmup), 0, 3600, 0},
	{"rate", "N", "requests a second, each at its time (default: as fast as replies come)",
		option_set_whole, offsetof(struct plan, rate), 1, 100000000, 'r'},
	{"size", "BYTES", "of a request (default 64; bulk 16 MiB)", option_set_whole,
		offsetof(struct plan, size), 1, 1 << 30, 0},
	{"window", "N", "datagrams in flight on each socket (default 1)", option_set_whole,
		offsetof(struct plan, window), 1, 65536, 'w'},
	{"timeout", "SECONDS", "a request that does not get on for so long is lost (default 10)",
		option_set_seconds, offsetof(struct plan, timeout), 0.001, 3600, 0},
	{"abrupt", NULL, "churn, bulk: close right after the reply, before the server does",
		option_set_flag, offsetof(struct plan, abrupt), 0, 0, 0},
	{"pid", "PID", "of the server: the memory that each connection takes there",
		option_set_whole, offsetof(struct plan, pid), 1, INT_MAX, 0},
	{"json", NULL, "the result as a line of JSON", option_set_flag, offsetof(struct plan, json),
		0, 0, 0},
	OPTION_HELP(struct plan, help),
	{.name = NULL},
};

static const char help_head[] =
	"usage: load SCENARIO ADDRESS [options]\n"
	"\n"
	"ADDRESS is tcp://HOST:PORT, udp://HOST:PORT, unix:PATH or unixgram:PATH.\n"
	"Exit status: 0 if no request was lost and every byte was right, 1 if not, 2 wrong usage.\n"
	"\n"
	"Scenarios:\n";

static int print_help(void)
{
	fputs(help_head, stdout);
	for (const struct scenario *scenario = scenarios; scenario->name != NULL; scenario++)
		printf("  %-9s %s\n", scenario->name, scenario->help);
	puts("\nOptions:");
	options_print_specs(specs);
	return fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Each connection, and some of our own. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int set_scenario(struct plan *plan, const char *name)
{
	plan->scenario = scenario_find(name);
	if (plan->scenario == NULL)
		return complain_usage("no scenario: %s", name);
	return 0;
}

static int set_address(struct plan *plan, const char *text)
{
	const char *error;
	int rc;

	plan->text = text;
	if (ssv_address_parse(&plan->address, text, &error) < 0)
		return complain_usage("bad address: %s: %s", text, error);
	if (!(ssv_transport_is_stream(plan->address.transport) ? plan->scenario->stream
							       : plan->scenario->datagram))
		return complain_usage("%s does not work over %s: %s", plan->scenario->name,
			ssv_transport_name(plan->address.transport), text);
	rc = dial_resolve(&plan->address);
	if (rc < 0)
		complain("name cannot be resolved: %s: %s", text, strerror(-rc));
	return rc < 0 ? EXIT_FAILURE : 0;
}

/* What one option means for the others. */
static int complete(struct plan *plan)
{
	if (plan->size == 0)
		plan->size = plan->scenario->size;
	if (plan->scenario->datagram && (plan->size < DATAGRAM_MIN || plan->size > DATAGRAM_MAX))
		return complain_usage(
			"a datagram has from %d to %d bytes", DATAGRAM_MIN, DATAGRAM_MAX);
	if (plan->scenario->stay)
		plan->count = plan->connections;
	if (plan->count > 0)
		plan->warmup = 0;
	if (plan->threads > plan->connections)
		plan->threads = plan->connections;
	return 0;
}

static int fail(const char *what, int error)
{
	complain("%s: %s", what, strerror(-error));
	return EXIT_FAILURE;
}

/* Returns how many threads have started. */
static int start(struct worker *workers, const struct plan *plan)
{
	int rc = 0, started = 0;

	for (int i = 0; i < plan->threads && rc == 0; i++)
		rc = worker_open(&workers[i], plan, i);
	while (rc == 0 && started < plan->threads) {
		rc = worker_start(&workers[started]);
		started += rc == 0;
	}
	if (rc < 0)
		fail("cannot start", rc);
	return started;
}

static int look_at_memory(const struct plan *plan, struct memory *memory)
{
	int rc = plan->pid > 0 ? memory_of(plan->pid, memory) : 0;

	if (rc < 0)
		complain("memory of --pid %d: %s", plan->pid, strerror(-rc));
	return rc < 0 ? EXIT_FAILURE : 0;
}

static int report(struct worker *workers, const struct plan *plan, const struct memory *before,
	const struct memory *after)
{
	struct result *all = &workers[0].result;
	bool has_memory = plan->pid > 0;

	for (int i = 1; i < plan->threads; i++)
		result_merge(all, &workers[i].result);
	result_print(all, plan, has_memory ? before : NULL, after);
	return fflush(stdout) == 0 && result_is_good(all) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct worker *workers, const struct plan *plan)
{
	struct memory before = {0}, after = {0};
	int started, status;

	status = look_at_memory(plan, &before);
	if (status != 0)
		return status;
	started = start(workers, plan);
	for (int i = 0; i < started; i++)
		worker_join(&workers[i]);
	if (started < plan->threads)
		return EXIT_FAILURE;
	status = look_at_memory(plan, &after);
	return status != 0 ? status : report(workers, plan, &before, &after);
}

static int run_plan(const struct plan *plan)
{
	struct worker *workers = calloc((size_t)plan->threads, sizeof(*workers));
	int status;

	if (workers == NULL)
		return fail("cannot start", -ENOMEM);
	for (int i = 0; i < plan->threads; i++)
		workers[i].epoll = -1;
	status = run(workers, plan);
	for (int i = 0; i < plan->threads; i++)
		worker_close(&workers[i]);
	free(workers);
	return status;
}

int main(int argc, char **argv)
{
	struct plan plan = {
		.connections = 1, .threads = 1, .window = 1, .duration = 1000, .timeout = 10000};
	struct options options = {.specs = specs, .settings = &plan};
	int first, status;

	first = options_parse(&options, argc, argv, false);
	if (first < 0)
		return EXIT_USAGE;
	if (plan.help)
		return print_help();
	if (argc - first != 2)
		return complain_usage("give a scenario and an address");
	raise_descriptor_limit();
	status = set_scenario(&plan, argv[first]);
	if (status == 0)
		status = set_address(&plan, argv[first + 1]);
	if (status == 0)
		status = complete(&plan);
	return status != 0 ? status : run_plan(&plan);
}
