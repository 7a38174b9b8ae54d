/** Standard output, as it is shown to whoever talks to a server. */
#ifndef PROGRAM_SCREEN_H
#define PROGRAM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen {
	bool is_terminal;
	bool make_visible; /**< a server's control characters do not reach the terminal */
	bool within_line;  /**< the last byte shown was not a newline */
	uint32_t before;   /**< the last bytes given to screen_show() */
};

/** Where it is a terminal, control characters are made visible, unless `as_it_is`. */
void screen_init(struct screen *screen, bool as_it_is);

/** Shows all of it; `data` may be changed. Returns 0 or a negative errno. */
int screen_show(struct screen *screen, char *data, size_t size);

/** A newline, unless one was the last that was shown. Returns 0 or a negative errno. */
int screen_end_line(struct screen *screen);

#endif
