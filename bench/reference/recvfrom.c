/** One datagram after the other. */
#include "reference.h"

void serve_recvfrom(int bound)
{
	char data[DATAGRAM_SIZE];
	struct sockaddr_storage from;
	socklen_t length;
	ssize_t n;

	for (;;) {
		length = sizeof(from);
		n = recvfrom(bound, data, sizeof(data), 0, (struct sockaddr *)&from, &length);
		if (n >= 0)
			sendto(bound, data, (size_t)n, 0, (struct sockaddr *)&from, length);
	}
}
