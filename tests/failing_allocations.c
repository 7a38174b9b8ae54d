/**
 * Loaded in front of a program (LD_PRELOAD), it has allocations fail: whatever the program, the
 * library and the C library ask for, a thread included. Which, is in the file that ALLOCATIONS
 * names, a `struct plan` shared by all who look: by the test, and by the program's children.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* In test_allocations.py, too. */
struct plan {
	int counting; /* whether anything here is done at all */
	int nth;      /* which fails; 0: none */
	int on;       /* and all after it */
	int seen, failed;
};

static struct plan nothing, *plan = &nothing;

__attribute__((constructor)) static void look_at_plan(void)
{
	const char *path = getenv("ALLOCATIONS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct plan *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (shared == MAP_FAILED)
		abort();
	close(fd);
	plan = shared;
}

static __thread bool is_looking_up; /* a name */

static bool fails(void)
{
	int n, nth;

	if (is_looking_up || !__atomic_load_n(&plan->counting, __ATOMIC_SEQ_CST))
		return false;
	n = __atomic_add_fetch(&plan->seen, 1, __ATOMIC_SEQ_CST);
	nth = __atomic_load_n(&plan->nth, __ATOMIC_SEQ_CST);
	if (nth == 0 || (n != nth && !(n > nth && plan->on)))
		return false;
	__atomic_add_fetch(&plan->failed, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* The function that it stands in front of; or NULL, and why, where its turn has come to fail. */
static void *next_of(const char *name)
{
	if (!fails())
		return dlsym(RTLD_NEXT, name);
	errno = ENOMEM;
	return NULL;
}

#define FAILING(type, name, parameters, arguments, failure)                                        \
	type name parameters                                                                       \
	{                                                                                          \
		__typeof__(name) *next = (__typeof__(next))next_of(#name);                         \
                                                                                                   \
		return next != NULL ? next arguments : (failure);                                  \
	}

FAILING(void *, malloc, (size_t size), (size), NULL)
FAILING(void *, calloc, (size_t count, size_t size), (count, size), NULL)
FAILING(void *, realloc, (void *memory, size_t size), (memory, size), NULL)
FAILING(void *, memalign, (size_t alignment, size_t size), (alignment, size), NULL)
FAILING(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL)
FAILING(int, posix_memalign, (void **memory, size_t alignment, size_t size),
	(memory, alignment, size), ENOMEM)
FAILING(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
	(at, size, protection, flags, fd, offset), MAP_FAILED)
FAILING(int, pthread_create,
	(pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context),
	(thread, attributes, run, context), EAGAIN)

/*
 * glibc's look-ups of names end the process where some of their own allocations fail (an assertion
 * and a null pointer in nss_database.c of 2.36): they fail as a whole.
 */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	__typeof__(getaddrinfo) *next = (__typeof__(next))next_of("getaddrinfo");
	int rc;

	is_looking_up = true;
	rc = next != NULL ? next(host, service, hints, found) : EAI_MEMORY;
	is_looking_up = false;
	return rc;
}

struct passwd *getpwnam(const char *name)
{
	__typeof__(getpwnam) *next = (__typeof__(next))next_of("getpwnam");
	struct passwd *found;

	is_looking_up = true;
	found = next != NULL ? next(name) : NULL;
	is_looking_up = false;
	return found;
}
