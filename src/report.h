/** Events that repeat are counted, not printed: ssv_server_report() in server.h. */
#ifndef SSV_REPORT_H
#define SSV_REPORT_H

#include <socketserver/server.h>

/** Says what was counted and never said. For close. */
void ssv_report_rest(struct ssv_server *server);

#endif
