#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int ssv_descriptor_above_stdio(int fd)
{
	int higher;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		higher = -errno;
	close(fd);
	return higher;
}

uint64_t ssv_descriptor_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

bool ssv_descriptor_has_cookie(int fd, uint64_t cookie)
{
	uint64_t now = 0;
	socklen_t size = sizeof(now);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &now, &size) == 0)
		return now == cookie;
	return errno != EBADF && errno != ENOTSOCK;
}
