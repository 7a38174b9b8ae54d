/** class DatagramRequestHandler: the base of all handlers on datagram servers. */
#ifndef SOCKETSERVER_DATAGRAM_HANDLER_H
#define SOCKETSERVER_DATAGRAM_HANDLER_H

#include <socketserver/handler.h>

SSV_BEGIN_DECLS

/**
 * The request's stream reads the packet, and then ends; `packet` and `packet_size` of the request
 * are the same in one piece. What is written to the stream, in any number of writes, is the reply.
 * It is sent, as one datagram, by this class's finish(), if anything was written; a write of
 * nothing asks for an empty one. (Python sends an empty one, unasked, to all.) There is none where
 * a method of the handler failed; but there is with SSV_EXIT.
 *
 * A write returns -EMSGSIZE, and leaves the reply as it was, where that would become longer than
 * 65,507 bytes. For a client without an address, an unbound Unix socket, it goes nowhere, and that
 * is no error.
 *
 * finish() waits for room at most as long as `limits.write_timeout` says, then returns -ETIMEDOUT;
 * -EPIPE where a Unix client is gone; or what sendto(2) says. Of the handler's class attributes
 * `size` alone has a meaning: a packet is there at once, or not at all.
 *
 * A datagram server's init makes it the server's `base_handler`; a handler need not mention it.
 */
SSV_API extern const struct ssv_handler_ops ssv_datagram_handler;

SSV_END_DECLS

#endif
