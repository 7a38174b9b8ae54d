/**
 * Errors that the system does not give when one wants them: the calls that the library makes go
 * through here, and the n-th one can be made to fail. The linker sees to that (--wrap, see
 * meson.build), in a test program that links the library inside.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>

/** Every call that can be made to fail; test_faults.sh has those that the library makes besides,
 * and why they are not among these. */
#define FAULT_CALLS(X)                                                                             \
	X(accept4)                                                                                 \
	X(bind)                                                                                    \
	X(calloc)                                                                                  \
	X(close)                                                                                   \
	X(connect)                                                                                 \
	X(epoll_create1)                                                                           \
	X(epoll_ctl)                                                                               \
	X(epoll_wait)                                                                              \
	X(eventfd)                                                                                 \
	X(eventfd_read)                                                                            \
	X(fchmod)                                                                                  \
	X(fchownat)                                                                                \
	X(fcntl64)                                                                                 \
	X(flock)                                                                                   \
	X(fork)                                                                                    \
	X(fstat64)                                                                                 \
	X(getaddrinfo)                                                                             \
	X(getpeername)                                                                             \
	X(getrandom)                                                                               \
	X(getrlimit64)                                                                             \
	X(getsockname)                                                                             \
	X(getsockopt)                                                                              \
	X(ioctl)                                                                                   \
	X(kill)                                                                                    \
	X(listen)                                                                                  \
	X(lstat64)                                                                                 \
	X(mmap64)                                                                                  \
	X(on_exit)                                                                                 \
	X(open64)                                                                                  \
	X(pipe2)                                                                                   \
	X(poll)                                                                                    \
	X(pthread_attr_init)                                                                       \
	X(pthread_attr_setsigmask_np)                                                              \
	X(pthread_attr_setstacksize)                                                               \
	X(pthread_create)                                                                          \
	X(realloc)                                                                                 \
	X(recv)                                                                                    \
	X(recvfrom)                                                                                \
	X(recvmsg)                                                                                 \
	X(send)                                                                                    \
	X(sendmsg)                                                                                 \
	X(sendto)                                                                                  \
	X(setsockopt)                                                                              \
	X(shutdown)                                                                                \
	X(sigaction)                                                                               \
	X(socket)                                                                                  \
	X(syscall)                                                                                 \
	X(timerfd_create)                                                                          \
	X(timerfd_settime)                                                                         \
	X(unlink)                                                                                  \
	X(waitpid)

enum fault_call {
#define X(name) FAULT_##name,
	FAULT_CALLS(X)
#undef X
		N_FAULT_CALLS
};

extern const char *const fault_names[N_FAULT_CALLS];

/** In memory that this process and all that it forks from now on share. */
void faults_share(void);

/** From now on all calls are counted, and that one fails with `error` (an errno): its `nth` one,
 * and if it is `persistent` all that follow. */
void faults_arm(enum fault_call call, int error, int nth, bool persistent);

/** From now on all calls are counted, and none fails. */
void faults_count(void);

/** From now on none fails, and none is counted. */
void faults_disarm(void);

/** Whether this process, and what it forks from now on, is none of those that are meant: a client.
 */
void faults_spare_me(bool yes);

/** Since the last arm or count: how many there were, and how many of the armed one failed. */
int faults_seen(enum fault_call call);
int faults_fired(void);

#endif
