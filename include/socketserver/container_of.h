/** From a member back to the struct that embeds it: the way down a class hierarchy. */
#ifndef SOCKETSERVER_CONTAINER_OF_H
#define SOCKETSERVER_CONTAINER_OF_H

#include <stddef.h>

/**
 * The `type` whose member `member` is `*pointer`. It does not compile for a pointer to anything but
 * that member's own type, so a class can only be reached from the base that it really embeds. No
 * code runs: it is safe anywhere. (The Linux kernel's container_of().)
 */
#ifdef __cplusplus
template <typename Member> inline Member *ssv_container_of_check(Member *pointer)
{
	return pointer;
}
#define ssv_container_of(pointer, type, member)                                                    \
	reinterpret_cast<type *>(                                                                  \
		reinterpret_cast<char *>(                                                          \
			ssv_container_of_check<decltype(static_cast<type *>(nullptr)->member)>(    \
				pointer)) -                                                        \
		offsetof(type, member))
#else
#define ssv_container_of(pointer, type, member)                                                    \
	_Generic((pointer), __typeof__(((type *)0)->member) *                                      \
		 : (type *)(void *)((char *)(pointer)-offsetof(type, member)))
#endif

#endif
