#include "log_line.h"

void log_line(const struct ssv_server *server, enum ssv_log_level level,
	const struct ssv_request *request, const char *line)
{
	struct ssv_log *log = server->log;

	if (level <= log->level)
		log->write(log, level, request, line);
}
