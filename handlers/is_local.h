/** Whether only this host can reach an address. */
#ifndef HANDLERS_IS_LOCAL_H
#define HANDLERS_IS_LOCAL_H

#include <socketserver/address.h>

/**
 * 1: a Unix socket, the loopback, and of the names localhost alone, which means nothing else
 * (RFC 6761); 0; or what kept it from being known.
 */
int is_local(const struct ssv_address *at);

#endif
