/**
 * The line that somebody is typing, with a prompt in front of it, edited with libedit: it gives way
 * to what is to be shown, and comes back. Where the program was built without libedit there is
 * none.
 */
#ifndef PROGRAM_TERMINAL_H
#define PROGRAM_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct terminal;

/** NULL where standard input and output are no terminal, or none that a line can be edited on. */
struct terminal *terminal_open(void);

/** The terminal as it was before, as also a signal leaves it that ends or stops this process. NULL
 * is harmless, as in the next four. */
void terminal_close(struct terminal *terminal);

/** There is input on it when there is something for terminal_read(). */
int terminal_descriptor(const struct terminal *terminal);

/** Shows the prompt and what was typed up to now, unless it is there. */
void terminal_show(struct terminal *terminal);

/** Takes it away; what is typed is kept. */
void terminal_hide(struct terminal *terminal);

/** Whether nothing was entered, nor written by others, below what was on the screen when the line
 * was shown; what is shown next may go on there, once it is hidden. */
bool terminal_follows(const struct terminal *terminal);

/**
 * Takes the keys that wait, and signals: that the process goes on after it was stopped, or that the
 * terminal has another size. Returns the length of
 * the line that they complete, its newline included; 0 at the end (Ctrl-D); -EAGAIN where the line
 * goes on; -EMSGSIZE where it is longer than `size`, and is dropped. Never waits longer than it
 * takes to tell an arrow key from an Escape.
 */
ssize_t terminal_read(struct terminal *terminal, char *line, size_t size);

#endif
