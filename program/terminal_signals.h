/**
 * Signals, while a line is edited: what ends or stops this process leaves the terminal as it was
 * found, and then does so to this process alone.
 */
#ifndef PROGRAM_TERMINAL_SIGNALS_H
#define PROGRAM_TERMINAL_SIGNALS_H

#include <stdbool.h>

/**
 * From now on. Returns a descriptor, or a negative errno: there is input on it when
 * terminal_signals_take() has something to return.
 */
int terminal_signals_open(void);
void terminal_signals_close(int fd);

/** Whether a line is shown: the cursor leaves it before the process does. */
void terminal_signals_set_shown(bool shown);

/** The next signal, or 0: SIGCONT, when the process was stopped and goes on; SIGWINCH, when the
 * terminal has another size. */
int terminal_signals_take(int fd);

#endif
