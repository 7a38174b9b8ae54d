/** Sockets of clients. */
#ifndef BENCH_DIAL_H
#define BENCH_DIAL_H

#include <socketserver/address.h>
#include <stdint.h>

/** Replaces a name by the first address that it stands for. Returns 0 or a negative errno. */
int dial_resolve(struct ssv_address *address);

/**
 * A socket that does not block, connected to the address or on its way there, or a negative errno;
 * -EAGAIN: no room just now in the queue of a Unix server, or no port free of ours: try later.
 *
 * Each TCP connection to 127.0.0.0/8 comes from one of many addresses of that network, by its
 * number, since the ports of one alone would run out: each closed connection keeps its own for a
 * while (TIME_WAIT).
 */
int dial(const struct ssv_address *address, uint64_t number);

#endif
