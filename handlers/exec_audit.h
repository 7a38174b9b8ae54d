/** One line in the log for each command that ran; for what was refused, while it is no flood. */
#ifndef HANDLERS_EXEC_AUDIT_H
#define HANDLERS_EXEC_AUDIT_H

#include <socketserver/handler.h>

struct exec_audit {
	const char *command; /**< as it came, … */
	size_t length;
	int64_t asked;       /**< … and when: ms of the monotonic clock */
	const char *outcome; /**< one word or a few */
	bool ran;            /**< then a line is certain; of others there is one now and then */
	int status;          /**< -1: not known */
	size_t bytes;        /**< of the reply */
};

void exec_audit_begin(struct exec_audit *audit, const char *command, size_t length);

/** Says who it was and how it ended, at the level of information. */
void exec_audit_end(const struct exec_audit *audit, const struct ssv_handler *handler);

/** Says how many lines were left out since, if any. */
void exec_audit_rest(const struct ssv_server *server);

#endif
