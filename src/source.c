#include "source.h"

#include <string.h>

#define NETWORK_BYTES (64 / 8) /* what one customer of IPv6 has, at least */

static void set(struct ssv_source *source, sa_family_t family, const void *id, size_t size)
{
	*source = (struct ssv_source){.family = family};
	memcpy(source->id, id, size);
}

static bool set_user(struct ssv_source *source, const struct ssv_request *request)
{
	struct ssv_credentials peer;

	if (ssv_request_credentials(request, &peer) < 0)
		return false;
	set(source, AF_UNIX, &peer.uid, sizeof(peer.uid));
	return true;
}

bool ssv_source_of(const struct ssv_request *request, struct ssv_source *source)
{
	const struct ssv_address *client = &request->client_address;
	const struct in6_addr *ip6 = &client->socket.in6.sin6_addr;
	const struct in_addr *ip4 = &client->socket.in.sin_addr;

	switch (client->socket.any.sa_family) {
	case AF_INET:
		set(source, AF_INET, ip4, sizeof(*ip4));
		return true;
	case AF_INET6:
		set(source, AF_INET6, ip6,
			IN6_IS_ADDR_LINKLOCAL(ip6) ? sizeof(*ip6) : NETWORK_BYTES);
		return true;
	default:
		return set_user(source, request);
	}
}

bool ssv_source_is_equal(const struct ssv_source *one, const struct ssv_source *other)
{
	return one->family == other->family && memcmp(one->id, other->id, sizeof(one->id)) == 0;
}
