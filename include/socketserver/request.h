/** One request: a connection, or (on a datagram server) a packet, and all that is held for it. */
#ifndef SOCKETSERVER_REQUEST_H
#define SOCKETSERVER_REQUEST_H

#include <socketserver/stream.h>

SSV_BEGIN_DECLS

struct ssv_server;

/** private: who counts as one client; see src/source.h */
struct ssv_source {
	sa_family_t family; /* 0: nobody who could be told from others */
	unsigned char id[16];
};

/**
 * A request has one owner at a time, who closes it once: the loop, until process_request() returns
 * 0 and thereby has taken it over. `stream` says what is still to be undone: NULL is nothing. The
 * functions here are the owner's, on whatever thread it is; none is safe in a signal handler.
 *
 * A layer's own stream stays in `stream`, and its memory as it is, until super's close_request()
 * has returned: other threads look at its counts.
 */
struct ssv_request {
	struct ssv_server *server; /**< that it came to */
	struct ssv_stream
		*stream; /**< all input and output; a layer may have put its own kind here */
	struct ssv_address client_address; /**< Python's client_address: who sent it */
	const char *stage; /**< the method that it is in, or that failed: "handle" for example */

	int64_t opened; /**< when it came: nanoseconds of the monotonic clock, as of its last tick
			 */

	/** On a datagram server: what came, in the memory that `stream` reads from; how much of it;
	 * and how much was sent: more, if there was no room for it. Else NULL and 0. */
	const char *packet;
	size_t packet_size, packet_length;

	/* private */
	bool may_wait; /* get_request() may block for it: it is a thread's own, … */
	bool polled;   /* … which has polled, for others may have been faster: it does not */
	pid_t child;   /* that it was handed to; 0: none */
	bool taken;    /* a thread has it: here, without a move, or elsewhere */
	bool admitted; /* it counts for an admission mix-in, … */
	struct ssv_source source; /* … as this one's; both under the server's lock */
	struct ssv_stream socket; /* the plain one, which `stream` is or is built upon; … */
	void *instance;           /* memory for the handler, kept for the next request */
	size_t instance_size;
	struct ssv_stream_buffer reply;      /* to a packet, … */
	bool replying;                       /* … if there is to be one … */
	uint64_t control[5];                 /* … with this packet information, … */
	size_t control_length;               /* … if there is any */
	struct ssv_request *next, *previous; /* the server's live requests; the last members */
};

/** Makes an empty request of a server, to be filled by ssv_server_get_request() any number of
 * times. Cannot fail; ssv_request_free() ends it. */
SSV_API void ssv_request_init(struct ssv_request *request, struct ssv_server *server);

/**
 * For a get_request() of one's own: fills an empty request with a connected socket, which it then
 * owns, and the peer's address, and puts it among the server's live requests. The socket should be
 * blocking, as for ssv_stream_open(). Cannot fail.
 */
SSV_API void ssv_request_open(struct ssv_request *request, int fd, enum ssv_transport transport,
	const struct sockaddr *peer, socklen_t length);

/**
 * For a process_request() of one's own: hands a request over to whoever processes it. `to` must be
 * initialised and empty; `from` is empty afterwards and may be filled again. Cannot fail.
 */
SSV_API void ssv_request_move(struct ssv_request *to, struct ssv_request *from);

/** Closes what is open, without a word to the peer, and keeps the memory for the next one. Harmless
 * twice. */
SSV_API void ssv_request_close(struct ssv_request *request);

/** Closes, and frees the memory. */
SSV_API void ssv_request_free(struct ssv_request *request);

/** What an open request is at, as others may see it. */
struct ssv_request_progress {
	const char *stage;   /**< the method that it is in, a constant: "handle" for example */
	bool reading;        /**< it waits for input, most likely; … */
	bool writing;        /**< … until the peer takes more; or neither: somebody is at work */
	uint64_t bytes_read; /**< so far; 0 where it is a forked child's */
	uint64_t bytes_written; /**< the same */
	pid_t child; /**< the process that it was handed to, which alone knows the rest; 0: none */
};

/** For a `visit` of ssv_server_each_request(), and for whoever owns the request. */
SSV_API void ssv_request_progress(
	const struct ssv_request *request, struct ssv_request_progress *progress);

/** Who is at the other end of a Unix stream connection, as the kernel knew them when they
 * connected. */
struct ssv_credentials {
	pid_t pid; /**< the process, which may be gone by now */
	uid_t uid; /**< its effective user */
	gid_t gid; /**< and group */
};

/** For handlers and verify_request(): SO_PEERCRED (unix(7)). Returns 0; -EOPNOTSUPP where the
 * request is no connection to a Unix stream server; or what getsockopt(2) says. */
SSV_API int ssv_request_credentials(
	const struct ssv_request *request, struct ssv_credentials *credentials);

SSV_END_DECLS

#endif
