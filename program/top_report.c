#include "top_report.h"
#include <errno.h>
#include <socketserver/client.h>
#include <socketserver/stream.h>
#include <socketserver/visible.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION "connections\n"
#define PIECE 65536
#define ANSWER_MAX ((size_t)64 * 1024 * 1024) /* bytes */

/* All that comes, with a NUL behind it. */
static int read_all(struct ssv_stream *stream, char **text)
{
	size_t length = 0;
	ssize_t n = 1;
	char *larger;

	while (n > 0) {
		if (length > ANSWER_MAX)
			return -EMSGSIZE;
		larger = realloc(*text, length + PIECE + 1);
		if (larger == NULL)
			return -ENOMEM;
		*text = larger;
		n = ssv_stream_read(stream, *text + length, PIECE);
		length += n > 0 ? (size_t)n : 0;
	}
	if (n == 0)
		(*text)[length] = '\0';
	return (int)n;
}

static int ask(const char *address, int timeout, char **text)
{
	struct ssv_stream stream;
	int rc = ssv_connect(&stream, address, timeout);
	ssize_t n;

	if (rc < 0)
		return rc;
	ssv_stream_set_deadline(&stream, timeout);
	n = ssv_stream_write(&stream, QUESTION, strlen(QUESTION));
	rc = n < 0 ? (int)n : ssv_stream_shutdown(&stream);
	if (rc == 0)
		rc = read_all(&stream, text);
	ssv_stream_close(&stream);
	return rc;
}

static struct top_line parse_line(char *text)
{
	struct top_line line = {.count = 0};
	char *rest, *name = strtok_r(text, " ", &rest), *value;

	while (name != NULL && line.count < TOP_PAIRS) {
		value = strtok_r(NULL, " ", &rest);
		if (value == NULL)
			break;
		line.names[line.count] = name;
		line.values[line.count++] = value;
		name = strtok_r(NULL, " ", &rest);
	}
	return line;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}

static int parse(struct top_report *report)
{
	char *rest, *text;

	report->lines = calloc(count_lines(report->text), sizeof(*report->lines));
	if (report->lines == NULL)
		return -ENOMEM;
	text = strtok_r(report->text, "\n", &rest);
	for (; text != NULL; text = strtok_r(NULL, "\n", &rest)) {
		ssv_make_harmless(text); /* whoever answers does not command the terminal */
		report->lines[report->count++] = parse_line(text);
	}
	return report->count > 0 && top_is(&report->lines[0], "socketserver") ? 0 : -EPROTO;
}

int top_report_get(struct top_report *report, const char *address, int timeout)
{
	int rc;

	*report = (struct top_report){0};
	rc = ask(address, timeout, &report->text);
	if (rc == 0)
		rc = parse(report);
	if (rc < 0)
		top_report_free(report);
	return rc;
}

void top_report_free(struct top_report *report)
{
	free(report->lines);
	free(report->text);
	*report = (struct top_report){0};
}

const char *top_value(const struct top_line *line, const char *name)
{
	for (int i = 0; i < line->count; i++)
		if (strcmp(line->names[i], name) == 0)
			return line->values[i];
	return NULL;
}

double top_number(const struct top_line *line, const char *name)
{
	const char *value = top_value(line, name);

	return value != NULL ? strtod(value, NULL) : 0;
}

bool top_is(const struct top_line *line, const char *kind)
{
	return line->count > 0 && strcmp(line->names[0], kind) == 0;
}
