/** Standard output, as it is shown to whoever talks to a server. */
#ifndef PROGRAM_SCREEN_H
#define PROGRAM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_LINE 1024
#define SCREEN_REST 4

struct screen {
	bool is_terminal;
	bool make_visible; /**< a server's control characters do not reach the terminal */

	/* private */
	uint32_t before;        /* the last bytes shown */
	char line[SCREEN_LINE]; /* what was shown since the last newline … */
	size_t line_size;       /* … unless it is more */
	bool broken;            /* and then a newline that is not part of it */
	char rest[SCREEN_REST]; /* of a character that has not come whole */
	size_t rest_size;
};

/** Where it is a terminal, control characters are made visible, unless `as_it_is`. */
void screen_init(struct screen *screen, bool as_it_is);

/**
 * Shows all of it; `data` may be changed. Where control characters are made visible, the beginning
 * of a character at its end waits for the rest. Returns 0 or a negative errno, as all of these.
 */
int screen_show(struct screen *screen, char *data, size_t size);

/** Shows what has waited. */
int screen_flush(struct screen *screen);

/** A newline, unless one was the last that was shown; what has waited is shown before it. */
int screen_end_line(struct screen *screen);

/** The same, where the line may go on after something else: what waits, waits on. */
int screen_break_line(struct screen *screen);

/** Goes back to the line that was broken last, in the row above the cursor, unless it is too long
 * for one row, or none was broken. */
int screen_resume_line(struct screen *screen);

#endif
