#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const fault_names[N_FAULT_CALLS] = {
#define X(name) #name,
	FAULT_CALLS(X)
#undef X
};

/* Changed with atomics alone: by threads, and by processes. */
static struct {
	bool counting;
	int call, error, nth;
	bool persistent;
	int fired, seen[N_FAULT_CALLS];
} own, *faults = &own;

static bool spared;

void faults_share(void)
{
	void *memory =
		mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	faults = memory;
}

void faults_arm(enum fault_call call, int error, int nth, bool persistent)
{
	faults_disarm();
	for (int i = 0; i < N_FAULT_CALLS; i++)
		__atomic_store_n(&faults->seen[i], 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&faults->fired, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&faults->call, (int)call, __ATOMIC_SEQ_CST);
	__atomic_store_n(&faults->error, error, __ATOMIC_SEQ_CST);
	__atomic_store_n(&faults->nth, nth, __ATOMIC_SEQ_CST);
	__atomic_store_n(&faults->persistent, persistent, __ATOMIC_SEQ_CST);
	__atomic_store_n(&faults->counting, true, __ATOMIC_SEQ_CST);
}

void faults_count(void)
{
	faults_arm(N_FAULT_CALLS, 0, 0, false);
}

void faults_disarm(void)
{
	__atomic_store_n(&faults->counting, false, __ATOMIC_SEQ_CST);
}

void faults_spare_me(bool yes)
{
	spared = yes;
}

int faults_seen(enum fault_call call)
{
	return __atomic_load_n(&faults->seen[call], __ATOMIC_SEQ_CST);
}

int faults_fired(void)
{
	return __atomic_load_n(&faults->fired, __ATOMIC_SEQ_CST);
}

/* The error that is due, an errno, or 0. */
static int due(enum fault_call call)
{
	int n, nth;

	if (spared || !__atomic_load_n(&faults->counting, __ATOMIC_SEQ_CST))
		return 0;
	n = __atomic_add_fetch(&faults->seen[call], 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&faults->call, __ATOMIC_SEQ_CST) != (int)call)
		return 0;
	nth = __atomic_load_n(&faults->nth, __ATOMIC_SEQ_CST);
	if (n != nth && !(n > nth && __atomic_load_n(&faults->persistent, __ATOMIC_SEQ_CST)))
		return 0;
	__atomic_add_fetch(&faults->fired, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&faults->error, __ATOMIC_SEQ_CST);
}

static bool fails(enum fault_call call)
{
	int error = due(call);

	if (error != 0)
		errno = error;
	return error != 0;
}

#define WRAP(type, failure, name, parameters, arguments)                                           \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails(FAULT_##name) ? (failure) : __real_##name arguments;                  \
	}

/* clang-format off */
#define WRAP_INT(name, parameters, arguments) WRAP(int, -1, name, parameters, arguments)
#define WRAP_SIZE(name, parameters, arguments) WRAP(ssize_t, -1, name, parameters, arguments)

WRAP_INT(accept4, (int fd, struct sockaddr *peer, socklen_t *length, int flags), (fd, peer, length, flags))
WRAP_INT(bind, (int fd, const struct sockaddr *at, socklen_t length), (fd, at, length))
WRAP(void *, NULL, calloc, (size_t count, size_t size), (count, size))
WRAP_INT(connect, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
WRAP_INT(epoll_create1, (int flags), (flags))
WRAP_INT(epoll_wait, (int fd, struct epoll_event *events, int most, int time), (fd, events, most, time))
WRAP_INT(eventfd, (unsigned int value, int flags), (value, flags))
WRAP_INT(eventfd_read, (int fd, eventfd_t *value), (fd, value))
WRAP_INT(fchmod, (int fd, mode_t mode), (fd, mode))
WRAP_INT(fchownat, (int fd, const char *path, uid_t user, gid_t group, int flags), (fd, path, user, group, flags))
WRAP_INT(fcntl64, (int fd, int command, long argument), (fd, command, argument))
WRAP_INT(flock, (int fd, int how), (fd, how))
WRAP(pid_t, -1, fork, (void), ())
WRAP_INT(fstat64, (int fd, struct stat *status), (fd, status))
WRAP_INT(getpeername, (int fd, struct sockaddr *at, socklen_t *length), (fd, at, length))
WRAP_SIZE(getrandom, (void *data, size_t size, unsigned int flags), (data, size, flags))
WRAP_INT(getrlimit64, (int resource, struct rlimit *limit), (resource, limit))
WRAP_INT(getsockname, (int fd, struct sockaddr *at, socklen_t *length), (fd, at, length))
WRAP_INT(getsockopt, (int fd, int level, int name, void *value, socklen_t *length), (fd, level, name, value, length))
WRAP_INT(ioctl, (int fd, unsigned long request, void *argument), (fd, request, argument))
WRAP_INT(kill, (pid_t pid, int number), (pid, number))
WRAP_INT(listen, (int fd, int backlog), (fd, backlog))
WRAP_INT(lstat64, (const char *path, struct stat *status), (path, status))
WRAP(void *, MAP_FAILED, mmap64, (void *at, size_t size, int protection, int flags, int fd, off_t offset), (at, size, protection, flags, fd, offset))
WRAP_INT(open64, (const char *path, int flags, long mode), (path, flags, mode))
WRAP_INT(on_exit, (void (*call)(int status, void *context), void *context), (call, context))
WRAP_INT(pipe2, (int ends[2], int flags), (ends, flags))
WRAP_INT(poll, (struct pollfd *polled, nfds_t count, int time), (polled, count, time))
WRAP(void *, NULL, realloc, (void *memory, size_t size), (memory, size))
WRAP_SIZE(recv, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
WRAP_SIZE(recvfrom, (int fd, void *data, size_t size, int flags, struct sockaddr *from, socklen_t *length), (fd, data, size, flags, from, length))
WRAP_SIZE(recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP_SIZE(send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
WRAP_SIZE(sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP_SIZE(sendto, (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length), (fd, data, size, flags, to, length))
WRAP_INT(setsockopt, (int fd, int level, int name, const void *value, socklen_t length), (fd, level, name, value, length))
WRAP_INT(shutdown, (int fd, int how), (fd, how))
WRAP_INT(sigaction, (int number, const struct sigaction *action, struct sigaction *before), (number, action, before))
WRAP_INT(socket, (int family, int type, int protocol), (family, type, protocol))
WRAP(long, -1, syscall, (long number, long a, long b, long c, long d, long e, long f), (number, a, b, c, d, e, f))
WRAP_INT(timerfd_create, (int clock, int flags), (clock, flags))
WRAP_INT(timerfd_settime, (int fd, int flags, const struct itimerspec *time, struct itimerspec *before), (fd, flags, time, before))
WRAP_INT(unlink, (const char *path), (path))
WRAP(pid_t, -1, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
/* clang-format on */

/* Those that return the error. */
#define WRAP_CODE(name, parameters, arguments)                                                     \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		int error = due(FAULT_##name);                                                     \
                                                                                                   \
		return error != 0 ? error : __real_##name arguments;                               \
	}

WRAP_CODE(pthread_attr_init, (pthread_attr_t * attributes), (attributes))
WRAP_CODE(pthread_attr_setsigmask_np, (pthread_attr_t * attributes, const sigset_t *signals),
	(attributes, signals))
WRAP_CODE(pthread_attr_setstacksize, (pthread_attr_t * attributes, size_t size), (attributes, size))
WRAP_CODE(pthread_create,
	(pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context),
	(thread, attributes, run, context))

/* As on Linux: the descriptor is closed, whatever it says. Who tried again would close another's:
 * nobody closes what is not open. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	int error = due(FAULT_close), rc = __real_close(fd);

	if (rc < 0 && errno == EBADF && fd >= 0)
		abort();
	if (error != 0)
		errno = error;
	return error != 0 ? -1 : rc;
}

/* As on Linux: what is to be taken out is out, whatever it says. */
int __real_epoll_ctl(int fd, int how, int other, struct epoll_event *event);
int __wrap_epoll_ctl(int fd, int how, int other, struct epoll_event *event);
int __wrap_epoll_ctl(int fd, int how, int other, struct epoll_event *event)
{
	int error = due(FAULT_epoll_ctl), rc = 0;

	if (error == 0 || how == EPOLL_CTL_DEL)
		rc = __real_epoll_ctl(fd, how, other, event);
	if (error != 0)
		errno = error;
	return error != 0 ? -1 : rc;
}

/* With an error of the system's own behind one of its errors. */
int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	int error = due(FAULT_getaddrinfo);

	if (error == EAI_SYSTEM)
		errno = ENFILE;
	return error != 0 ? error : __real_getaddrinfo(host, service, hints, found);
}
