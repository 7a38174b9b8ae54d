/** Runs a program with limits and gathers its output. */
#ifndef HANDLERS_COMMAND_H
#define HANDLERS_COMMAND_H

#include "confine.h"
#include <stddef.h>

/** What ends an output that is not all there. */
#define COMMAND_CUT "\n[cut]\n"

struct command {
	char *const *arguments; /**< the first is the program's absolute path; ended by NULL */
	const struct confinement *confinement; /**< its `processes` are besides those there are */
	int time_limit;                        /**< ms */
	size_t max_output;                     /**< bytes, COMMAND_CUT included */

	/** A socket whose peer's going away ends the command; -1: none. */
	int client;
	/** How long it runs on, in ms, when the client has ended its sending and may have gone:
	 * over TCP nobody can tell; -1: as long as it takes. */
	int patience;

	/** Whether it has to end, however much time it has left: asked some times a second. NULL:
	 * never. */
	bool (*is_over)(const void *context);
	const void *context;
};

/** ms in which a command that has to end has ended, and command_run() returns. */
#define COMMAND_END_TIME 6000

enum command_end {
	COMMAND_ENDED,
	COMMAND_TIMED_OUT,
	COMMAND_TOO_LONG,
	COMMAND_NO_MEMORY, /**< for more of its output */
	COMMAND_ABANDONED, /**< by the client */
	COMMAND_STOPPED,   /**< is_over() said so */
};

struct command_result {
	enum command_end end;
	int status;   /**< the exit status, or 128 and the number of the signal; -1: not known */
	char *output; /**< standard output and standard error as they were written; free(3) it;
		       * NULL where it could not be started */
	size_t size;
};

/**
 * Runs it until it ends or is ended: at its time limit, when there is too much output, when the
 * client goes away, or when is_over() says so. With it ends whatever it has started, in other
 * groups and sessions too. What is ended in this way gets SIGTERM, and SIGKILL after 2 s. Returns
 * 0, or a negative errno where it could not be started; where the program cannot be executed, the
 * output says why. From any thread; it waits for its own child alone, and changes no disposition of
 * a signal.
 */
int command_run(const struct command *command, struct command_result *result);

/** Makes the output at most `size` bytes, COMMAND_CUT included. */
void command_cut(struct command_result *result, size_t size);

#endif
