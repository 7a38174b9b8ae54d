/** Where the library says what happens: one callback, one line an event. */
#ifndef SOCKETSERVER_LOG_H
#define SOCKETSERVER_LOG_H

#include <socketserver/macros.h>
#include <stdbool.h>
#include <stddef.h>

SSV_BEGIN_DECLS

struct ssv_request;
struct ssv_server;

/** How important an event is, the most important first. */
enum ssv_log_level { SSV_LOG_ERROR, SSV_LOG_WARNING, SSV_LOG_INFO, SSV_LOG_DEBUG };

/** An event, and what it is made of. */
struct ssv_log_event {
	enum ssv_log_level level;          /**< how important it is */
	const struct ssv_server *server;   /**< where it happened; may be NULL, as the next three */
	const struct ssv_request *request; /**< in which */
	const char *what;                  /**< what happened, a constant text */
	int error;                         /**< why, a negative errno; or 0 */
	const char *message;               /**< all of it in one line, as `write` gets it */
};

/**
 * A destination for the log. Embed it to add state, and reach that with ssv_container_of(). It must
 * live as long as the servers that point at it.
 */
struct ssv_log {
	/**
	 * Takes one event. `request` is the request it happened in, or NULL; `message` is one line
	 * without its end, valid during the call, and may quote what a client chose. Called on
	 * whatever thread it happens, on several at once, and perhaps under a lock of the
	 * library's: it must not call back into the server, and whoever is slow in it keeps the
	 * server waiting.
	 */
	void (*write)(struct ssv_log *log, enum ssv_log_level level,
		const struct ssv_request *request, const char *message);
	/** The least important level that is still passed on. */
	enum ssv_log_level level;
	/** Where not NULL, takes the library's own events instead of `write`, in the same way. */
	void (*event)(struct ssv_log *log, const struct ssv_log_event *event);
};

/**
 * The `write` of the log that every server starts with (its level is SSV_LOG_WARNING): one line to
 * standard error in a single write(2), control characters made harmless, cut where it is longer
 * than a pipe takes in one piece (4 KiB). Where that fails, or takes longer than 100 ms, the line
 * is lost: a log never stops a server. How many were, is said by a line ahead of the next one that
 * goes through (of this process: a forked child counts for itself). From any thread. (Python prints
 * to sys.stderr.)
 */
SSV_API void ssv_log_to_stderr(struct ssv_log *log, enum ssv_log_level level,
	const struct ssv_request *request, const char *message);

/**
 * For a `write` of your own: a line, its newline included, to standard error as ssv_log_to_stderr()
 * does it: in a single write(2), at most 4 KiB, never waiting for long. Returns
 * whether it was written.
 */
SSV_API bool ssv_log_put_stderr(const char *line, size_t length);

/** Returns "error", "warning", "info" or "debug": a constant. Safe anywhere. */
SSV_API const char *ssv_log_level_name(enum ssv_log_level level);

SSV_END_DECLS

#endif
