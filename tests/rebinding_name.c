/* For LD_PRELOAD: rebinding.example is 127.0.0.1 when it is first looked up, then 0.0.0.0. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	static int count;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name != NULL && strcmp(name, "rebinding.example") == 0)
		name = count++ == 0 ? "127.0.0.1" : "0.0.0.0";
	return real(name, service, hints, found);
}
