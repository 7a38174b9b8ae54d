/** What a client is called where people read it. */
#ifndef HANDLERS_PEER_NAME_H
#define HANDLERS_PEER_NAME_H

#include <socketserver/request.h>

/**
 * IP:PORT or [ADDR]:PORT; unix:PID on a Unix stream server; on a Unix datagram server the path that
 * the client is bound to, its control characters replaced by question marks, or "unnamed". Returns
 * `name`.
 */
char *peer_name(const struct ssv_request *request, char name[SSV_ADDRESS_TEXT_SIZE]);

/** Whether a datagram can be sent to it: not where it is a Unix socket without a name. */
bool peer_has_name(const struct ssv_request *request);

#endif
