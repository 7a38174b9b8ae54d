/** The whole of a terminal, for as long as `top` runs; and its keys. */
#ifndef PROGRAM_TOP_TERMINAL_H
#define PROGRAM_TOP_TERMINAL_H

#include <stdbool.h>

/** Whether there is one to show on, and to type at. */
bool top_terminal_is_there(void);

/** Takes it. Whatever ends or stops this process gives it back as it was. Returns 0 or a negative
 * errno. */
int top_terminal_open(void);
void top_terminal_close(void);

void top_terminal_size(int *columns, int *rows);

/** Shows text from the top left corner on, its lines ended by TOP_TERMINAL_NEWLINE. Returns 0 or a
 * negative errno. */
#define TOP_TERMINAL_NEWLINE "\033[K\n"
int top_terminal_show(const char *text);

/** Waits for a key, at most so many ms; how long it takes to draw anew does not count. */
enum top_key { TOP_TIME_IS_UP, TOP_REDRAW, TOP_END };
enum top_key top_terminal_wait(int milliseconds);

#endif
