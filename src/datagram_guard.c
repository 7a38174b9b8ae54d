#include "clock.h"
#include "datagram_server.h"
#include "rate_table.h"
#include "server_socket.h"

#include <errno.h>
#include <socketserver/container_of.h>
#include <socketserver/datagram_guard.h>
#include <string.h>
#include <unistd.h>

static struct ssv_datagram_guard *guard_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_datagram_guard, layer);
}

/* --- where no client is --- */

/* Those of servers that answer anything; below 1,024 there are more of them. */
static bool is_service(uint16_t port)
{
	return port < 1024 || port == 1900 || port == 2049 || port == 5353 || port == 11211;
}

/* A subnet's broadcast address is for the kernel to know, which takes nothing from one. */
static bool is_client_ipv4(struct in_addr ip)
{
	const unsigned int first = ntohl(ip.s_addr) >> 24;

	return first != 0 && first != 255 && !IN_MULTICAST(ntohl(ip.s_addr));
}

static bool is_client_ipv6(const struct in6_addr *ip)
{
	return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_MULTICAST(ip) &&
	       !IN6_IS_ADDR_V4MAPPED(ip) && !IN6_IS_ADDR_V4COMPAT(ip);
}

static bool is_client_address(const struct ssv_address *client)
{
	switch (client->socket.any.sa_family) {
	case AF_INET:
		return is_client_ipv4(client->socket.in.sin_addr);
	case AF_INET6:
		return is_client_ipv6(&client->socket.in6.sin6_addr);
	default:
		return false;
	}
}

static void set_port_0(struct ssv_address *address)
{
	if (address->socket.any.sa_family == AF_INET)
		address->socket.in.sin_port = 0;
	else
		address->socket.in6.sin6_port = 0;
}

/* Whether one can bind to it says that; where one cannot try, it may be. */
static bool is_of_this_host(const struct ssv_address *client)
{
	struct ssv_address there = *client;
	int fd = ssv_server_socket_make(&there);
	bool is_ours;

	if (fd < 0)
		return true;
	set_port_0(&there);
	is_ours = bind(fd, &there.socket.any, there.length) == 0 || errno != EADDRNOTAVAIL;
	close(fd);
	return is_ours;
}

static bool may_be_a_client(const struct ssv_server *server, const struct ssv_address *client)
{
	const uint16_t port = ssv_address_port(client);

	return !is_service(port) && is_client_address(client) &&
	       (port != ssv_address_port(&server->server_address) || !is_of_this_host(client));
}

/* --- how many --- */

#define MAX_KEY (sizeof(struct in6_addr) + sizeof(uint16_t))

/* What has a limit of its own: on this host a socket, elsewhere a network. Its length. */
static size_t make_key(const struct ssv_address *client, bool here, unsigned char key[MAX_KEY])
{
	const bool is_v6 = client->socket.any.sa_family == AF_INET6;
	const void *ip = is_v6 ? (const void *)&client->socket.in6.sin6_addr
			       : (const void *)&client->socket.in.sin_addr;
	const uint16_t port = ssv_address_port(client);
	const size_t network = is_v6 ? 56 / 8 : 24 / 8;
	const size_t host = is_v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);

	memcpy(key, ip, here ? host : network);
	if (!here)
		return network;
	memcpy(key + host, &port, sizeof(port));
	return host + sizeof(port);
}

/* A rate that was set after the bind has no table. */
static bool has_limits(const struct ssv_datagram_guard *guard)
{
	return guard->rate != 0 && guard->sources != NULL;
}

static bool is_within_rate(
	struct ssv_datagram_guard *guard, const struct ssv_address *client, bool here)
{
	const struct ssv_rate each = {guard->rate, guard->burst};
	const struct ssv_rate all = {guard->global_rate, guard->global_rate};
	const int64_t now = ssv_now();
	unsigned char key[MAX_KEY];
	const size_t size = make_key(client, here, key);

	if (!ssv_rate_table_take(guard->sources, key, size, &each, now))
		return false;
	return here || all.per_second == 0 || ssv_rate_take(&guard->all, &all, now);
}

/* --- the layer --- */

/* Whether that packet was sent to the loopback; a server with one address is there, or is not. */
static bool is_here(const struct ssv_datagram_guard *guard, const struct ssv_request *request)
{
	struct ssv_address asked;

	if (request->control_length == 0)
		return guard->here;
	ssv_datagram_server_asked(request, &asked);
	return ssv_address_is_loopback(&asked) > 0;
}

static bool is_welcome(struct ssv_datagram_guard *guard, const struct ssv_request *request)
{
	const struct ssv_address *client = &request->client_address;
	bool here;

	if (!may_be_a_client(request->server, client))
		return false;
	here = is_here(guard, request);
	if (!here && ssv_address_is_loopback(client) > 0)
		return false;
	return !has_limits(guard) || is_within_rate(guard, client, here);
}

static int datagram_guard_verify_request(struct ssv_layer *layer, struct ssv_request *request)
{
	if (request->client_address.transport == SSV_UDP && !is_welcome(guard_of(layer), request))
		return 0;
	return ssv_super_verify_request(layer, request);
}

/* 0, also where there is no rate, or it has its table. */
static int make_table(struct ssv_datagram_guard *guard)
{
	if (guard->rate == 0 || guard->sources != NULL)
		return 0;
	guard->sources = ssv_rate_table_new();
	return guard->sources == NULL ? -errno : 0;
}

static int datagram_guard_bind(struct ssv_layer *layer)
{
	struct ssv_datagram_guard *guard = guard_of(layer);
	int rc = make_table(guard);

	if (rc == 0)
		rc = ssv_super_bind(layer);
	guard->here = rc == 0 && ssv_address_is_loopback(&layer->server->server_address) > 0;
	return rc;
}

static int datagram_guard_close(struct ssv_layer *layer)
{
	struct ssv_datagram_guard *guard = guard_of(layer);
	int rc = ssv_super_close(layer);

	if (rc != 0)
		return rc;
	ssv_rate_table_free(guard->sources);
	guard->sources = NULL;
	guard->all = 0;
	return 0;
}

static const struct ssv_layer_ops datagram_guard_ops = {
	.bind = datagram_guard_bind,
	.close = datagram_guard_close,
	.verify_request = datagram_guard_verify_request,
};

void ssv_datagram_guard_init(struct ssv_datagram_guard *guard, struct ssv_server *server)
{
	*guard = (struct ssv_datagram_guard){.rate = 20, .burst = 40, .global_rate = 1000};
	ssv_server_link(server, &guard->layer, &datagram_guard_ops);
}
