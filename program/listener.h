/** One server, of whatever class an address and a mode ask for. */
#ifndef PROGRAM_LISTENER_H
#define PROGRAM_LISTENER_H

#include <socketserver/socketserver.h>

/** What the command line says about the servers, whatever their class. */
struct listener_settings {
	const char *mode; /**< "sync", "threading" or "forking" */
	int backlog;      /**< 0: as the class has it */
};

/** It must not move after its init. */
struct listener {
	union {
		struct ssv_tcp_server tcp;
		struct ssv_udp_server udp;
		struct ssv_unix_stream_server unix_stream;
		struct ssv_unix_datagram_server unix_datagram;
	} of;
	struct ssv_server *server; /**< the BaseServer in `of` */
};

/** Returns 0, or -ENOSYS where there is no class for the transport of `at` in that mode. */
int listener_init(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_ops *handler, const struct listener_settings *settings);

#endif
