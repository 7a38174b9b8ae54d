/** What a server's --stats has answered: lines of words in pairs, a name and its value. */
#ifndef PROGRAM_TOP_REPORT_H
#define PROGRAM_TOP_REPORT_H

#include <socketserver/address.h>
#include <stddef.h>

#define TOP_PAIRS 16 /* of a line; more are not looked at */

struct top_line {
	const char *names[TOP_PAIRS], *values[TOP_PAIRS];
	int count;
};

struct top_report {
	struct top_line *lines; /**< the first is the process's own */
	size_t count;

	/* private */
	char *text;
};

/**
 * Asks. Returns 0; a negative errno, -EPROTO where what answers is no --stats; or -EMSGSIZE for an
 * answer that does not end.
 */
int top_report_get(struct top_report *report, const char *address, int timeout);
void top_report_free(struct top_report *report);

/** The value of that name, or NULL. What a line is, its first name says. */
const char *top_value(const struct top_line *line, const char *name);
double top_number(const struct top_line *line, const char *name);
bool top_is(const struct top_line *line, const char *kind);

#endif
