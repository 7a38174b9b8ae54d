#include "keep_alive.h"
#include <netinet/tcp.h>

void keep_alive(struct ssv_stream *stream)
{
	const int yes = 1, idle = 60, interval = 10, count = 6;
	const int fd = ssv_stream_fileno(stream);

	if (stream->transport != SSV_TCP)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
}
