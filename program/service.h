/**
 * What a program that serves owes whoever runs it: the sockets it was given, the user it is to be,
 * its pid file, word of how it goes, and a successor when it is asked for one.
 */
#ifndef PROGRAM_SERVICE_H
#define PROGRAM_SERVICE_H

#include "handover.h"
#include "listener.h"
#include "options.h"
#include "pid_file.h"
#include "privileges.h"

struct service_settings {
	const char *user, *group, *pid_file; /**< or NULL */
	bool handover, inetd;
	int drain;               /**< ms; 0: as long as it takes */
	const char *given_drain; /**< as it was given, or NULL */
};

struct service {
	const struct service_settings *settings;
	struct privileges privileges;
	struct pid_file pid_file;
	struct handover handover;
};

/* The functions here return 0, or an exit status after saying what is wrong. */

/** First of all: takes what the environment and standard input hand us. */
int service_open(bool inetd);

/** Before a server is initialised; a successor is started with these arguments. */
int service_prepare(struct service *service, const struct service_settings *settings, int count,
	char **arguments);

/** Before the servers are opened. */
int service_before_open(struct service *service);

/** They are: becomes the user. */
int service_after_open(struct service *service, struct listener *listeners, size_t count);

/** A server beside the others, which is closed as soon as it is handed over. */
void service_add(struct service *service, const char *name, struct ssv_server *beside,
	struct ssv_unix_socket *file);

/** What can fail at the last: the pid file says that it is this process. */
int service_write_pid(struct service *service);

/** Now requests can be served, and nothing may fail any more: takes over the predecessor's duties,
 * and tells it and the service manager. */
void service_ready(struct listener *listeners, size_t count);

/** Gives back what there is, at any stage. */
void service_close(struct service *service);

#endif
