/** Echo servers as one would write them by hand in an hour, for one purpose each. */
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H

#include <socketserver/address.h>

/** What a handler of ours has on its stack, too. */
#define BUFFER_SIZE (16 * 1024)
#define DATAGRAM_SIZE 65536

/** A socket that listens, or is bound, there; `at` becomes where it really is. Or ends the program.
 */
int listen_at(struct ssv_address *at);

/** Ends the program. */
_Noreturn void fail(const char *what);

/** Echoes until the end of the stream, and closes. */
void echo_connection(int connection);

/** The next connection; one that was gone again is nobody's fault. */
int accept_connection(int listener);

/** A thread that nobody waits for, with the stack of one of ours. */
void start_thread(void *(*run)(void *), void *argument);

/* Each serves for ever. */
void serve_sync(int listener);
void serve_thread(int listener);
void serve_fork(int listener);
void serve_leader_follower(int listener);
void serve_epoll(int listener);
void serve_recvfrom(int bound);
void serve_datagram_thread(int bound);

#endif
