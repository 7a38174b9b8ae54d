/** For connections that may be silent for ever. */
#ifndef HANDLERS_KEEP_ALIVE_H
#define HANDLERS_KEEP_ALIVE_H

#include <socketserver/stream.h>

/**
 * Has the kernel find out whether the host of a silent TCP peer is still there (tcp(7)): first
 * after a minute, then every ten seconds. After six times without an answer, reading fails with
 * -ETIMEDOUT. Nothing on a Unix socket, whose peer cannot vanish unnoticed.
 */
void keep_alive(struct ssv_stream *stream);

#endif
