/** A mix-in for any server: who is let in, how many at a time, and how often. */
#ifndef SOCKETSERVER_ADMISSION_MIXIN_H
#define SOCKETSERVER_ADMISSION_MIXIN_H

#include <socketserver/cidr.h>
#include <socketserver/server.h>

SSV_BEGIN_DECLS

/** private: see src/rate_table.h */
struct ssv_rate_table;

/**
 * Limits of requests that are open, that is: on a stream server of connections, and on a datagram
 * server of packets that are being processed. A request counts from verify_request() until it is
 * closed, and on a forking server until its child is gone, however that ends. What is counted is
 * the server's list of open requests, so there is nothing to keep up with it, and no memory of its
 * own; each new request costs a walk along that list.
 *
 * One address is an IPv4 address; of IPv6 a network, /64, since who has one address there has all
 * of them (but a link-local address, fe80::/10, is one by itself); of a Unix stream server a user,
 * by the credentials of the connection. The sender of a Unix datagram is nobody that the kernel
 * would vouch for: limits by address do not concern him.
 *
 * Who is refused has his connection closed, or his packet dropped, without a word. It counts in
 * `refused` of ssv_server_counters(), and the log says why at the level of debugging.
 *
 * Goes in front of any server. In front of a threading or forking mix-in it comes first, so that no
 * thread is reserved for who has to wait; behind one it works as well, and so it does with a
 * datagram guard and layers of your own, before or behind: their verify_request() is asked before
 * a request counts. Each server needs a mix-in of its own. (Python has no counterpart.)
 */
struct ssv_admission_mixin {
	struct ssv_layer layer;

	/* Options, to be set between init and open. */

	/**
	 * Open at a time; default 0: any number. While there are so many, further requests wait in
	 * the kernel's queue, and stopping works all the while; for that, one thread of a threading
	 * server gets the requests for all.
	 */
	int max_connections;
	/** At max_connections, refuse a new one at once; default: let it wait. */
	bool refuse;
	/** Open at a time from one address, whose further ones are refused; default 0: any number.
	 */
	int max_per_address;
	/**
	 * New ones a second from one address, refused ones of it included; default 0: any number.
	 * 4,096 addresses are remembered, in 64 KiB, which open allocates; if there are more, some
	 * share a limit.
	 */
	int rate;
	/** And so many at once; default 0: as many as `rate`. */
	int burst;
	/**
	 * Who may come, and who may not, whatever the limits; arrays of yours, which must stay. Of
	 * all blocks that a client is in, the longest prefix decides, whatever their order; of two
	 * equal ones, the denying. Who is in none is let in, unless there is something allowed.
	 * Clients of Unix servers are let in. Default: none of either.
	 */
	const struct ssv_cidr *allow, *deny;
	size_t allow_count, deny_count;

	/* private */
	struct ssv_rate_table *sources;
};

/** Links it in front of `server`, before open. Its memory must stay as long as the server's. Cannot
 * fail. Open can, where there is a rate: -ENOMEM. */
SSV_API void ssv_admission_mixin_init(
	struct ssv_admission_mixin *admission, struct ssv_server *server);

SSV_END_DECLS

#endif
