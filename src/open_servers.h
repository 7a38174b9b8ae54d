/**
 * The servers of this process that have a socket, so that a forked child can let go of what is its
 * parent's. The lock of the list is taken before that of a server.
 */
#ifndef SSV_OPEN_SERVERS_H
#define SSV_OPEN_SERVERS_H

#include <socketserver/server.h>

/** The server has its socket. Harmless twice. */
void ssv_open_servers_add(struct ssv_server *server);

/** Closes its socket. Harmless twice. */
void ssv_open_servers_close(struct ssv_server *server);

/** Wakes the loops of all. From any thread, but not under the lock of a server. */
void ssv_open_servers_wake(void);

/** A copy, in a child of the host's, of a server that its parent has served: lets go of what is the
 * parent's, as a child of our own does. It can be closed then, and opened again. */
void ssv_open_servers_leave(struct ssv_server *server);

/**
 * fork(2) on behalf of `server`, at a moment when no server of the process is being changed. In the
 * child, before any signal can come, all servers let go of their sockets, loops and connections
 * (only the socket of `server` stays where it is a datagram one), each layer's `forsake` is called,
 * and the signals of ssv_server_stop_on_signals() do what they did before. Returns as fork(2), but
 * -errno.
 */
pid_t ssv_open_servers_fork(const struct ssv_server *server);

/** What forks; tests put their own here. */
extern pid_t (*ssv_fork)(void);

#endif
