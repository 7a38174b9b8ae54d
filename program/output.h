/** What was printed on standard output: whether it got there. */
#ifndef PROGRAM_OUTPUT_H
#define PROGRAM_OUTPUT_H

/** Sends it out. Returns 0, or a negative errno if it is lost. */
int output_flush(void);

/** The same, when that was all: returns the exit status, after saying what is wrong. */
int output_finish(void);

#endif
