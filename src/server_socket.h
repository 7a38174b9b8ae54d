/** What the four classes of socket servers share: the one socket that requests come in by. */
#ifndef SSV_SERVER_SOCKET_H
#define SSV_SERVER_SOCKET_H

#include <socketserver/server.h>

/**
 * The first step of a bind. 1 where a socket is to be made; 0 where one was adopted; -EBUSY where
 * it is bound already; -EAFNOSUPPORT for an address of another transport than the class's.
 */
int ssv_server_socket_begin(const struct ssv_server *server, enum ssv_transport transport);

/** A new socket, close-on-exec. A stream's does not block; of a datagram socket each call says. */
int ssv_server_socket_make(const struct ssv_address *at);

/** The last step: `server_address` becomes the one that the socket really has. */
int ssv_server_socket_learn_address(struct ssv_server *server, enum ssv_transport transport);

/** ssv_tcp_server_adopt() and its like. */
int ssv_server_socket_adopt(struct ssv_server *server, enum ssv_transport transport, int fd);

/** Who connects from now on is refused, not kept waiting for nobody: where the socket is ours
 * alone. */
void ssv_server_socket_stop_listening(const struct ssv_server *server);

#endif
