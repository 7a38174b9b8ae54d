/** One line in the log for each command that somebody asked for. */
#ifndef HANDLERS_EXEC_AUDIT_H
#define HANDLERS_EXEC_AUDIT_H

#include <socketserver/handler.h>

struct exec_audit {
	const char *command; /**< as it came, … */
	size_t length;
	int64_t asked;       /**< … and when: ms of the monotonic clock */
	const char *outcome; /**< one word or a few */
	int status;          /**< -1: none */
	size_t bytes;        /**< of the reply */
};

void exec_audit_begin(struct exec_audit *audit, const char *command, size_t length);

/** Says who it was and how it ended, at the level of information. */
void exec_audit_end(const struct exec_audit *audit, const struct ssv_handler *handler);

#endif
