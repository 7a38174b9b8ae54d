/** The servers of one `serve`, each on an address of its own or on a socket that was passed. */
#ifndef PROGRAM_LISTENERS_H
#define PROGRAM_LISTENERS_H

#include "connection.h"
#include "listener.h"
#include "request_limit.h"
#include "serve_settings.h"

/** The first four are to be set before anything is added, and stay as long as the servers. */
struct listeners {
	const struct serve_settings *settings;
	const struct ssv_handler_descriptor *handler;
	void *state; /**< the handler's */
	struct ssv_log *log;
	struct listener *list;
	struct ssv_server **servers; /**< those of the list */
	size_t count;
	struct request_limit requests; /* of the one server, if there is one */
	struct connection connection;  /**< instead of a listener, … */
	bool is_connection;            /**< … if it is one */
};

/**
 * One for each address; without any, for each socket that was passed; or else for the default
 * place. Returns 0, or an exit status after saying what is wrong, as the next one does.
 */
int listeners_add(struct listeners *listeners, int count, char **addresses);

/** Opens the servers. */
int listeners_open(struct listeners *listeners);

/** Frees the memory alone: the servers are closed by whoever ends them. */
void listeners_free(struct listeners *listeners);

#endif
