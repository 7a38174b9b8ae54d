#include "standard_output.h"
#include <errno.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t write_some(const char *data, size_t size)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	ssize_t n = write(STDOUT_FILENO, data, size);
	int error = errno;

	if (n >= 0)
		return n;
	if (error == EAGAIN)
		poll(&out, 1, -1);
	return error == EAGAIN || error == EINTR ? 0 : -error;
}

int standard_output_write(const char *data, size_t size)
{
	ssize_t n;

	for (; size > 0; data += n, size -= (size_t)n) {
		n = write_some(data, size);
		if (n < 0)
			return (int)n;
	}
	return 0;
}
