/**
 * From one process to its successor, which was started beside it: the listeners, and once it is
 * ready the duties, so that the one before can end. Who takes over is in inheritance.h.
 *
 * Between them is a socket pair (SOCK_SEQPACKET), the successor's end in HANDOVER_VARIABLE. The one
 * before sends one message at once: the addresses of its listeners, each with a NUL behind and,
 * where it has a socket file, with that in front, and with each its descriptor. The successor
 * answers HANDOVER_READY and, for each of them, whether it serves it, '1' or '0', and then gets
 * HANDOVER_YOURS. If it ends before, nothing has changed.
 */
#ifndef PROGRAM_HANDOVER_H
#define PROGRAM_HANDOVER_H

#include "pid_file.h"
#include <signal.h>
#include <socketserver/server.h>
#include <socketserver/unix_socket.h>
#include <stdint.h>

#define HANDOVER_VARIABLE "SOCKETSERVER_HANDOVER"
#define HANDOVER_READY 'R'
#define HANDOVER_YOURS 'Y'
#define HANDOVER_MAX 252 /**< descriptors in one message: SCM_MAX_FD, less one */
/** What else is handed over, each with what follows: an address, a path, NUMBER:NAME. */
#define HANDOVER_STATS "stats:"
#define HANDOVER_PID_FILE "pid-file:"
#define HANDOVER_PASSED "fd:"
/** In front of an address: DEVICE:INODE: of its socket file. */
#define HANDOVER_FILE "file:"
#define HANDOVER_PATH_SIZE 4096
#define HANDOVER_SIZE (256 * SSV_ADDRESS_TEXT_SIZE) /**< of the first message */

/** What is handed over: a server's socket, under a name that its successor looks for. */
struct handed {
	const char *name;
	struct ssv_server *server;
	struct ssv_unix_socket *file; /**< or NULL */
};

struct handover {
	struct handed handed[HANDOVER_MAX];
	size_t count;
	struct ssv_server *beside; /**< to be closed as soon as all is handed over, or NULL */
	struct pid_file *pid_file;
	char program[HANDOVER_PATH_SIZE]; /**< found at the start: what is there by then is started
					   */
	char **arguments;
	int socket; /**< to the successor that is being started, or -1 */
	pid_t successor;
	int64_t patience_ends; /**< CLOCK_MONOTONIC, ms */
};

/** At the start: with these arguments, `arguments[0]` being the command, a successor is started.
 * Returns 0, or an exit status after saying what is wrong. */
int handover_init(struct handover *handover, int count, char **arguments);
void handover_free(struct handover *handover);

/** One more to be handed over; before any is. */
void handover_add(struct handover *handover, const char *name, struct ssv_server *server,
	struct ssv_unix_socket *file);

/** Starts a successor, with the signals as `mask` has them. Says so where that fails, or one is
 * being started already; then nothing has changed. The servers are open. */
void handover_begin(struct handover *handover, const sigset_t *mask);

/** What to poll while a successor is being started (-1: none is), and for how many ms (-1: for
 * ever). */
int handover_fd(const struct handover *handover);
int handover_patience(const struct handover *handover);

/** After that poll: whether all has been handed over. Says so, and also where the successor failed,
 * which then is gone. */
bool handover_is_done(struct handover *handover, bool readable);

/** Its servers take no more requests, and what listens is closed, for this process; what is being
 * served goes on. Part of handing over, too. */
void handover_let_go(struct handover *handover);

/** Ends a successor that is not ready yet. */
void handover_cancel(struct handover *handover);

#endif
