#include "peer_name.h"
#include <socketserver/visible.h>
#include <stdio.h>
#include <string.h>

bool peer_has_name(const struct ssv_request *request)
{
	return request->client_address.length > sizeof(sa_family_t);
}

/* The address as text, without what says of which kind it is. A client chose the path: with a
 * newline in it, it could speak in the names of others. */
static void format_address(const struct ssv_address *client, char *name)
{
	const char *prefix = client->transport == SSV_UNIXGRAM ? "unixgram:" : "tcp://", *rest;

	rest = ssv_address_format(client, name) + strlen(prefix);
	memmove(name, rest, strlen(rest) + 1);
	ssv_make_harmless(name);
}

char *peer_name(const struct ssv_request *request, char name[SSV_ADDRESS_TEXT_SIZE])
{
	struct ssv_credentials credentials;

	if (ssv_request_credentials(request, &credentials) == 0)
		sprintf(name, "unix:%ld", (long)credentials.pid);
	else if (!peer_has_name(request))
		sprintf(name, "unnamed");
	else
		format_address(&request->client_address, name);
	return name;
}
