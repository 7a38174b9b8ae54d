#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int ssv_descriptor_above_stdio(int fd)
{
	int higher;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		higher = -errno;
	close(fd);
	return higher;
}
