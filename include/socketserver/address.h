/**
 * Addresses as text, and back.
 *
 *     tcp://HOST:PORT     udp://HOST:PORT     HOST: a name, an IPv4 address, or an IPv6
 *                                             address in brackets, with its scope: [fe80::1%eth0]
 *
 *     tcp://:PORT         udp://:PORT         every address of this host, both families in one
 *                                             socket; the same as tcp://[::]:PORT
 *                                             (tcp://0.0.0.0:PORT is IPv4 alone)
 *
 *     unix:PATH           unixgram:PATH       a socket file; a path that begins with @: unix:./@x
 *
 *     unix:@NAME          unixgram:@NAME      an abstract socket, without a file (unix(7))
 *
 * Port 0 asks the kernel for a free one. All functions here may be called from any thread, but not
 * in a signal handler; of them ssv_address_is_loopback() alone looks a name up: that is done where
 * the address is used, by ssv_server_open() and ssv_connect(). (The pairs and paths of Python's
 * server_address; RFC 3986 has the form.)
 */
#ifndef SOCKETSERVER_ADDRESS_H
#define SOCKETSERVER_ADDRESS_H

#include <netinet/in.h>
#include <socketserver/macros.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

SSV_BEGIN_DECLS

/** tcp, udp, and the stream and datagram sockets of unix(7). */
enum ssv_transport { SSV_TCP, SSV_UDP, SSV_UNIX, SSV_UNIXGRAM };

/** An address of any transport. A value: copy it as you like, it owns nothing. */
struct ssv_address {
	enum ssv_transport transport; /**< what carries it; it says how to read the rest */
	uint16_t port;    /**< of `name`, in host order; without a name the port is in `socket` */
	char name[256];   /**< a host name that is still to be looked up, or "" */
	socklen_t length; /**< of what is valid in `socket`; 0 while there is a name */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} socket; /**< as bind(2) and connect(2) take it, once there is no `name` */
};

/** What the longest address needs as text, the terminating NUL included. */
#define SSV_ADDRESS_TEXT_SIZE 288

/**
 * Reads an address from its text. Returns 0; or -EINVAL (-ENAMETOOLONG for a path or name that is
 * too long) and, where `error` is not NULL, sets it to a constant text that says which part is
 * wrong and what it should be. `address` is then unchanged.
 */
SSV_API int ssv_address_parse(struct ssv_address *address, const char *text, const char **error);

/**
 * Writes an address as text. What ssv_address_parse() makes of it is the same address again, but
 * for what only the kernel can make: an unnamed Unix socket is "unix:", and a NUL byte in an
 * abstract name is shown as @. Returns `text`.
 */
SSV_API char *ssv_address_format(
	const struct ssv_address *address, char text[SSV_ADDRESS_TEXT_SIZE]);

/**
 * The address that accept(2), recvfrom(2) or getsockname(2) gave. An IPv4 client of a socket that
 * serves both families (::ffff:192.0.2.1) becomes the plain IPv4 address that it is.
 */
SSV_API void ssv_address_from_socket(struct ssv_address *address, enum ssv_transport transport,
	const struct sockaddr *socket, socklen_t length);

/** Returns the port in host order, or 0 where there is none (Unix sockets). */
SSV_API uint16_t ssv_address_port(const struct ssv_address *address);

/** Returns "tcp", "udp", "unix" or "unixgram": a constant. */
SSV_API const char *ssv_transport_name(enum ssv_transport transport);

/** Whether it carries a stream of bytes (TCP, Unix stream) rather than packets. */
SSV_API bool ssv_transport_is_stream(enum ssv_transport transport);

/**
 * Whether it can be reached from this host alone. A look-up may take its time. Returns 1 for
 * 127.0.0.0/8, [::1], and a name that stands for nothing else; else 0, for a Unix socket, too;
 * -ENXIO for a name that cannot be resolved, or what kept the resolver from asking.
 */
SSV_API int ssv_address_is_loopback(const struct ssv_address *address);

SSV_END_DECLS

#endif
