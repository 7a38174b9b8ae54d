/** The command that lists the handlers. */
#ifndef PROGRAM_HANDLERS_LIST_H
#define PROGRAM_HANDLERS_LIST_H

/** Returns the exit status. */
int handlers_main(int count, char **arguments);

#endif
