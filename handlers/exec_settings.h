/** What the operator of exec has chosen, and whether that is safe. */
#ifndef HANDLERS_EXEC_SETTINGS_H
#define HANDLERS_EXEC_SETTINGS_H

#include "allow_list.h"
#include "budget.h"
#include "confine.h"
#include "slots.h"
#include <socketserver/handler_descriptor.h>

/** What child processes share. */
struct exec_shared {
	struct slots running;
	struct budget refusals; /**< lines for the log */
};

struct exec_settings {
	struct allow_list allowed;
	struct confinement confinement;
	struct exec_shared *shared;
	const struct ssv_server *first; /* of the servers */
	pid_t server;                   /* who serves, and not a child of it */
	int time_limit;                 /* ms; 0: not chosen, and so the next two */
	size_t max_output, max_reply;
	const char *run_as; /* NULL: not chosen */
	bool raw, shell, insecure;
};

extern const struct ssv_handler_option exec_options[];

/** The handler's open() and close(): refuses what is not safe, and says so. */
int exec_settings_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error);
void exec_settings_close(void *state);

#endif
