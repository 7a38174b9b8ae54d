/** What groups of servers need of one beyond the public header. */
#ifndef SSV_SERVER_H
#define SSV_SERVER_H

#include <socketserver/server.h>

/** The last part of a close: nobody is inside any more. */
int ssv_server_close_chain(struct ssv_server *server);

#endif
