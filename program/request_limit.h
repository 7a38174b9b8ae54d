/** serve --requests N: takes N requests and ends when the last of them is finished. */
#ifndef PROGRAM_REQUEST_LIMIT_H
#define PROGRAM_REQUEST_LIMIT_H

#include <socketserver/server.h>

/** Must stay as long as the server. */
struct request_limit {
	struct ssv_layer layer;
	int left;
};

/** Links it in front of a server, before that is opened. */
void request_limit_init(struct request_limit *limit, struct ssv_server *server, int requests);

#endif
