/** class UnixStreamServer: requests are connections to a Unix socket. */
#ifndef SOCKETSERVER_UNIX_STREAM_SERVER_H
#define SOCKETSERVER_UNIX_STREAM_SERVER_H

#include <socketserver/server.h>
#include <socketserver/unix_socket.h>

SSV_BEGIN_DECLS

/** Who the client is: ssv_request_credentials(); its address is mostly unnamed, "unix:". */
struct ssv_unix_stream_server {
	struct ssv_server base;
	struct ssv_layer layer;

	/** The mode, owner and life of the socket's file. */
	struct ssv_unix_socket file;
	/** How many connections wait in the kernel (listen(2)); default the kernel's maximum;
	 * Python: 5. Further clients wait in connect(2). */
	int request_queue_size;
};

/** A server at `at`, a unix: address, which is copied. Cannot fail; a wrong address makes open
 * return -EAFNOSUPPORT. */
SSV_API void ssv_unix_stream_server_init(struct ssv_unix_stream_server *server,
	const struct ssv_address *at, const struct ssv_handler_ops *handler);

/** As ssv_tcp_server_adopt(), for a Unix stream socket; its file is left alone. Returns 0, or an
 * error of ssv_tcp_server_adopt(): -EPROTOTYPE (not a Unix stream socket) and the others. */
SSV_API int ssv_unix_stream_server_adopt(struct ssv_unix_stream_server *server, int fd);

SSV_END_DECLS

#endif
