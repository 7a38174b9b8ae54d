/**
 * Signals, while a line is edited, or the whole terminal is taken: what ends or stops this process
 * leaves the terminal as it was found, and then does so to this process alone.
 */
#ifndef PROGRAM_TERMINAL_SIGNALS_H
#define PROGRAM_TERMINAL_SIGNALS_H

/**
 * From now on. Returns a descriptor, or a negative errno: there is input on it when
 * terminal_signals_take() has something to return.
 */
int terminal_signals_open(void);
void terminal_signals_close(int fd);

/** What is written to the terminal first, a constant; or NULL. */
void terminal_signals_on_leave(const char *text);

/** The next signal, or 0: SIGCONT, when the process was stopped and goes on; SIGWINCH, when the
 * terminal has another size. */
int terminal_signals_take(int fd);

#endif
