/** The whole of a terminal, for as long as `top` runs; and its keys. */
#ifndef PROGRAM_TOP_TERMINAL_H
#define PROGRAM_TOP_TERMINAL_H

#include <stdbool.h>

/** Whether there is one to show on, and to type at. */
bool top_terminal_is_there(void);

/** Takes its keys, and with the first text the screen. Whatever ends or stops this process gives it
 * back as it was. Returns 0 or a negative errno. */
int top_terminal_open(void);
void top_terminal_close(void);

void top_terminal_size(int *columns, int *rows);

/** Shows text from the top left corner on, its lines ended by TOP_TERMINAL_NEWLINE. Returns 0 or a
 * negative errno. */
#define TOP_TERMINAL_NEWLINE "\033[K\n"
int top_terminal_show(const char *text);

/** Waits for a key, or for input on `fd` (-1: none), at most so many ms (-1: any number). */
enum top_event { TOP_TIME_IS_UP, TOP_INPUT, TOP_REDRAW, TOP_END };
enum top_event top_terminal_wait(int milliseconds, int fd);

#endif
