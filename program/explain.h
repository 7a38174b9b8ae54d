/** What the program says when something went wrong: one line that names the remedy. */
#ifndef PROGRAM_EXPLAIN_H
#define PROGRAM_EXPLAIN_H

#include <socketserver/address.h>

/** Exit statuses besides EXIT_SUCCESS and EXIT_FAILURE. */
#define EXIT_USAGE 2

/** "socketserver: …" and a newline to standard error in one write(2), control characters made
 * harmless. */
void complain(const char *format, ...) SSV_PRINTF(1, 2);

/** The same for a mistake on the command line: adds where help is to be had; returns EXIT_USAGE. */
int complain_usage(const char *format, ...) SSV_PRINTF(1, 2);

/** Why nobody could listen there, or connect to it; `error` is a negative errno. Returns
 * EXIT_FAILURE. */
int explain_listen(int error, const struct ssv_address *at);
int explain_connect(int error, const struct ssv_address *at);

/** Sends out what was printed on standard output. Returns 0, or a negative errno if it is lost. */
int output_flush(void);

/** Says that standard output cannot be written; returns EXIT_FAILURE. */
int explain_output(int error);

#endif
