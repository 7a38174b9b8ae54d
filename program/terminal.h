/**
 * The line that somebody is typing, with a prompt in front of it, edited with libedit: it gives way
 * to what is to be shown, and comes back. Where the program was built without libedit there is
 * none.
 */
#ifndef PROGRAM_TERMINAL_H
#define PROGRAM_TERMINAL_H

#include <stddef.h>
#include <sys/types.h>

struct terminal;

/** NULL where standard input and output are no terminal, or none that a line can be edited on. */
struct terminal *terminal_open(void);

/** The terminal as it was before, also after a signal. NULL is harmless, as in the next two. */
void terminal_close(struct terminal *terminal);

/** Shows the prompt and what was typed up to now, unless it is there. */
void terminal_show(struct terminal *terminal);

/** Takes it away; what is typed is kept. */
void terminal_hide(struct terminal *terminal);

/**
 * Takes the keys that wait on standard input; call it when there are some. Returns the length of
 * the line that they complete, its newline included; 0 at the end (Ctrl-D); -EAGAIN where the line
 * goes on; -EMSGSIZE where it is longer than `size`. Never waits longer than it takes to tell an
 * arrow key from an Escape.
 */
ssize_t terminal_read(struct terminal *terminal, char *line, size_t size);

#endif
