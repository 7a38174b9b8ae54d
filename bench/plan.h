/** What is to be done: the command line, read. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <socketserver/address.h>
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_MS INT64_C(1000000) /**< the plan has ms, the clock ns */

struct scenario {
	const char *name, *help;
	bool stream, datagram; /* over which sockets it works */
	bool reconnect;        /* a connection for each request */
	bool stay; /* one request a connection, which stays open until all have had it */
	int size;  /* of a request, unless told otherwise */
};

struct plan {
	const struct scenario *scenario;
	const char *text; /* the address as it was given */
	struct ssv_address address;
	int connections, threads, size, window;
	int count;            /* requests; 0: as many as fit the time */
	int duration, warmup; /* ms */
	int rate;             /* requests a second; 0: closed loop */
	int timeout;          /* ms */
	int pid;              /* of the server, whose memory is looked at; 0: none */
	bool abrupt;          /* closes right after the reply */
	bool json, help;
};

#endif
