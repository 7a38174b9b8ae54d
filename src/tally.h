/** What a server counts: requests, bytes, equal reports; together with its forked children. */
#ifndef SSV_TALLY_H
#define SSV_TALLY_H

#include <socketserver/server.h>

/** At the server's init: it counts alone. */
void ssv_tally_init(struct ssv_server *server);

/** In a copy of a server that the host forked: who had the lock is not here. */
void ssv_tally_renew(struct ssv_server *server);

/** Before it forks: moves the counts to memory that its children share. 0, also where that is so
 * already, or a negative errno. */
int ssv_tally_share(struct ssv_server *server);

/** Takes them back, when no child is left. Harmless twice. */
void ssv_tally_unshare(struct ssv_server *server);

/** Adds to a counter. From any thread or process. */
static inline void ssv_count(uint64_t *counter, uint64_t n)
{
	__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

/** The lock of the reports. Held by a child that is killed, it is free again; by one that somebody
 * has stopped, it is not, and nobody waits long for it. Whether it was locked. */
bool ssv_tally_lock(struct ssv_server *server);
void ssv_tally_unlock(struct ssv_tally *tally);

#endif
