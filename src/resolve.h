/** From an address that may be a name or a wildcard to those that a socket takes. */
#ifndef SSV_RESOLVE_H
#define SSV_RESOLVE_H

#include <socketserver/address.h>

typedef int ssv_attempt(const struct ssv_address *resolved, void *context);

/**
 * Calls `attempt` for each address that `address` stands for until it returns 0 or more, and
 * returns what the last call returned. `family` lets only addresses of that family through, unless
 * it is AF_UNSPEC; the wildcard [::] becomes 0.0.0.0 for AF_INET, and also where the attempt fails
 * with -EAFNOSUPPORT or -EADDRNOTAVAIL, as it does on a host without IPv6.
 *
 * Without a call: -EAFNOSUPPORT (of another family), -ENXIO (the name cannot be resolved), -ENOMEM,
 * or what kept the resolver from asking.
 */
int ssv_resolve(const struct ssv_address *address, int family, ssv_attempt *attempt, void *context);

#endif
