#include <socketserver/address.h>

#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HOST 253 /* of a name, DNS says; an IPv6 address with its scope is far shorter */
#define MAX_PORT_DIGITS 5

#define DIGITS "0123456789"
#define NAME_BYTES DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._"

static const struct {
	const char *name, *prefix;
} transports[] = {
	[SSV_TCP] = {"tcp", "tcp://"},
	[SSV_UDP] = {"udp", "udp://"},
	[SSV_UNIX] = {"unix", "unix:"},
	[SSV_UNIXGRAM] = {"unixgram", "unixgram:"},
};

const char *ssv_transport_name(enum ssv_transport transport)
{
	return transports[transport].name;
}

bool ssv_transport_is_stream(enum ssv_transport transport)
{
	return transport == SSV_TCP || transport == SSV_UNIX;
}

static bool is_unix(enum ssv_transport transport)
{
	return transport == SSV_UNIX || transport == SSV_UNIXGRAM;
}

static bool consists_of(const char *text, const char *bytes)
{
	return text[strspn(text, bytes)] == '\0';
}

static int reject(const char **error, const char *text, int rc)
{
	*error = text;
	return rc;
}

static int set_name(struct ssv_address *address, const char *name, uint16_t port)
{
	memcpy(address->name, name, strlen(name) + 1);
	address->port = port;
	return 0;
}

static int set_ipv4(struct ssv_address *address, struct in_addr ip, uint16_t port)
{
	address->length = sizeof(address->socket.in);
	address->socket.in = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = ip,
	};
	return 0;
}

static int set_ipv6(
	struct ssv_address *address, const struct in6_addr *ip, uint32_t scope, uint16_t port)
{
	address->length = sizeof(address->socket.in6);
	address->socket.in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = *ip,
		.sin6_scope_id = scope,
	};
	return 0;
}

/* Where the path or the host begins, or NULL. */
static const char *parse_transport(const char *text, enum ssv_transport *transport)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		size_t length = strlen(transports[i].prefix);

		if (strncmp(text, transports[i].prefix, length) == 0) {
			*transport = (enum ssv_transport)i;
			return text + length;
		}
	}
	return NULL;
}

static int parse_unix(struct ssv_address *address, const char *path, const char **error)
{
	struct sockaddr_un *un = &address->socket.un;
	bool is_abstract = path[0] == '@';
	size_t size = strlen(path) + (is_abstract ? 0 : 1); /* the NUL belongs to a path alone */

	if (size < 2)
		return reject(error, "a path or an @name must follow unix: or unixgram:", -EINVAL);
	if (size > sizeof(un->sun_path))
		return reject(
			error, "the path or @name must have at most 107 bytes", -ENAMETOOLONG);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, size);
	if (is_abstract)
		un->sun_path[0] = '\0';
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	return 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
	size_t length = strlen(text);
	unsigned long number;

	if (length == 0 || length > MAX_PORT_DIGITS || !consists_of(text, DIGITS))
		return false;
	number = strtoul(text, NULL, 10);
	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

/* 1 and its number; 0 for an interface that there is not yet; -EINVAL where there cannot be. */
static int parse_scope(const char *text, uint32_t *scope)
{
	size_t length = strlen(text);
	unsigned long long number;

	*scope = if_nametoindex(text);
	if (*scope != 0)
		return 1;
	if (length == 0 || length >= IF_NAMESIZE || !consists_of(text, NAME_BYTES))
		return -EINVAL;
	if (!consists_of(text, DIGITS))
		return 0;
	number = strtoull(text, NULL, 10);
	*scope = (uint32_t)number;
	return number <= UINT32_MAX ? 1 : -EINVAL;
}

static int parse_ipv6(
	struct ssv_address *address, const char *host, uint16_t port, const char **error)
{
	const char *percent = strchrnul(host, '%');
	char before[MAX_HOST + 1] = "";
	struct in6_addr ip;
	uint32_t scope = 0;
	int known = 1;

	memcpy(before, host, (size_t)(percent - host));
	if (inet_pton(AF_INET6, before, &ip) != 1)
		return reject(error, "the host in brackets must be an IPv6 address", -EINVAL);
	if (*percent == '%')
		known = parse_scope(percent + 1, &scope);
	if (known < 0)
		return reject(error, "the scope must be an interface's name or number", -EINVAL);
	return known ? set_ipv6(address, &ip, scope, port) : set_name(address, host, port);
}

static int parse_bracketed(
	struct ssv_address *address, char *host, uint16_t port, const char **error)
{
	char *last = host + strlen(host) - 1;

	if (host[0] != '[' || *last != ']')
		return reject(error, "an IPv6 address must stand in brackets, as in tcp://[::1]:80",
			-EINVAL);
	*last = '\0';
	return parse_ipv6(address, host + 1, port, error);
}

static int parse_ipv4(
	struct ssv_address *address, const char *host, uint16_t port, const char **error)
{
	struct in_addr ip;

	if (inet_pton(AF_INET, host, &ip) != 1)
		return reject(error, "an IPv4 address must be four numbers from 0 to 255", -EINVAL);
	return set_ipv4(address, ip, port);
}

static int parse_name(
	struct ssv_address *address, const char *host, uint16_t port, const char **error)
{
	if (host[0] == '-' || host[0] == '.')
		return reject(error, "a host name must begin with a letter or a digit", -EINVAL);
	if (!consists_of(host, NAME_BYTES))
		return reject(
			error, "a host name must consist of letters, digits, - . and _", -EINVAL);
	return set_name(address, host, port);
}

static int parse_host(struct ssv_address *address, char *host, uint16_t port, const char **error)
{
	if (host[0] == '\0')
		return set_ipv6(address, &in6addr_any, 0, port);
	if (strpbrk(host, "[:]") != NULL)
		return parse_bracketed(address, host, port, error);
	if (consists_of(host, DIGITS "."))
		return parse_ipv4(address, host, port, error);
	return parse_name(address, host, port, error);
}

static int parse_inet(struct ssv_address *address, const char *text, const char **error)
{
	const char *bracket = text[0] == '[' ? strrchr(text, ']') : NULL;
	const char *colon = strrchr(bracket != NULL ? bracket : text, ':');
	char host[MAX_HOST + 1] = "";
	uint16_t port;

	if (colon == NULL)
		return reject(
			error, "a port must follow the host, as in tcp://localhost:80", -EINVAL);
	if (colon - text > MAX_HOST)
		return reject(error, "the host must have at most 253 characters", -ENAMETOOLONG);
	memcpy(host, text, (size_t)(colon - text));
	if (!parse_port(colon + 1, &port))
		return reject(error, "the port must be a number from 0 to 65535", -EINVAL);
	return parse_host(address, host, port, error);
}

int ssv_address_parse(struct ssv_address *address, const char *text, const char **error)
{
	struct ssv_address parsed = {0};
	const char *rest = parse_transport(text, &parsed.transport), *ignored;
	int rc;

	if (error == NULL)
		error = &ignored;
	if (rest == NULL)
		return reject(error,
			"the address must begin with tcp://, udp://, unix: or unixgram:", -EINVAL);
	rc = is_unix(parsed.transport) ? parse_unix(&parsed, rest, error)
				       : parse_inet(&parsed, rest, error);
	if (rc == 0)
		*address = parsed;
	return rc;
}

/* The NUL that an abstract name begins with becomes its @ here. */
static void format_unix(const struct ssv_address *address, char *text)
{
	const char *path = address->socket.un.sun_path;
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	size_t size = address->length > before ? address->length - before : 0;

	if (size > 0 && path[0] != '\0')
		size = strnlen(path, size);
	if (size > 0 && path[0] == '@')
		text = stpcpy(text, "./");
	for (size_t i = 0; i < size; i++)
		*text++ = (char)(path[i] == '\0' ? '@' : path[i]);
	*text = '\0';
}

static char *format_ipv6(const struct sockaddr_in6 *in6, char *text)
{
	char ip[INET6_ADDRSTRLEN], name[IF_NAMESIZE];

	inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
	if (in6->sin6_scope_id == 0)
		return text + sprintf(text, "[%s]", ip);
	if (if_indextoname(in6->sin6_scope_id, name) == NULL)
		return text + sprintf(text, "[%s%%%u]", ip, in6->sin6_scope_id);
	return text + sprintf(text, "[%s%%%s]", ip, name);
}

/* Returns the end of it. What is no address at all, which from_socket() may have met, is "?". */
static char *format_host(const struct ssv_address *address, char *text)
{
	if (strchr(address->name, ':') != NULL)
		return text + sprintf(text, "[%s]", address->name);
	if (address->name[0] != '\0')
		return stpcpy(text, address->name);
	switch (address->socket.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &address->socket.in.sin_addr, text, INET_ADDRSTRLEN);
		return text + strlen(text);
	case AF_INET6:
		return format_ipv6(&address->socket.in6, text);
	default:
		return stpcpy(text, "?");
	}
}

char *ssv_address_format(const struct ssv_address *address, char text[SSV_ADDRESS_TEXT_SIZE])
{
	char *rest = stpcpy(text, transports[address->transport].prefix);

	if (is_unix(address->transport))
		format_unix(address, rest);
	else
		sprintf(format_host(address, rest), ":%u", ssv_address_port(address));
	return text;
}

static void from_unix(struct ssv_address *address, const struct sockaddr *socket, socklen_t length)
{
	struct sockaddr_un *un = &address->socket.un;

	/* A path of 108 bytes has no NUL; the kernel counts one all the same (unix(7)). */
	address->length = length < sizeof(*un) ? length : sizeof(*un);
	memmove(un, socket, address->length);
	memset((char *)un + address->length, 0, sizeof(*un) - address->length);
}

static void from_ipv4(struct ssv_address *address, const struct sockaddr *socket)
{
	struct sockaddr_in in;

	memcpy(&in, socket, sizeof(in));
	set_ipv4(address, in.sin_addr, ntohs(in.sin_port));
}

static void from_ipv6(struct ssv_address *address, const struct sockaddr *socket)
{
	struct sockaddr_in6 in6;
	struct in_addr ip;

	memcpy(&in6, socket, sizeof(in6));
	memcpy(&ip, &in6.sin6_addr.s6_addr[12], sizeof(ip));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		set_ipv4(address, ip, ntohs(in6.sin6_port));
	else
		set_ipv6(address, &in6.sin6_addr, in6.sin6_scope_id, ntohs(in6.sin6_port));
}

static void from_nothing(struct ssv_address *address)
{
	address->length = 0;
	memset(&address->socket, 0, sizeof(address->socket));
}

/* `socket` may be that of `address` itself. No more is written than is needed: each request has
 * one.
 */
void ssv_address_from_socket(struct ssv_address *address, enum ssv_transport transport,
	const struct sockaddr *socket, socklen_t length)
{
	const bool is_local = is_unix(transport);
	const int family = length < sizeof(sa_family_t) ? AF_UNSPEC : socket->sa_family;

	address->transport = transport;
	address->port = 0;
	address->name[0] = '\0';
	if (is_local && family == AF_UNIX)
		from_unix(address, socket, length);
	else if (!is_local && family == AF_INET && length >= sizeof(struct sockaddr_in))
		from_ipv4(address, socket);
	else if (!is_local && family == AF_INET6 && length >= sizeof(struct sockaddr_in6))
		from_ipv6(address, socket);
	else
		from_nothing(address);
}

uint16_t ssv_address_port(const struct ssv_address *address)
{
	if (address->name[0] != '\0')
		return address->port;
	switch (address->socket.any.sa_family) {
	case AF_INET:
		return ntohs(address->socket.in.sin_port);
	case AF_INET6:
		return ntohs(address->socket.in6.sin6_port);
	default:
		return 0;
	}
}

static bool is_loopback_number(const struct ssv_address *address)
{
	switch (address->socket.any.sa_family) {
	case AF_INET:
		return ntohl(address->socket.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&address->socket.in6.sin6_addr);
	default:
		return false;
	}
}

/* An error has the next one looked at that a name stands for. */
static int note_loopback(const struct ssv_address *resolved, void *context)
{
	bool *is_loopback = context;

	*is_loopback = is_loopback_number(resolved);
	return *is_loopback ? -EADDRNOTAVAIL : 0;
}

int ssv_address_is_loopback(const struct ssv_address *address)
{
	bool is_loopback = false;
	int rc = ssv_resolve(address, AF_UNSPEC, note_loopback, &is_loopback);

	return is_loopback ? 1 : rc;
}
