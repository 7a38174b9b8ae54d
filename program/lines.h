/** Standard input by lines, typed on a terminal or not. */
#ifndef PROGRAM_LINES_H
#define PROGRAM_LINES_H

#include "terminal.h"
#include <stdbool.h>

/** The longest line, without its newline: what fits a UDP datagram over IPv4. */
#define LINES_MAX 65507

struct lines {
	struct terminal *terminal; /**< or NULL: they are read as they come */
	bool ended;                /**< no more will come; the last one may lack its newline */
	size_t start, end;         /**< of what was read and not taken */
	char data[LINES_MAX + 1];
};

/**
 * Reads what there is on standard input, once lines_next() has no more. Returns 0 or a negative
 * errno, -EMSGSIZE for a line that is too long.
 */
int lines_read(struct lines *lines);

/** The next line, without its newline, valid until the next read; or NULL where more has to be
 * read, or nothing will come. */
char *lines_next(struct lines *lines, size_t *size);

#endif
