/** serve --log and --log-to: how events are written, and where. */
#ifndef PROGRAM_LOG_OUTPUT_H
#define PROGRAM_LOG_OUTPUT_H

#include <socketserver/log.h>
#include <sys/socket.h>
#include <sys/un.h>

/** As the command line says. */
struct log_settings {
	int format;     /**< 0: text, 1: JSON */
	const char *to; /**< "stderr" or NULL, "syslog", or "syslog:PATH" */
};

struct log_output {
	struct ssv_log log; /**< for the servers; its level is to be set */

	/* private */
	bool json, prioritized;
	int fd;                /* a socket, or -1: standard error */
	struct sockaddr_un at; /* where it sends */
	unsigned int lost;     /* lines, changed with atomics alone */
};

/** Returns 0, or the exit status after saying what is wrong. */
int log_output_open(struct log_output *output, const struct log_settings *settings);

/** Whether its lines are other ones than those that people read on standard error. */
bool log_output_is_formatted(const struct log_output *output);

/** Harmless without an open, where all is 0. */
void log_output_close(struct log_output *output);

#endif
