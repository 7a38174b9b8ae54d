/** class BaseRequestHandler: what is done with one request. */
#ifndef SOCKETSERVER_HANDLER_H
#define SOCKETSERVER_HANDLER_H

#include <socketserver/request.h>

SSV_BEGIN_DECLS

struct ssv_handler_ops;

/**
 * The result of a handler that wants to end more than its request, as Python's SystemExit does: in
 * a synchronous server serve_forever() returns it; elsewhere that thread or child ends, no more.
 * It is one beyond the last errno that Linux has, 4,095.
 */
#define SSV_EXIT (-4096)

/** One of these for each request. Embed it as the first member; reach your own with
 * ssv_container_of(). */
struct ssv_handler {
	const struct ssv_handler_ops *ops; /**< its class */
	struct ssv_request *request;       /**< its stream and client address */
	struct ssv_server *server;         /**< its user pointer above all */
	int result; /**< for finish(): 0, or how setup() or handle() failed */
};

/**
 * A class of handlers. Each method returns 0 or a count when it went well, a negative errno when
 * not, or SSV_EXIT; each may be NULL. They run on whatever thread or child process processes the
 * request.
 */
struct ssv_handler_ops {
	/** Of the struct that embeds ssv_handler; the instance is zeroed. 0: just a struct
	 * ssv_handler. */
	size_t size;
	/** Before handle(). Where it fails, neither handle() nor finish() runs: undo what you did.
	 */
	int (*setup)(struct ssv_handler *handler);
	/** The work. The stream is flushed and closed afterwards, after finish(). */
	int (*handle)(struct ssv_handler *handler);
	/** After handle(), also when that failed. */
	int (*finish)(struct ssv_handler *handler);

	/** Python's class attributes; 0 is "as the server says", or Python's default. */
	int timeout;     /**< ms without input; SSV_FOREVER whatever the server says */
	size_t rbufsize; /**< read this much at once; default 8,192; 1 never reads ahead */
	size_t wbufsize; /**< gather this much before sending; default 0: each write is sent */
	bool disable_nagle_algorithm; /**< TCP_NODELAY; without effect where there is no TCP */
};

/**
 * Runs a handler over an open request, as finish_request() does: the base class' setup and the
 * class' own, handle(), the class' finish() and the base's, which flushes the stream. Returns what
 * the server is to be told: SSV_EXIT, or the first error, or 0. Where handle() and finish() both
 * fail, handle_error() is called for the first here. The request stays open. -ENOMEM where there is
 * no memory for the instance.
 */
SSV_API int ssv_handler_run(const struct ssv_handler_ops *ops, const struct ssv_handler_ops *base,
	struct ssv_request *request);

SSV_END_DECLS

#endif
