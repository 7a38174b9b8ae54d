/** class TCPServer: requests are TCP connections. */
#ifndef SOCKETSERVER_TCP_SERVER_H
#define SOCKETSERVER_TCP_SERVER_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

/** class TCPServer(BaseServer) */
struct ssv_tcp_server {
	struct ssv_server base;
	struct ssv_layer layer;

	/** How many connections wait in the kernel (listen(2)); default the kernel's maximum;
	 * Python: 5. */
	int request_queue_size;
	/** SO_REUSEADDR; default true, so that a restart on the same port works at once; Python:
	 * false. */
	bool allow_reuse_address;
	/** SO_REUSEPORT (socket(7)): several servers on one port; default false. */
	bool allow_reuse_port;
	/** AF_INET or AF_INET6 for that family alone; default AF_UNSPEC: as the address says. */
	int address_family;
};

/** A server at `at`, a tcp:// address, which is copied. Cannot fail; a wrong address makes open
 * return -EAFNOSUPPORT. */
SSV_API void ssv_tcp_server_init(struct ssv_tcp_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler);

/**
 * Before open: uses `fd`, a TCP socket that is bound, and may listen already, instead of a new one.
 * It is the server's from now on: made non-blocking and close-on-exec, closed by close (never shut
 * down, since others may hold it too). Returns 0, or, with the descriptor still yours: -ENOTSOCK,
 * -EBADF, -EPROTOTYPE (not a TCP socket), -EINVAL (not bound, or connected), -EBUSY (the server is
 * open).
 */
SSV_API int ssv_tcp_server_adopt(struct ssv_tcp_server *server, int fd);

SSV_END_DECLS

#endif
