/** Who can reach an address. */
#ifndef PROGRAM_REACH_H
#define PROGRAM_REACH_H

#include <socketserver/address.h>

/**
 * Whether this host alone can. Returns 0, or an exit status after saying what is wrong: other hosts
 * can, too, unless `option` is given, or nobody knows. The address was given as `text`, behind
 * `what`.
 */
int reach_check(
	const struct ssv_address *at, const char *what, const char *text, const char *option);

#endif
