/** What a peer is allowed: the time and the memory that one connection may cost. */
#ifndef SOCKETSERVER_LIMITS_H
#define SOCKETSERVER_LIMITS_H

#include <socketserver/macros.h>
#include <stddef.h>

SSV_BEGIN_DECLS

/** Times are in milliseconds of the monotonic clock; SSV_FOREVER (-1) is no limit. */
struct ssv_limits {
	int timeout;        /**< a read waits this long for input; default SSV_FOREVER, as Python */
	int write_timeout;  /**< one write, however long, must be done in this time; default 30,000
			     */
	int deadline;       /**< all I/O of a request together; default SSV_FOREVER */
	int linger_timeout; /**< the lingering close lasts no longer; default 2,000 */
	size_t linger_size; /**< and throws away no more input; default 1 MiB */
	size_t max_line;  /**< of ssv_stream_readline() and ssv_stream_read_until(); default 64 KiB
			   */
	size_t max_frame; /**< of ssv_frame_read(); default 1 MiB */
};

/** Sets the defaults. Cannot fail; from anywhere. */
SSV_API void ssv_limits_init(struct ssv_limits *limits);

SSV_END_DECLS

#endif
