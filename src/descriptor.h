/** What holds for every descriptor that the library makes. */
#ifndef SSV_DESCRIPTOR_H
#define SSV_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Moves a new descriptor out of the way of standard input, output and error, which a host may have
 * started without: else what is printed would go to a peer. `fd` is what the call that makes one
 * has just returned. Returns the descriptor; or -errno, that call's if it failed.
 */
int ssv_descriptor_above_stdio(int fd);

/** Which socket it is, a number that no other one ever has; 0 where the kernel does not say. */
uint64_t ssv_descriptor_cookie(int fd);

/** Whether the kernel says so of it, or says nothing. */
bool ssv_descriptor_has_cookie(int fd, uint64_t cookie);

/** Whether it is that socket still: somebody may have closed it, and another file have its number.
 * Without a cookie it is taken for granted. */
static inline bool ssv_descriptor_is(int fd, uint64_t cookie)
{
	return cookie == 0 || ssv_descriptor_has_cookie(fd, cookie);
}

#endif
