/** A mix-in for UDP servers: drops what was forged, or would go round for ever, or is too much. */
#ifndef SOCKETSERVER_DATAGRAM_GUARD_H
#define SOCKETSERVER_DATAGRAM_GUARD_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

/** private: see src/rate_table.h */
struct ssv_rate_table;

/**
 * Anybody can send a datagram in another's name, and a server that answers it sends its answer
 * there: to a victim, or to another server that answers in turn, and so on. The guard's
 * verify_request() drops without a word, and so counts as refused:
 *
 *   - what comes from where no client is: port 0, the ports below 1,024, and those of services
 *     that answer whatever comes (1900, 2049, 5353, 11211); this server's own port on an address
 *     of this host; addresses that are unspecified (0/8, ::), multicast or broadcast (255/8), and
 *     IPv4 in IPv6 (::/96), but for the IPv4 clients of a server of both families, who are judged
 *     by their IPv4 address;
 *   - what claims to come from the loopback, but was not sent to an address of the loopback;
 *   - what is more than `burst` packets at once, and then `rate` a second. On the loopback that is
 *     counted by address and port, and elsewhere by network, /24 of IPv4 and /56 of IPv6, with a
 *     second limit, `global_rate`, for all of them together.
 *
 * So two servers that were set upon each other fall silent when one's burst is used up. The limits
 * remember 4,096 sources, in 64 KiB, which open allocates; if there are more, some share one.
 *
 * Goes in front of a UDP server, synchronous, threading or forking, and before or behind other
 * layers. Other servers' requests it lets pass. (Python has no counterpart.)
 */
struct ssv_datagram_guard {
	struct ssv_layer layer;

	/** Packets a second from one source; default 20; 0 lifts all three limits. */
	int rate;
	/** And so many at once, at least 1; default 40. */
	int burst;
	/** Packets a second, and at once, from everywhere but the loopback; default 1,000; 0: no
	 * limit. */
	int global_rate;

	/* private */
	struct ssv_rate_table *sources;
	int64_t all; /* the bucket that is for all */
	bool here;   /* the server's one address is of the loopback */
};

/** Links it in front of `server`, before open. Its memory must stay as long as the server's. Cannot
 * fail. Open can, where there is a rate: -ENOMEM. */
SSV_API void ssv_datagram_guard_init(struct ssv_datagram_guard *guard, struct ssv_server *server);

SSV_END_DECLS

#endif
