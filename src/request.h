/** What the library needs of a request beyond the public header. */
#ifndef SSV_REQUEST_H
#define SSV_REQUEST_H

#include <socketserver/handler.h>

/** The method that it is in, from now on; others look at it meanwhile. */
static inline void ssv_request_set_stage(struct ssv_request *request, const char *stage)
{
	__atomic_store_n(&request->stage, stage, __ATOMIC_RELAXED);
}

/**
 * As ssv_request_open(), with the packet that the caller has put into the memory of
 * `request->socket.in`, which has room for `room` bytes of it (and a NUL); `length` is how long it
 * was when it was sent. The peer's address, of `peer_length`, is in `client_address.socket`. The
 * socket stays the server's own.
 */
void ssv_request_open_packet(
	struct ssv_request *request, socklen_t peer_length, size_t room, size_t length);

/** Memory for a handler's instance, if it is too large for the stack, kept for the requests to
 * come. 0 or -ENOMEM. */
int ssv_handler_reserve(const struct ssv_handler_ops *ops, struct ssv_request *request);

/**
 * After the handler: where that has closed the connection's descriptor, whose number may be
 * another's by now, it is forgotten, and that is said.
 */
void ssv_request_look_at_descriptor(struct ssv_request *request);

#endif
