/** What mix-ins, groups and the loop need of a server beyond the public header. */
#ifndef SSV_SERVER_H
#define SSV_SERVER_H

#include <socketserver/server.h>

/** ssv_server_step() for one who is inside already: see running.h. */
int ssv_server_step_inside(struct ssv_server *server);

/** The last part of a close: nobody is inside any more. */
int ssv_server_close_chain(struct ssv_server *server);

#endif
