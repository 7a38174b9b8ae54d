/** The attendant: whoever sits at the server's standard input and output. */
#ifndef HANDLERS_ATTENDANT_H
#define HANDLERS_ATTENDANT_H

#include <socketserver/watch.h>
#include <stddef.h>
#include <stdint.h>

#define ATTENDANT_LINE_SIZE 65507 /**< a longer line comes in pieces; a datagram's largest */

struct attendant;

/** Takes a line that was typed, without its end. */
typedef void attendant_take(void *context, const char *line, size_t length);

/** Used on the serving thread alone. */
struct attendant {
	struct ssv_watch watch;
	attendant_take *take; /* of what is typed between the requests … */
	void *context;
	int always_ready; /* what is watched in the place of a file, or -1 */
	char typed[ATTENDANT_LINE_SIZE + 1];
	size_t length;
};

/**
 * From now on the server hands what is typed while it handles no request to `take`, and ends, with
 * SSV_EXIT, where the input does. Returns 0 or a negative errno.
 */
int attendant_open(struct attendant *attendant, struct ssv_server *server, attendant_take *take,
	void *context);
void attendant_close(struct attendant *attendant);

/**
 * Reads once what was typed, and hands out each line that it completes. Returns 0; or SSV_EXIT at
 * the end of the input, which also ends the last line.
 */
int attendant_read(struct attendant *attendant, attendant_take *take, void *context);

/**
 * Writes somebody's text to standard output, as ssv_make_visible() shows it. Returns 0; or
 * SSV_EXIT, after a report, where that cannot be written.
 */
int attendant_show(struct attendant *attendant, const char *text, size_t length, uint32_t *before);

/** Says on standard error that a line went nowhere, and why: a constant text, and an error or 0. */
void attendant_notice(struct attendant *attendant, const char *why, int error);

#endif
