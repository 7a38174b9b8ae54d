/**
 * Blocks of IP addresses: 10.0.0.0/8, 2001:db8::/32, or one address.
 *
 * As RFC 4632 and RFC 4291 write them, and Python's ipaddress.ip_network(). The functions may be
 * called from any thread; they allocate nothing.
 */
#ifndef SOCKETSERVER_CIDR_H
#define SOCKETSERVER_CIDR_H

#include <socketserver/address.h>

SSV_BEGIN_DECLS

/** A value: copy it as you like, it owns nothing. */
struct ssv_cidr {
	sa_family_t family;       /**< AF_INET or AF_INET6 */
	unsigned int length;      /**< of the prefix, bits: up to 32 or 128 */
	unsigned char prefix[16]; /**< in network order; the first four bytes are IPv4's */
};

/**
 * Reads a block from its text: an address, and behind a slash how many of its bits count; all where
 * there is no slash. Returns 0; or -EINVAL and, where `error` is not NULL, sets it to a constant
 * text that says what is wrong: as a block is often meant to keep somebody out, one that could be
 * meant in two ways, as 10.1.0.0/8, is refused, not guessed. `cidr` is then unchanged.
 */
SSV_API int ssv_cidr_parse(struct ssv_cidr *cidr, const char *text, const char **error);

/**
 * Whether an address is in the block. IPv4 in IPv6 (::ffff:192.0.2.1) is judged as IPv4, and other
 * addresses are in no block of the other family: 0.0.0.0/0 is all of IPv4, ::/0 is all of IPv6. A
 * Unix address, or a name that was not looked up, is in none.
 */
SSV_API bool ssv_cidr_contains(const struct ssv_cidr *cidr, const struct ssv_address *address);

SSV_END_DECLS

#endif
