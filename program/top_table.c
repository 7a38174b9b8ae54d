#include "top_table.h"
#include <stdarg.h>
#include <string.h>

#define LINE_SIZE 1024
#define CELL_SIZE 32

/* How many bytes of UTF-8 fit that many columns, a character being one. */
static size_t fit(const char *line, int columns)
{
	size_t length = strlen(line), i = 0;

	if (columns == 0)
		return length;
	for (int n = 0; i < length; i++) {
		if (((unsigned char)line[i] & 0xc0) != 0x80 && n++ == columns)
			break;
	}
	return i;
}

SSV_PRINTF(2, 3)
static void add_line(struct top_page *page, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;

	if (page->rows > 0 && page->used == page->rows)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	fprintf(page->to, "%s%.*s", page->used++ > 0 ? page->end : "",
		(int)fit(line, page->columns), line);
}

static char *unknown(char cell[CELL_SIZE])
{
	snprintf(cell, CELL_SIZE, "-");
	return cell;
}

/* 9999, 10.0k, 123.4M */
static char *number(char cell[CELL_SIZE], double value)
{
	static const char units[] = " kMGTPE";
	int unit = 0;

	while (value >= 9999.5 && units[unit + 1] != '\0') {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(cell, CELL_SIZE, "%.0f", value);
	else
		snprintf(cell, CELL_SIZE, "%.1f%c", value, units[unit]);
	return cell;
}

static char *duration(char cell[CELL_SIZE], double seconds)
{
	long whole = seconds >= 0 && seconds < 1e9 ? (long)seconds : 1000000000;

	if (whole < 60)
		snprintf(cell, CELL_SIZE, "%.1fs", seconds);
	else if (whole < 3600)
		snprintf(cell, CELL_SIZE, "%ldm%02lds", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(cell, CELL_SIZE, "%ldh%02ldm", whole / 3600, whole / 60 % 60);
	else
		snprintf(cell, CELL_SIZE, "%ldd%02ldh", whole / 86400, whole / 3600 % 24);
	return cell;
}

static char *count(char cell[CELL_SIZE], const struct top_line *line, const char *name)
{
	if (top_value(line, name) == NULL)
		return unknown(cell);
	return number(cell, top_number(line, name));
}

/* --- since the report before --- */

static double time_between(const struct top_report *report, const struct top_report *before)
{
	const char *pid = top_value(&report->lines[0], "pid"), *pid_before;

	if (before == NULL || before->count == 0)
		return 0;
	pid_before = top_value(&before->lines[0], "pid");
	if (pid == NULL || pid_before == NULL || strcmp(pid, pid_before) != 0)
		return 0;
	return top_number(&report->lines[0], "up") - top_number(&before->lines[0], "up");
}

static const struct top_line *same_server(
	const struct top_report *report, const struct top_line *line)
{
	for (size_t i = 0; i < report->count; i++)
		if (top_is(&report->lines[i], "server") &&
			strcmp(report->lines[i].values[0], line->values[0]) == 0)
			return &report->lines[i];
	return NULL;
}

static char *rate(char cell[CELL_SIZE], const struct top_line *line, const struct top_line *before,
	const char *name, double time)
{
	double more = before == NULL ? -1 : top_number(line, name) - top_number(before, name);

	if (time <= 0 || more < 0)
		return unknown(cell);
	return number(cell, more / time);
}

/* --- lines --- */

static void draw_process(struct top_page *page, const char *title, const struct top_report *report)
{
	const struct top_line *process = &report->lines[0];
	const char *handler = top_value(process, "handler"), *pid = top_value(process, "pid");
	char up[CELL_SIZE];

	add_line(page, "%s: %s, pid %s, up %s", title, handler != NULL ? handler : "?",
		pid != NULL ? pid : "?", duration(up, top_number(process, "up")));
}

static void draw_server(struct top_page *page, const struct top_line *line,
	const struct top_report *before, double time)
{
	const struct top_line *then = time > 0 ? same_server(before, line) : NULL;
	const char *mode = top_value(line, "mode");
	char cells[7][CELL_SIZE];

	add_line(page, "%-22s %-9s %6s %6s %6s %6s %5s %6s %6s", line->values[0],
		mode != NULL ? mode : "?", count(cells[0], line, "active"),
		count(cells[1], line, "accepted"), rate(cells[2], line, then, "accepted", time),
		count(cells[3], line, "refused"), count(cells[4], line, "failed"),
		rate(cells[5], line, then, "bytes_read", time),
		rate(cells[6], line, then, "bytes_written", time));
}

static void draw_servers(
	struct top_page *page, const struct top_report *report, const struct top_report *before)
{
	double time = time_between(report, before);

	add_line(page, "%-22s %-9s %6s %6s %6s %6s %5s %6s %6s", "SERVER", "MODE", "ACTIVE",
		"TOTAL", "NEW/S", "REFUSE", "FAIL", "READ/S", "SENT/S");
	for (size_t i = 0; i < report->count; i++)
		if (top_is(&report->lines[i], "server"))
			draw_server(page, &report->lines[i], before, time);
}

static void draw_connection(struct top_page *page, const struct top_line *line)
{
	const char *state = top_value(line, "state"), *server = top_value(line, "server");
	const char *pid = top_value(line, "pid");
	char cells[3][CELL_SIZE];

	add_line(page, "%-28s %-8s %7s %7s %7s %7s %s", line->values[0],
		state != NULL ? state : "?", pid != NULL ? pid : "-",
		duration(cells[0], top_number(line, "age")), count(cells[1], line, "bytes_read"),
		count(cells[2], line, "bytes_written"), server != NULL ? server : "?");
}

/* That there are, listed or not. */
static double count_connections(const struct top_report *report)
{
	double n = 0;

	for (size_t i = 0; i < report->count; i++) {
		n += top_is(&report->lines[i], "connection");
		if (top_is(&report->lines[i], "left_out"))
			n += top_number(&report->lines[i], "left_out");
	}
	return n;
}

/* The last row says how many did not fit. */
static void draw_connections(struct top_page *page, const struct top_report *report)
{
	double left = count_connections(report);
	bool has_room;

	add_line(page, "%-28s %-8s %7s %7s %7s %7s %s", "CONNECTION", "STATE", "PID", "AGE", "READ",
		"SENT", "SERVER");
	for (size_t i = 0; i < report->count; i++) {
		has_room = page->rows == 0 || page->used + (left > 1) < page->rows;
		if (!top_is(&report->lines[i], "connection") || !has_room)
			continue;
		draw_connection(page, &report->lines[i]);
		left--;
	}
	if (left > 0)
		add_line(page, "and %.0f more", left);
}

void top_table_draw(struct top_page *page, const char *title, const struct top_report *report,
	const struct top_report *before)
{
	draw_process(page, title, report);
	add_line(page, "%s", "");
	draw_servers(page, report, before);
	add_line(page, "%s", "");
	draw_connections(page, report);
}
