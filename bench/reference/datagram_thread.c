/** A thread for each datagram. */
#include "reference.h"
#include <stdlib.h>
#include <string.h>

struct datagram {
	int bound;
	struct sockaddr_storage from;
	socklen_t length;
	size_t size;
	char data[];
};

static void *run(void *argument)
{
	struct datagram *datagram = argument;

	sendto(datagram->bound, datagram->data, datagram->size, 0,
		(struct sockaddr *)&datagram->from, datagram->length);
	free(datagram);
	return NULL;
}

static struct datagram *datagram_new(int bound, const char *data, size_t size)
{
	struct datagram *datagram = malloc(sizeof(*datagram) + size);

	if (datagram == NULL)
		fail("malloc");
	datagram->bound = bound;
	datagram->size = size;
	memcpy(datagram->data, data, size);
	return datagram;
}

void serve_datagram_thread(int bound)
{
	char data[DATAGRAM_SIZE];
	struct sockaddr_storage from;
	struct datagram *datagram;
	socklen_t length;
	ssize_t n;

	for (;;) {
		length = sizeof(from);
		n = recvfrom(bound, data, sizeof(data), 0, (struct sockaddr *)&from, &length);
		if (n < 0)
			continue;
		datagram = datagram_new(bound, data, (size_t)n);
		datagram->from = from;
		datagram->length = length;
		start_thread(run, datagram);
	}
}
