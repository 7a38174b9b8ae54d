/**
 * One class's part of a server: the link that server classes, mix-ins and a user's own subclasses
 * have in common.
 *
 * A server is a chain of layers, the newest first, BaseServer last: Python's method resolution
 * order, there to be read. A layer's table names the methods that it overrides; ssv_super_…() calls
 * the next one that has the method, as super() does in Python.
 */
#ifndef SOCKETSERVER_LAYER_H
#define SOCKETSERVER_LAYER_H

#include <socketserver/macros.h>
#include <stdbool.h>

SSV_BEGIN_DECLS

struct ssv_layer_ops;
struct ssv_request;
struct ssv_server;

/** The link. Embed it; ssv_server_link() sets it. */
struct ssv_layer {
	const struct ssv_layer_ops *ops; /**< the methods that the class overrides */
	struct ssv_layer *next;          /**< the next class in the order of resolution */
	struct ssv_server *server;       /**< the server that it is a part of */
};

/**
 * The methods of BaseServer, with Python's names; NULL is "not overridden". Those that return an
 * int return 0 (or what is said here) when they went well, else a negative errno. None but
 * handle_error() may be called with a request that is not open. On which thread each runs is the
 * mix-ins' affair: verify_request(), process_request() and service_actions() never at the same time
 * as each other. What each default does stands at its ssv_server_…() in server.h.
 */
struct ssv_layer_ops {
	/** server_bind(): makes the socket, `server->fd`, and gives it its address. */
	int (*bind)(struct ssv_layer *layer);
	/** server_activate(): listens. */
	int (*activate)(struct ssv_layer *layer);
	/** server_close(): gives back what the class holds, then calls super, in any case. Must be
	 * harmless twice. Returns 0, or how many handlers could not be stopped; an error is
	 * reported, and the close goes on. */
	int (*close)(struct ssv_layer *layer);
	/** The descriptor that is readable when a request can be had. */
	int (*fileno)(struct ssv_layer *layer);
	/** Serves until it is stopped. */
	int (*serve_forever)(struct ssv_layer *layer);
	/**
	 * On each pass of the loop: after each request, wake-up, watch and `poll_interval`. Under
	 * the threading mix-in, whose threads take the requests beside the loop, it is not called
	 * after each request: who counts on it sets `poll_interval`.
	 */
	int (*service_actions)(struct ssv_layer *layer);
	/** handle_request() found nothing within the server's `timeout`. */
	int (*handle_timeout)(struct ssv_layer *layer);
	/** Fills `request` without waiting; -EAGAIN where there is nothing. */
	int (*get_request)(struct ssv_layer *layer, struct ssv_request *request);
	/** Whether to process it: 1 or 0. */
	int (*verify_request)(struct ssv_layer *layer, struct ssv_request *request);
	/** Has it processed. 0: it is taken over (ssv_request_move()) or done. An error: it is
	 * still the caller's. */
	int (*process_request)(struct ssv_layer *layer, struct ssv_request *request);
	/** Runs the handler. */
	int (*finish_request)(struct ssv_layer *layer, struct ssv_request *request);
	/** Ends it properly, as the peer sees it, and closes it. */
	void (*shutdown_request)(struct ssv_layer *layer, struct ssv_request *request);
	/** Closes it. */
	void (*close_request)(struct ssv_layer *layer, struct ssv_request *request);
	/** Told of `error`, a negative errno, in `request->stage`. Does not close the request. */
	void (*handle_error)(struct ssv_layer *layer, struct ssv_request *request, int error);
	/**
	 * In a forked child of this server or another: closes the descriptors of the class that
	 * are its parent's affair, and does no more, for locks are held and all other threads are
	 * gone. Called for each class; there is no super.
	 */
	void (*forsake)(struct ssv_layer *layer);

	/**
	 * get_request() may run on several threads at once: it changes nothing but its request.
	 * Where a layer's does not say so, one thread gets the requests for all.
	 */
	bool concurrent_get_request;
};

/** What super().method() is in Python: the method of the next class that has one. For the methods
 * of a layer, on the thread that called them. Returns what the method returns. */
SSV_API int ssv_super_bind(struct ssv_layer *layer);
SSV_API int ssv_super_activate(struct ssv_layer *layer);
SSV_API int ssv_super_close(struct ssv_layer *layer);
SSV_API int ssv_super_fileno(struct ssv_layer *layer);
SSV_API int ssv_super_serve_forever(struct ssv_layer *layer);
SSV_API int ssv_super_service_actions(struct ssv_layer *layer);
SSV_API int ssv_super_handle_timeout(struct ssv_layer *layer);
SSV_API int ssv_super_get_request(struct ssv_layer *layer, struct ssv_request *request);
SSV_API int ssv_super_verify_request(struct ssv_layer *layer, struct ssv_request *request);
SSV_API int ssv_super_process_request(struct ssv_layer *layer, struct ssv_request *request);
SSV_API int ssv_super_finish_request(struct ssv_layer *layer, struct ssv_request *request);
SSV_API void ssv_super_shutdown_request(struct ssv_layer *layer, struct ssv_request *request);
SSV_API void ssv_super_close_request(struct ssv_layer *layer, struct ssv_request *request);
SSV_API void ssv_super_handle_error(
	struct ssv_layer *layer, struct ssv_request *request, int error);

SSV_END_DECLS

#endif
