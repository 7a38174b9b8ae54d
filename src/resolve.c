#include "resolve.h"

#include "inet_socket.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

/* [::], which stands for both families. */
static bool is_wildcard(const struct ssv_address *address)
{
	return address->socket.any.sa_family == AF_INET6 && ssv_inet_is_every_address(address);
}

static int resolve_wildcard(
	const struct ssv_address *address, int family, ssv_attempt *attempt, void *context)
{
	const struct ssv_address ipv4 = {
		.transport = address->transport,
		.length = sizeof(struct sockaddr_in),
		.socket.in = {.sin_family = AF_INET, .sin_port = address->socket.in6.sin6_port},
	};
	int rc = family == AF_INET ? -EAFNOSUPPORT : attempt(address, context);

	if (family != AF_INET6 && (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL))
		rc = attempt(&ipv4, context);
	return rc;
}

static int look_up(const struct ssv_address *address, int family, struct addrinfo **found)
{
	const bool is_stream = ssv_transport_is_stream(address->transport);
	const struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = is_stream ? SOCK_STREAM : SOCK_DGRAM,
	};

	switch (getaddrinfo(address->name, NULL, &hints, found)) {
	case 0:
		return 0;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return -errno;
	default:
		return -ENXIO;
	}
}

static struct ssv_address from_found(const struct ssv_address *name, const struct addrinfo *found)
{
	struct ssv_address address = {.transport = name->transport, .length = found->ai_addrlen};

	memcpy(&address.socket, found->ai_addr, found->ai_addrlen);
	if (found->ai_family == AF_INET)
		address.socket.in.sin_port = htons(name->port);
	else
		address.socket.in6.sin6_port = htons(name->port);
	return address;
}

static int resolve_name(
	const struct ssv_address *name, int family, ssv_attempt *attempt, void *context)
{
	struct addrinfo *found;
	int rc = look_up(name, family, &found);

	if (rc < 0)
		return rc;
	rc = -ENXIO;
	for (const struct addrinfo *next = found; next != NULL && rc < 0; next = next->ai_next) {
		struct ssv_address address = from_found(name, next);

		rc = attempt(&address, context);
	}
	freeaddrinfo(found);
	return rc;
}

int ssv_resolve(const struct ssv_address *address, int family, ssv_attempt *attempt, void *context)
{
	if (address->name[0] != '\0')
		return resolve_name(address, family, attempt, context);
	if (is_wildcard(address))
		return resolve_wildcard(address, family, attempt, context);
	if (family != AF_UNSPEC && family != address->socket.any.sa_family)
		return -EAFNOSUPPORT;
	return attempt(address, context);
}
