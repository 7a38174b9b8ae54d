#include "dial.h"
#include "resolve.h"
#include <errno.h>
#include <unistd.h>

/* 127.0.0.2 and up: the first is everybody's. */
#define SOURCES 250
#define FIRST_SOURCE (INADDR_LOOPBACK + 1)

static int take_resolved(const struct ssv_address *resolved, void *context)
{
	struct ssv_address *address = context;

	*address = *resolved;
	return 0;
}

int dial_resolve(struct ssv_address *address)
{
	const struct ssv_address given = *address;

	return ssv_resolve(&given, AF_UNSPEC, take_resolved, address);
}

static bool has_many_sources(const struct ssv_address *address)
{
	return address->transport == SSV_TCP && address->socket.any.sa_family == AF_INET &&
	       ntohl(address->socket.in.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}

static int bind_source(int fd, uint64_t number)
{
	const struct sockaddr_in source = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl((in_addr_t)(FIRST_SOURCE + number % SOURCES)),
	};
	const int on = 1;

	/* The port is chosen by connect(2), which knows that only the pair has to be unique. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
		return -errno;
	return bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0 ? -errno : 0;
}

/* A name that the kernel chooses, without which a server could not answer. */
static int bind_unix_name(int fd)
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};

	return bind(fd, (const struct sockaddr *)&unnamed, sizeof(unnamed.sun_family)) < 0 ? -errno
											   : 0;
}

static int bind_client(int fd, const struct ssv_address *address, uint64_t number)
{
	if (has_many_sources(address))
		return bind_source(fd, number);
	return address->transport == SSV_UNIXGRAM ? bind_unix_name(fd) : 0;
}

static int connect_client(int fd, const struct ssv_address *address)
{
	if (connect(fd, &address->socket.any, address->length) == 0 || errno == EINPROGRESS)
		return 0;
	return errno == EADDRNOTAVAIL ? -EAGAIN : -errno;
}

int dial(const struct ssv_address *address, uint64_t number)
{
	int type = ssv_transport_is_stream(address->transport) ? SOCK_STREAM : SOCK_DGRAM;
	int fd, rc;

	fd = socket(address->socket.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = bind_client(fd, address, number);
	if (rc == 0)
		rc = connect_client(fd, address);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
