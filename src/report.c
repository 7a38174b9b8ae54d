#include "report.h"

#include "clock.h"
#include "tally.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_MS 10000
#define PRINTED_IN_A_WINDOW 10
#define KINDS (sizeof(((struct ssv_tally *)0)->reports) / sizeof(struct ssv_report_count) - 1)

static bool is_over(const struct ssv_report_count *count, int64_t now)
{
	return count->printed == 0 || now >= ssv_after(count->since, WINDOW_MS);
}

/* Under the lock. The count of equal reports; the oldest, which `lost` then is, makes room for a
 * new kind when its time is over. */
static struct ssv_report_count *find(struct ssv_tally *tally, const char *what, int error,
	int64_t now, struct ssv_report_count *lost)
{
	struct ssv_report_count *oldest = tally->reports, *others = tally->reports + KINDS, *count;

	for (count = tally->reports; count < others; count++) {
		if (count->error == error && count->what != NULL && strcmp(count->what, what) == 0)
			return count;
		if (count->since < oldest->since)
			oldest = count;
	}
	if (!is_over(oldest, now)) {
		others->what = "other reports";
		return others;
	}
	*lost = *oldest;
	*oldest = (struct ssv_report_count){.what = what, .error = error};
	return oldest;
}

/* Whether this one is passed on, and how many were not since the last that was. */
static bool is_due(struct ssv_server *server, const char *what, int error, unsigned int *suppressed,
	struct ssv_report_count *lost)
{
	int64_t now = ssv_now();
	struct ssv_report_count *count;
	bool due;

	if (!ssv_tally_lock(server))
		return true; /* uncounted */
	count = find(server->tally, what, error, now, lost);
	if (is_over(count, now)) {
		count->printed = 0;
		count->since = now;
	}
	due = count->printed < PRINTED_IN_A_WINDOW;
	if (due) {
		*suppressed = count->suppressed;
		count->suppressed = 0;
		count->printed++;
	} else {
		count->suppressed++;
	}
	ssv_tally_unlock(server->tally);
	return due;
}

static void print(struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *what, int error, const char *text,
	unsigned int suppressed)
{
	char message[256], more[48] = "";

	if (suppressed > 0)
		snprintf(more, sizeof(more), " (and %u more like it)", suppressed);
	snprintf(message, sizeof(message), "%s%s%s%s", what, text[0] == '\0' ? "" : ": ", text,
		more);
	if (server->log->event == NULL)
		server->log->write(server->log, level, request, message);
	else
		server->log->event(server->log,
			&(struct ssv_log_event){level, server, request, what, error, message});
}

static const char *text_of(int error)
{
	const char *text = error < 0 ? strerrordesc_np(-error) : NULL;

	return text != NULL ? text : error == 0 ? "" : "unknown error";
}

/* What was counted and never said. Its level is not known; the log wants this one, too. */
static void print_rest(struct ssv_server *server, const struct ssv_report_count *rest)
{
	enum ssv_log_level most = server->log->level;

	if (rest->suppressed > 0)
		print(server, most < SSV_LOG_WARNING ? most : SSV_LOG_WARNING, NULL, rest->what,
			rest->error, text_of(rest->error), rest->suppressed);
}

static void report(struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *what, int error, const char *text)
{
	struct ssv_report_count lost = {0};
	unsigned int suppressed = 0;
	bool due;

	if (level > server->log->level)
		return;
	due = is_due(server, what, error, &suppressed, &lost);
	print_rest(server, &lost);
	if (due)
		print(server, level, request, what, error, text, suppressed);
}

void ssv_server_report(struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *what, int error)
{
	report(server, level, request, what, error, text_of(error));
}

void ssv_report_text(struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *what, const char *text)
{
	report(server, level, request, what, 0, text);
}

void ssv_report_rest(struct ssv_server *server)
{
	struct ssv_report_count *count, rest;

	for (count = server->tally->reports; count <= server->tally->reports + KINDS; count++) {
		if (!ssv_tally_lock(server))
			return;
		rest = *count;
		*count = (struct ssv_report_count){0};
		ssv_tally_unlock(server->tally);
		print_rest(server, &rest);
	}
}
