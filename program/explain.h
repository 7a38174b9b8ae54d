/** Why the system refused something, in one line that names the remedy. */
#ifndef PROGRAM_EXPLAIN_H
#define PROGRAM_EXPLAIN_H

#include <socketserver/address.h>

/** Why nobody could listen there; `error` is a negative errno, `what` stands in front of the
 * address, as "--stats " or "". Returns EXIT_FAILURE. */
int explain_listen(int error, const char *what, const struct ssv_address *at);

/** Why nobody could connect to it, where this handler would be served; the same. */
int explain_connect(int error, const struct ssv_address *at, const char *handler);

/** That a server of this very process is what listens there; the same. */
int explain_served(const char *what, const struct ssv_address *at);

/** Says that standard output cannot be written; returns EXIT_FAILURE. */
int explain_output(int error);

#endif
