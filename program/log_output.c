#include "log_output.h"
#include "complain.h"
#include "quote.h"
#include <errno.h>
#include <socketserver/container_of.h>
#include <socketserver/server.h>
#include <socketserver/visible.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 4096    /* what a pipe takes in one piece */
#define ADDRESS_SIZE 1200 /* two of them leave room for the rest */

/* A line that is being written; what does not fit is cut. */
struct line {
	char text[LINE_SIZE];
	size_t length;
};

SSV_PRINTF(2, 3)
static void add(struct line *line, const char *format, ...)
{
	size_t room = sizeof(line->text) - line->length;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line->text + line->length, room, format, arguments);
	va_end(arguments);
	line->length += (size_t)n < room ? (size_t)n : room - 1;
}

/* --- text --- */

static void add_text(
	struct line *line, const struct ssv_log_event *event, bool syslog, unsigned int lost)
{
	char peer[SSV_ADDRESS_TEXT_SIZE] = "", pid[16] = "";

	if (event->request != NULL && event->request->client_address.length > 0)
		ssv_address_format(&event->request->client_address, peer);
	if (syslog)
		snprintf(pid, sizeof(pid), "[%d]", (int)getpid());
	add(line, "socketserver%s: %s: ", pid, ssv_log_level_name(event->level));
	if (lost > 0)
		add(line, "(%u lost here) ", lost);
	add(line, "%s%s%.3000s", peer, peer[0] == '\0' ? "" : ": ", event->message);
}

/* --- JSON --- */

/* Not gmtime_r(3): it takes a lock, which a forked child might find taken. Days since 1970 to the
 * date, by years that begin in March. */
static void add_date(struct line *line, long days)
{
	long era, of_era, year, of_year, month;

	days += 719468; /* since March 1 of year 0 */
	era = days / 146097;
	of_era = days % 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	add(line, "%04ld-%02ld-%02ld", era * 400 + year + (month >= 10),
		month < 10 ? month + 3 : month - 9, of_year - (153 * month + 2) / 5 + 1);
}

static void add_time(struct line *line)
{
	struct timespec now;
	long second;

	clock_gettime(CLOCK_REALTIME, &now);
	second = now.tv_sec % 86400;
	add(line, "{\"ts\":\"");
	add_date(line, now.tv_sec / 86400);
	add(line, "T%02ld:%02ld:%02ld.%06ldZ\"", second / 3600, second / 60 % 60, second % 60,
		now.tv_nsec / 1000);
}

static void add_address(struct line *line, const char *name, const struct ssv_address *address)
{
	char text[SSV_ADDRESS_TEXT_SIZE], quoted[ADDRESS_SIZE];

	if (address->length == 0)
		return;
	add(line, ",\"%s\":\"%s\"", name,
		quote_json(quoted, sizeof(quoted), ssv_address_format(address, text)));
}

/* The message comes last, and takes what room is left: the line stays JSON. */
static void add_message(struct line *line, const char *message)
{
	char quoted[LINE_SIZE];

	add(line, ",\"message\":\"%s\"}",
		quote_json(quoted, sizeof(line->text) - line->length - 32, message));
}

static void add_json(struct line *line, const struct ssv_log_event *event, unsigned int lost)
{
	const char *error = event->error < 0 ? strerrorname_np(-event->error) : NULL;

	add_time(line);
	add(line, ",\"level\":\"%s\",\"pid\":%d", ssv_log_level_name(event->level), (int)getpid());
	if (event->server != NULL)
		add_address(line, "server", &event->server->server_address);
	if (event->request != NULL)
		add_address(line, "peer", &event->request->client_address);
	add(line, ",\"event\":\"%s\"", event->what != NULL ? event->what : "message");
	if (error != NULL)
		add(line, ",\"errno\":\"%s\"", error);
	if (lost > 0)
		add(line, ",\"lost\":%u", lost);
	add_message(line, event->message);
}

/* --- where it goes --- */

static int priority(enum ssv_log_level level)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	return priorities[level];
}

/* Not syslog(3), which waits where nobody reads: a log never stops a server. */
static bool put(const struct log_output *output, struct line *line)
{
	const struct sockaddr *at = (const struct sockaddr *)&output->at;

	if (output->fd >= 0)
		return sendto(output->fd, line->text, line->length, MSG_DONTWAIT | MSG_NOSIGNAL, at,
			       sizeof(output->at)) >= 0;
	line->text[line->length] = '\n';
	return ssv_log_put_stderr(line->text, line->length + 1);
}

static void take_event(struct ssv_log *log, const struct ssv_log_event *event)
{
	struct log_output *output = ssv_container_of(log, struct log_output, log);
	unsigned int lost = __atomic_exchange_n(&output->lost, 0, __ATOMIC_RELAXED);
	int facility = output->fd >= 0 ? LOG_DAEMON : 0;
	struct line line = {.length = 0};

	if (output->prioritized)
		add(&line, "<%d>", facility | priority(event->level));
	if (output->json && output->fd >= 0)
		add(&line, "socketserver[%d]: ", (int)getpid());
	if (output->json)
		add_json(&line, event, lost);
	else
		add_text(&line, event, output->fd >= 0, lost);
	ssv_make_harmless(line.text);
	line.length -= line.length == sizeof(line.text) - 1; /* for the newline */
	if (!put(output, &line))
		__atomic_add_fetch(&output->lost, lost + 1, __ATOMIC_RELAXED);
}

/* What a handler says. */
static void take_message(struct ssv_log *log, enum ssv_log_level level,
	const struct ssv_request *request, const char *message)
{
	const struct ssv_log_event event = {
		.level = level,
		.server = request != NULL ? request->server : NULL,
		.request = request,
		.message = message,
	};

	take_event(log, &event);
}

/* --- open and close --- */

static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat file;

	if (stream == NULL || fstat(STDERR_FILENO, &file) < 0)
		return false;
	snprintf(ours, sizeof(ours), "%lu:%lu", (unsigned long)file.st_dev,
		(unsigned long)file.st_ino);
	return strcmp(stream, ours) == 0;
}

static int complain_syslog(const char *path, int error)
{
	complain("no syslog: %s: %s: start a syslog daemon, or use --log-to stderr", path,
		strerror(error));
	return EXIT_FAILURE;
}

/* That somebody is there is tried once; later, lines are lost while nobody is. */
static int open_syslog(struct log_output *output, const char *path)
{
	output->at.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(output->at.sun_path))
		return complain_syslog(path, ENAMETOOLONG);
	memcpy(output->at.sun_path, path, strlen(path) + 1);
	output->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (output->fd < 0 ||
		connect(output->fd, (struct sockaddr *)&output->at, sizeof(output->at)) < 0)
		return complain_syslog(path, errno);
	output->prioritized = true;
	return 0;
}

int log_output_open(struct log_output *output, const struct log_settings *settings)
{
	const char *to = settings->to != NULL ? settings->to : "stderr";

	output->fd = -1;
	output->json = settings->format != 0;
	output->log.write = take_message;
	output->log.event = take_event;
	if (strcmp(to, "syslog") == 0)
		return open_syslog(output, "/dev/log");
	if (strncmp(to, "syslog:", 7) == 0)
		return open_syslog(output, to + 7);
	if (strcmp(to, "stderr") != 0)
		return complain_usage(
			"no place for a log: --log-to %s: take stderr, syslog or syslog:PATH", to);
	output->prioritized = is_journal();
	if (output->json || output->prioritized)
		return 0;
	output->log.write = ssv_log_to_stderr;
	output->log.event = NULL;
	return 0;
}

bool log_output_is_formatted(const struct log_output *output)
{
	return output->log.event == take_event;
}

void log_output_close(struct log_output *output)
{
	if (output->at.sun_family != 0 && output->fd >= 0)
		close(output->fd);
	output->fd = -1;
}
