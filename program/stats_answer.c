#include "stats_answer.h"
#include "stats.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 100 /* of HTTP, that are read and not looked at */
#define NAMES "text, connections, json or prometheus"

/* --- what is sent --- */

static int send_all(struct ssv_stream *stream, const char *data, size_t size)
{
	ssize_t n = ssv_stream_write(stream, data, size);

	return n < 0 ? (int)n : 0;
}

/* All of it is there before any is sent: no slow reader holds what it is about. */
static int make_answer(
	struct stats *stats, const struct stats_format *format, char **text, size_t *size)
{
	FILE *to = open_memstream(text, size);
	int rc;

	if (to == NULL)
		return -ENOMEM;
	rc = stats_write(stats, format, to);
	if (fclose(to) != 0 && rc == 0)
		rc = -ENOMEM;
	return rc;
}

/* --- a line, and no more --- */

static int refuse_line(struct ssv_stream *stream)
{
	ssize_t n = ssv_stream_printf(stream, "unknown question: ask for " NAMES "\n");

	return n < 0 ? (int)n : 0;
}

static int answer_line(struct ssv_handler *handler, const char *name)
{
	const struct stats_format *format = stats_formats;
	char *text = NULL;
	size_t size;
	int rc;

	if (*name == '\0')
		name = format->name;
	while (format->name != NULL && strcmp(format->name, name) != 0)
		format++;
	if (format->name == NULL)
		return refuse_line(handler->request->stream);
	rc = make_answer(handler->server->user, format, &text, &size);
	if (rc == 0)
		rc = send_all(handler->request->stream, text, size);
	free(text);
	return rc;
}

/* --- HTTP, as much as curl and Prometheus need --- */

static int send_head(struct ssv_stream *stream, const char *status, const char *type, size_t size)
{
	ssize_t n = ssv_stream_printf(stream,
		"HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Connection: close\r\nX-Content-Type-Options: nosniff\r\n%s\r\n",
		status, type, size, strncmp(status, "405", 3) == 0 ? "Allow: GET, HEAD\r\n" : "");

	return n < 0 ? (int)n : 0;
}

static int refuse_http(struct ssv_stream *stream, const char *status, const char *text)
{
	int rc = send_head(stream, status, "text/plain; charset=utf-8", strlen(text));

	return rc < 0 ? rc : send_all(stream, text, strlen(text));
}

/* 0 at the empty line that ends them. */
static int skip_headers(struct ssv_stream *stream)
{
	ssize_t n = 0;
	char *line;

	for (int i = 0; i < HEADERS_MAX; i++) {
		n = ssv_stream_readline(stream, &line);
		if (n < 0 || n == 0 || *line == '\n' || strcmp(line, "\r\n") == 0)
			return (int)n < 0 ? (int)n : 0;
	}
	return -EMSGSIZE;
}

static int answer_http(struct ssv_handler *handler, const struct stats_format *format, bool head)
{
	struct ssv_stream *stream = handler->request->stream;
	char *text = NULL;
	size_t size;
	int rc = make_answer(handler->server->user, format, &text, &size);

	if (rc == 0)
		rc = send_head(stream, "200 OK", format->type, size);
	if (rc == 0 && !head)
		rc = send_all(stream, text, size);
	free(text);
	return rc;
}

static const struct stats_format *find_path(const char *path)
{
	const struct stats_format *format = stats_formats;

	while (format->name != NULL && (path == NULL || strcmp(format->path, path) != 0))
		format++;
	return format;
}

/* "METHOD PATH?QUERY HTTP/1.1" */
static int take_http(struct ssv_handler *handler, char *line)
{
	struct ssv_stream *stream = handler->request->stream;
	char *rest, *method = strtok_r(line, " ", &rest);
	const struct stats_format *format = find_path(strtok_r(NULL, " ?", &rest));
	bool head = method != NULL && strcmp(method, "HEAD") == 0;
	bool get = method != NULL && strcmp(method, "GET") == 0;
	int rc = skip_headers(stream);

	if (rc == -EMSGSIZE)
		return refuse_http(stream, "431 Request Header Fields Too Large", "too long\n");
	if (rc < 0)
		return rc;
	if (!get && !head)
		return refuse_http(stream, "405 Method Not Allowed", "GET it\n");
	if (format->name == NULL)
		return refuse_http(
			stream, "404 Not Found", "take /, /connections, /json or /metrics\n");
	return answer_http(handler, format, head);
}

/* Whoever asks for nothing gets the first of the formats. */
static int stats_handle(struct ssv_handler *handler)
{
	char *line, nothing[] = "";
	ssize_t n = ssv_stream_readline(handler->request->stream, &line);

	if (n == -EMSGSIZE)
		return refuse_line(handler->request->stream);
	if (n < 0)
		return (int)n;
	if (n == 0)
		line = nothing;
	line[strcspn(line, "\r\n")] = '\0';
	return strstr(line, " HTTP/") != NULL ? take_http(handler, line)
					      : answer_line(handler, line);
}

const struct ssv_handler_ops stats_answer = {.handle = stats_handle};
