#include <arpa/inet.h>
#include <errno.h>
#include <socketserver/cidr.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

static int reject(const char **error, const char *why)
{
	if (error != NULL)
		*error = why;
	return -EINVAL;
}

static bool is_mapped(const struct ssv_cidr *cidr)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	return cidr->family == AF_INET6 && memcmp(cidr->prefix, mapped, sizeof(mapped)) == 0;
}

/* Whether it has no bits but those of its prefix. */
static bool is_whole(const struct ssv_cidr *cidr)
{
	for (unsigned int bit = cidr->length; bit < 8 * sizeof(cidr->prefix); bit++) {
		if (cidr->prefix[bit / 8] & 0x80 >> bit % 8)
			return false;
	}
	return true;
}

/* The address, `length` characters of `text`. */
static bool read_prefix(struct ssv_cidr *cidr, const char *text, size_t length)
{
	char address[INET6_ADDRSTRLEN];

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	cidr->family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	cidr->length = cidr->family == AF_INET6 ? 128 : 32;
	return inet_pton(cidr->family, address, cidr->prefix) == 1;
}

/* How many bits count; so far it is all of them. */
static bool read_length(struct ssv_cidr *cidr, const char *text)
{
	const size_t digits = strspn(text, DIGITS);
	unsigned long length;

	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return false;
	length = strtoul(text, NULL, 10);
	if (length > cidr->length)
		return false;
	cidr->length = (unsigned int)length;
	return true;
}

int ssv_cidr_parse(struct ssv_cidr *cidr, const char *text, const char **error)
{
	const size_t length = strcspn(text, "/");
	struct ssv_cidr read = {0};

	if (!read_prefix(&read, text, length))
		return reject(error, "it must begin with an IPv4 or IPv6 address");
	if (is_mapped(&read))
		return reject(error, "IPv4 must be written without ::ffff:");
	if (text[length] == '/' && !read_length(&read, text + length + 1))
		return reject(error, read.family == AF_INET
					     ? "a number from 0 to 32 must follow the slash"
					     : "a number from 0 to 128 must follow the slash");
	if (!is_whole(&read))
		return reject(error, "all bits behind the prefix must be 0, as in 10.0.0.0/8");
	*cidr = read;
	return 0;
}

/* Its bytes, or NULL. */
static const unsigned char *bytes_of(const struct ssv_address *address, sa_family_t *family)
{
	const struct in6_addr *ip = &address->socket.in6.sin6_addr;

	*family = address->socket.any.sa_family;
	if (*family == AF_INET)
		return (const unsigned char *)&address->socket.in.sin_addr;
	if (*family != AF_INET6)
		return NULL;
	if (!IN6_IS_ADDR_V4MAPPED(ip))
		return ip->s6_addr;
	*family = AF_INET;
	return ip->s6_addr + 12;
}

bool ssv_cidr_contains(const struct ssv_cidr *cidr, const struct ssv_address *address)
{
	const unsigned int whole = cidr->length / 8, bits = cidr->length % 8;
	sa_family_t family;
	const unsigned char *bytes = bytes_of(address, &family);

	if (bytes == NULL || family != cidr->family || memcmp(bytes, cidr->prefix, whole) != 0)
		return false;
	return bits == 0 || (bytes[whole] ^ cidr->prefix[whole]) >> (8 - bits) == 0;
}
