/** The process between server and command: it ends the command and all that it has started. */
#ifndef HANDLERS_COMMAND_KEEPER_H
#define HANDLERS_COMMAND_KEEPER_H

#include "command.h"

/**
 * In a forked child of `server`, which may have had threads, with all signals but SIGCHLD blocked:
 * runs the command with `output` as its standard output and standard error; ends it on SIGTERM,
 * which the kernel sends when the server ends; then ends itself, with the command's status as
 * command_result has it.
 */
_Noreturn void command_keeper_run(const struct command *command, int output, pid_t server);

#endif
