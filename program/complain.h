/** What a program of ours says when something went wrong: one line. */
#ifndef PROGRAM_COMPLAIN_H
#define PROGRAM_COMPLAIN_H

#include <socketserver/address.h>
#include <socketserver/log.h>

/** Exit statuses besides EXIT_SUCCESS and EXIT_FAILURE. */
#define EXIT_USAGE 2

/** The program's own name, which each program defines. */
extern const char complain_name[];

/** "NAME: …" and a newline to standard error in one write(2), control characters made harmless. */
void complain(const char *format, ...) SSV_PRINTF(1, 2);

/** From now on it goes to this log, as a warning; NULL: to standard error again. */
void complain_to(struct ssv_log *log);

/** "FILE:LINE: " stands in front of this thread's next message; NULL: nothing. The path has to stay
 * until then. */
void complain_where(const char *path, int line);

/** The command that is running, whose own --help says how it is used. */
void complain_for(const char *command);

/** The same for a mistake on the command line: adds where help is to be had; returns EXIT_USAGE. */
int complain_usage(const char *format, ...) SSV_PRINTF(1, 2);

/** The same for want of memory; returns EXIT_FAILURE. */
int complain_memory(void);

#endif
