/** Why the system refused something, in one line that names the remedy. */
#ifndef PROGRAM_EXPLAIN_H
#define PROGRAM_EXPLAIN_H

#include <socketserver/address.h>

/** Why nobody could listen there, or connect to it; `error` is a negative errno. Returns
 * EXIT_FAILURE. */
int explain_listen(int error, const struct ssv_address *at);
int explain_connect(int error, const struct ssv_address *at);

/** Says that standard output cannot be written; returns EXIT_FAILURE. */
int explain_output(int error);

#endif
