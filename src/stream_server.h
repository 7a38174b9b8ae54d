/** What TCP and Unix stream servers share: requests are connections. */
#ifndef SSV_STREAM_SERVER_H
#define SSV_STREAM_SERVER_H

#include <socketserver/server.h>

/** Methods of their tables. */
int ssv_stream_server_get_request(struct ssv_layer *layer, struct ssv_request *request);
void ssv_stream_server_shutdown_request(struct ssv_layer *layer, struct ssv_request *request);

/** listen(2), for their activate(). */
int ssv_stream_server_listen(const struct ssv_server *server, int queue_size);

#endif
