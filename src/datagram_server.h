/** What UDP and Unix datagram servers share: requests are packets. */
#ifndef SSV_DATAGRAM_SERVER_H
#define SSV_DATAGRAM_SERVER_H

#include <socketserver/server.h>

#define SSV_MAX_PACKET_SIZE 65535

/**
 * Receives a packet of at most `size` bytes into the request's own memory; `asked`: together with
 * the address that it was sent to, for which the socket's option is set. -EAGAIN where there is
 * none; -EINVAL, as of accept(2), where the socket has been shut down.
 */
int ssv_datagram_server_get_request(
	struct ssv_server *server, struct ssv_request *request, size_t size, bool asked);

/** Which address the packet was sent to: the server's, or one of them if it has every address. */
void ssv_datagram_server_asked(const struct ssv_request *request, struct ssv_address *asked);

#endif
