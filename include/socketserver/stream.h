/**
 * A connection as a handler sees it: buffered reading and writing with limits.
 *
 * It is Python's rfile and wfile in one. A handler gets one from its request; ssv_connect() makes
 * one for a client. All functions wait no longer than the stream's limits say, survive signals
 * (EINTR is never returned), never raise SIGPIPE, and return a negative errno when they fail:
 *
 *     -ETIMEDOUT   a limit of `limits`, or the deadline, ran out; what was buffered is kept and the
 *                  call may be made again
 *     -ECONNRESET, -EPIPE   the peer is gone
 *     -ENOMEM      no memory for a buffer
 *
 * One thread may read while another writes. No function is safe in a signal handler.
 */
#ifndef SOCKETSERVER_STREAM_H
#define SOCKETSERVER_STREAM_H

#include <socketserver/address.h>
#include <socketserver/limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

SSV_BEGIN_DECLS

struct ssv_stream;

/**
 * What distinguishes one kind of stream from another; a plain socket is the first kind. `until` is
 * a time of the monotonic clock in nanoseconds at which the call gives up with -ETIMEDOUT, or
 * SSV_NEVER; SSV_NOW does not wait and returns -EAGAIN instead.
 */
struct ssv_stream_ops {
	/** Reads what there is, at least a byte. 0 is the end of the stream (or an empty datagram).
	 */
	ssize_t (*read)(struct ssv_stream *stream, void *data, size_t size, int64_t until);
	/** Writes some of it, at least a byte of what is not empty; the count. */
	ssize_t (*write)(
		struct ssv_stream *stream, const struct iovec *parts, int count, int64_t until);
	/** Waits for input here, or on `other` where it is not -1. SSV_WAIT_… bits. */
	int (*wait)(struct ssv_stream *stream, int other, int64_t until);
	/** Sends the end of the stream; reading goes on. */
	int (*shutdown)(struct ssv_stream *stream);
	/** Gives back what the kind holds, the descriptor above all. */
	void (*close)(struct ssv_stream *stream);
};

/** For `until`: without an end, and without waiting. */
#define SSV_NEVER INT64_MAX
#define SSV_NOW INT64_MIN

/** Memory that a stream fills at `end` and empties at `start`. */
struct ssv_stream_buffer {
	char *data; /**< of `size` bytes */
	/** Bytes: what `data` has, and between which of them it is filled. */
	size_t size, start, end;
};

/** What streams of all kinds have; those of a kind of your own embed it. */
struct ssv_stream {
	const struct ssv_stream_ops *ops; /**< its kind */
	enum ssv_transport transport;     /**< what it runs over */
	struct ssv_limits limits; /**< may be changed at any time by whoever reads or writes */

	/* private: ssv_stream_fileno() */
	int fd;
	uint64_t cookie; /* the kernel's for it, once somebody has asked for its number; or 0 */

	/* private, the reader's */
	struct ssv_stream_buffer in;
	size_t read_size;    /* how much one call asks the kernel for */
	int64_t deadline;    /* SSV_NEVER, or when all I/O ends */
	int receive_timeout; /* what SO_RCVTIMEO was set to, ms; 0: not yet */
	char held;           /* the byte that the NUL behind a line hides … */
	bool holding;        /* … where there is one: at in.data[in.start] */
	bool at_end;         /* the peer has sent all it will */
	/* changed with atomics alone, since others look at them: */
	uint64_t bytes_read;
	bool reading; /* it may be waiting for input */

	/* private, the writer's */
	struct ssv_stream_buffer out;
	size_t write_size;      /* how much is gathered before it is sent; 0: nothing */
	uint64_t bytes_written; /* with atomics alone, as the next one */
	bool writing;           /* it waits until the peer takes more */
};

/**
 * Makes a stream of a connected socket, which it then owns, with the default limits. The socket
 * should be blocking (a non-blocking one works, a little slower). Cannot fail; allocates nothing
 * until it must.
 */
SSV_API void ssv_stream_open(struct ssv_stream *stream, int fd, enum ssv_transport transport);

/**
 * Returns the number of its descriptor, or a negative one where it is closed: for setsockopt(2) and
 * the like; read and write through the stream. The stream owns it: a handler that closes it all the
 * same ends its own connection and no other one, for from the first call on it is known which
 * socket the number stands for. From any thread, while the stream is open. (Python's fileno().)
 */
SSV_API int ssv_stream_fileno(struct ssv_stream *stream);

/** Closes the socket and frees the buffers; what was not flushed is dropped. Harmless twice. */
SSV_API void ssv_stream_close(struct ssv_stream *stream);

/**
 * Reads at least one byte and at most `size`: what is buffered, or else what one read from the
 * socket gives. Returns the count, or 0 at the end of the stream. (Python's read1().) On a client's
 * datagram stream each read is a datagram: of one that is longer than `size` the rest is lost, and
 * an empty one returns 0. A datagram server's request ends after its packet.
 */
SSV_API ssize_t ssv_stream_read(struct ssv_stream *stream, void *data, size_t size);

/**
 * Reads exactly `size` bytes. Returns `size`; or 0 where the stream ends before the first byte, or
 * -EPROTO where it ends within. After an error part of it may be in `data`: close the stream.
 */
SSV_API ssize_t ssv_stream_read_exact(struct ssv_stream *stream, void *data, size_t size);

/**
 * Reads a line. Returns its length, the newline included, and points `line` at it, with a NUL
 * behind it, in the stream's own memory: it is yours to change, and valid until the next read from
 * the stream. The last line may lack its newline, as in Python; 0 is the end of the stream. A line
 * longer than `limits.max_line` returns -EMSGSIZE and stays in the stream, to be read in other
 * ways.
 */
SSV_API ssize_t ssv_stream_readline(struct ssv_stream *stream, char **line);

/**
 * Reads up to and including any `delimiter` of `length` bytes, as ssv_stream_readline() does up to
 * a newline. Returns how much that is, the delimiter included, or 0 at the end of the stream, whose
 * last piece may lack the delimiter; -EMSGSIZE for more than `limits.max_line`; -EINVAL for a
 * delimiter of none.
 */
SSV_API ssize_t ssv_stream_read_until(
	struct ssv_stream *stream, const void *delimiter, size_t length, char **data);

/**
 * Points `data` at what can be read without waiting, after waiting for at least a byte, and leaves
 * it in the stream. Returns how much there is; 0 is the end of the stream.
 */
SSV_API ssize_t ssv_stream_peek(struct ssv_stream *stream, char **data);

/** Bits of what ssv_stream_wait() found. */
#define SSV_WAIT_INPUT 1
#define SSV_WAIT_OTHER 2

/**
 * Waits until there is input (or the end of it) in this stream, or on `other`, a descriptor of any
 * kind, unless that is -1; for at most `timeout` milliseconds. Returns SSV_WAIT_INPUT,
 * SSV_WAIT_OTHER or both, or 0 when the time is over. The stream's deadline ends it with
 * -ETIMEDOUT; its time-out does not count.
 */
SSV_API int ssv_stream_wait(struct ssv_stream *stream, int other, int timeout);

/**
 * Writes all of it. With a write buffer it may only be gathered there until the buffer is full or
 * flushed. (Python's wfile.write().) On a client's datagram stream each write that is sent is a
 * datagram; on a request's all of them together are the reply. On both a write of nothing is an
 * empty datagram. Returns `size` or an error, after which it is not known how much arrived.
 */
SSV_API ssize_t ssv_stream_write(struct ssv_stream *stream, const void *data, size_t size);

/** The same for several parts, which leave together. Returns the size of all; -EINVAL for more than
 * 8 parts. */
SSV_API ssize_t ssv_stream_writev(struct ssv_stream *stream, const struct iovec *parts, int count);

/** Writes text as printf(3) makes it. Returns its length or an error. */
SSV_API ssize_t ssv_stream_printf(struct ssv_stream *stream, const char *format, ...)
	SSV_PRINTF(2, 3);
SSV_API ssize_t ssv_stream_vprintf(struct ssv_stream *stream, const char *format, va_list arguments)
	SSV_PRINTF(2, 0);

/**
 * Writes what can be taken now, without waiting. Returns how much that was; -EAGAIN for nothing.
 * What the write buffer holds goes first, and is part of "can be taken now".
 */
SSV_API ssize_t ssv_stream_try_write(struct ssv_stream *stream, const void *data, size_t size);

/** Sends what the write buffer holds. (wfile.flush().) Returns 0; on an error the buffer is
 * emptied: it is reported once. */
SSV_API int ssv_stream_flush(struct ssv_stream *stream);

/**
 * Sets the size of the write buffer (Python's wbufsize), in bytes; 0, the default, sends each write
 * at once. What is buffered is flushed first. A reader that waits for an answer has to flush its
 * question itself. Returns 0, or the error of that flush; the size is set all the same.
 */
SSV_API int ssv_stream_set_write_buffer(struct ssv_stream *stream, size_t size);

/** Once `milliseconds` from now are over all I/O fails with -ETIMEDOUT; SSV_FOREVER lifts that. */
SSV_API void ssv_stream_set_deadline(struct ssv_stream *stream, int milliseconds);

/** Sends small writes at once (TCP_NODELAY, tcp(7)). Without effect where there is no TCP. Returns
 * 0, or what setsockopt(2) says. */
SSV_API int ssv_stream_set_nodelay(struct ssv_stream *stream, bool nodelay);

/** Flushes and sends the end of the stream; reading goes on. Harmless twice, or with the peer gone.
 * Returns 0, or the error of the flush or of shutdown(2). */
SSV_API int ssv_stream_shutdown(struct ssv_stream *stream);

/**
 * What belongs before a close so that no reply is lost: the end of the stream, then, since closing
 * a TCP socket with input unread destroys what is still on its way to the peer, the input thrown
 * away until the peer has hung up, or has all of the reply and sends nothing, or the linger limits
 * are reached. Does nothing where nothing was written or the peer has ended already. Python has no
 * counterpart: it loses the reply.
 */
SSV_API void ssv_stream_linger(struct ssv_stream *stream);

SSV_END_DECLS

#endif
