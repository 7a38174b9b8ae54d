/** Lines for the log that are all there: of what repeats, ssv_server_report() leaves out most. */
#ifndef HANDLERS_LOG_LINE_H
#define HANDLERS_LOG_LINE_H

#include <socketserver/server.h>

/** Logs a line, where the server logs what is of that level. `request` may be NULL. */
void log_line(const struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *line);

#endif
