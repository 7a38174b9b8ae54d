#include "top.h"
#include "../handlers/monotonic.h"
#include "complain.h"
#include "explain.h"
#include "options.h"
#include "output.h"
#include "top_asker.h"
#include "top_report.h"
#include "top_table.h"
#include "top_terminal.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 5000 /* with whoever is asked */

struct settings {
	int interval; /* ms */
	int count;    /* 0: no end */
	bool once, help;
};

struct top {
	struct settings settings;
	const char *address;
	struct ssv_address at;
	struct top_report report, before;
	int64_t next; /* ms of the monotonic clock: when to ask again */
	int shown;
	int error; /* why there is no newer one */
};

static const struct option_spec specs[] = {
	{"interval", "SECONDS", "ask so often (default 1)", option_set_seconds,
		offsetof(struct settings, interval), 0.1, 86400, 'i'},
	{"count", "N", "end after so many times (default: with q or Ctrl-C)", option_set_whole,
		offsetof(struct settings, count), 1, INT_MAX, 'n'},
	{"once", NULL, "show it once, and end", option_set_flag, offsetof(struct settings, once), 0,
		0, 0},
	OPTION_HELP(struct settings, help),
	{.name = NULL},
};
const struct option_spec *const top_options = specs;

static const char help_head[] =
	"usage: socketserver top ADDRESS [options]\n"
	"\n"
	"Shows what a server is doing: its counters, and the connections that are open.\n"
	"ADDRESS is what `socketserver serve --stats ADDRESS` was given. On a terminal it\n"
	"is drawn anew each second, until q or Ctrl-C; elsewhere it is printed so often.\n"
	"\n"
	"Options:\n";

static const char help_examples[] =
	"\n"
	"Examples:\n"
	"  socketserver serve echo --stats unix:/tmp/echo.stats\n"
	"  socketserver top unix:/tmp/echo.stats\n"
	"  socketserver top unix:/tmp/echo.stats --once\n"
	"  socketserver top tcp://127.0.0.1:9998 --interval 60 --count 10 >log\n";

/* --- asking --- */

static int explain_report(const struct top *top, int error)
{
	switch (error) {
	case -ECONNREFUSED:
	case -ENOENT:
		complain("nobody answers: %s: start a server with: socketserver serve echo "
			 "--stats %s",
			top->address, top->address);
		break;
	case -EPROTO:
	case -EMSGSIZE:
		complain("no stats there: %s: give the address that `serve --stats` was given",
			top->address);
		break;
	case -ETIMEDOUT:
		complain("no answer in time: %s: see whether that server is stopped, and that "
			 "it has its --stats there",
			top->address);
		break;
	default:
		return explain_connect(error, &top->at, "echo");
	}
	return EXIT_FAILURE;
}

static int take_report(struct top *top, int error, const struct top_report *report)
{
	top->error = error;
	if (error < 0)
		return error;
	top_report_free(&top->before);
	top->before = top->report;
	top->report = *report;
	top->shown++;
	return 0;
}

static bool is_last(const struct top *top)
{
	return top->settings.count > 0 && top->shown >= top->settings.count;
}

static int time_left(const struct top *top)
{
	int64_t left = top->next - monotonic_ms();

	return left > 0 ? (int)left : 0;
}

/* Who was stopped for long does not catch up. */
static void set_next(struct top *top)
{
	top->next += top->settings.interval;
	if (top->next < monotonic_ms())
		top->next = monotonic_ms();
}

/* --- as lines --- */

static int print_report(struct top *top)
{
	struct top_page page = {.to = stdout, .end = "\n"};
	struct top_report report;
	int rc = top_report_get(&report, top->address, PATIENCE_MS);

	rc = take_report(top, rc, &report);
	if (rc < 0)
		return explain_report(top, rc);
	if (top->shown > 1)
		putchar('\n');
	top_table_draw(&page, top->address, &top->report, &top->before);
	putchar('\n');
	return output_finish();
}

static int print_reports(struct top *top)
{
	int status;

	signal(SIGPIPE, SIG_DFL); /* its reader has had enough: end as other filters do */
	status = print_report(top);

	while (status == 0 && !is_last(top)) {
		set_next(top);
		poll(NULL, 0, time_left(top));
		status = print_report(top);
	}
	return status;
}

/* --- on a terminal --- */

static const char *title(const struct top *top, char *text, size_t size)
{
	if (top->error < 0)
		snprintf(text, size, "NO ANSWER (%s) %s", strerror(-top->error), top->address);
	else
		snprintf(text, size, "%s", top->address);
	return text;
}

static int show_report(const struct top *top)
{
	char heading[SSV_ADDRESS_TEXT_SIZE + 64], *text = NULL;
	struct top_page page = {.end = TOP_TERMINAL_NEWLINE};
	size_t size;
	int rc;

	page.to = open_memstream(&text, &size);
	if (page.to == NULL)
		return -ENOMEM;
	top_terminal_size(&page.columns, &page.rows);
	top_table_draw(&page, title(top, heading, sizeof(heading)), &top->report, &top->before);
	rc = fclose(page.to) == 0 ? top_terminal_show(text) : -ENOMEM;
	free(text);
	return rc;
}

/* There may be nothing to show yet. */
static int redraw(const struct top *top)
{
	return top->shown > 0 ? show_report(top) : 0;
}

/* Until it is time to ask again: keys, and another size of the terminal. */
static bool wait_for_time(struct top *top)
{
	enum top_event event;

	set_next(top);
	while ((event = top_terminal_wait(time_left(top), -1)) == TOP_REDRAW && redraw(top) == 0)
		;
	return event == TOP_TIME_IS_UP;
}

/* The same, until there is an answer, or none comes: who is asked may hang. */
static bool ask(struct top *top)
{
	struct top_report report;
	enum top_event event;

	top->error = top_asker_begin(top->address, PATIENCE_MS);
	if (top->error < 0)
		return true;
	while ((event = top_terminal_wait(-1, top_asker_fd())) == TOP_REDRAW && redraw(top) == 0)
		;
	if (event == TOP_INPUT)
		take_report(top, top_asker_finish(&report), &report);
	else
		top_asker_abandon();
	return event == TOP_INPUT;
}

/* Who was there and is no more may come back: it is said, and asked again. */
static int show_reports(struct top *top)
{
	int rc = top_terminal_open();
	bool more = rc == 0 && ask(top);

	while (more && top->shown > 0) {
		rc = show_report(top);
		more = rc == 0 && !is_last(top) && wait_for_time(top) && ask(top);
	}
	top_terminal_close();
	if (more)
		return explain_report(top, top->error);
	return rc < 0 ? explain_output(rc) : EXIT_SUCCESS;
}

/* --- the command --- */

static int watch(struct top *top)
{
	const char *error;
	int status;

	if (ssv_address_parse(&top->at, top->address, &error) < 0)
		return complain_usage("bad address: %s: %s", top->address, error);
	if (!ssv_transport_is_stream(top->at.transport))
		return complain_usage("no address of stats: %s: take that of `serve --stats`, "
				      "unix:PATH or tcp://HOST:PORT",
			top->address);
	top->next = monotonic_ms();
	if (top_terminal_is_there() && !top->settings.once)
		status = show_reports(top);
	else
		status = print_reports(top);
	top_report_free(&top->report);
	top_report_free(&top->before);
	return status;
}

static int print_help(void)
{
	fputs(help_head, stdout);
	options_print_specs(specs);
	fputs(help_examples, stdout);
	return output_finish();
}

int top_main(int count, char **arguments)
{
	struct top top = {.settings.interval = 1000};
	struct options options = {.specs = specs, .settings = &top.settings};
	int first;

	complain_for("top");
	first = options_parse(&options, count, arguments, false);
	if (first < 0)
		return -first;
	if (top.settings.help)
		return print_help();
	if (first == count)
		return complain_usage("no address: top: give that of `serve --stats`, such as "
				      "unix:/tmp/echo.stats");
	if (count - first > 1)
		return complain_usage("too many addresses: %s: give one", arguments[first + 1]);
	if (top.settings.once)
		top.settings.count = 1;
	top.address = arguments[first];
	return watch(&top);
}
