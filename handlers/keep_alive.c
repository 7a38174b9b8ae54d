#include "keep_alive.h"
#include <netinet/tcp.h>

void keep_alive(const struct ssv_stream *stream)
{
	const int yes = 1, idle = 60, interval = 10, count = 6;

	if (stream->transport != SSV_TCP)
		return;
	setsockopt(stream->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(stream->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(stream->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
}
