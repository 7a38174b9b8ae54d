/** What a successor takes over from the process that started it: see handover.h. */
#ifndef PROGRAM_INHERITANCE_H
#define PROGRAM_INHERITANCE_H

#include <socketserver/unix_socket.h>
#include <stdbool.h>

/** At the start: receives it, if there is any; sockets that were passed to the one before are
 * passed to this one (activation.h). Returns 0, or an exit status after saying what is wrong. */
int inheritance_open(void);

/** Whether there was any. */
bool inheritance_exists(void);

/** The listener for this address, as it was asked for, which is the caller's now; or -1. */
int inheritance_take(const char *address);

/** The one before has given up its duties: the socket file of the listener that was taken for this
 * address, if there is any, is that server's, the `file` its own or NULL. Says so where the file is
 * not there any more, which is no reason not to serve. */
void inheritance_take_file(
	const char *address, struct ssv_unix_socket *file, const struct ssv_server *server);

/** The one before is told that this one serves, and ends; what was not taken is closed. Nothing
 * where there is none. */
void inheritance_ready(void);

#endif
