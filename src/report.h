/** Events that repeat are counted, not printed: ssv_server_report() in server.h. */
#ifndef SSV_REPORT_H
#define SSV_REPORT_H

#include <socketserver/server.h>

/** Says what was counted and never said. For close. */
void ssv_report_rest(struct ssv_server *server);

/** ssv_server_report() without an error, but with a text that makes no other kind of event of it.
 */
void ssv_report_text(struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *what, const char *text);

#endif
