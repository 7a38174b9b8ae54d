/**
 * The loop: waits, takes requests, and rests when none can be had. What serve_forever(),
 * handle_request(), step() and groups of servers are made of, and what mix-ins share with it.
 */
#ifndef SSV_SERVING_H
#define SSV_SERVING_H

#include <socketserver/server.h>

/**
 * Enters the server (see running.h), does `run` there, and leaves it, even where the thread ends in
 * it. What ssv_running_enter() says, or `run`, after which the run is over if that is an error or
 * `ends`.
 */
int ssv_serving_run(struct ssv_layer *layer, int (*run)(struct ssv_layer *layer), bool ends);

/** ssv_server_step() for one who is inside already. */
int ssv_serving_step(struct ssv_layer *layer);

/** The loop of serve_forever(), for one who is inside. 0 after a stop, or the error that ended it.
 */
int ssv_serving_loop(struct ssv_layer *layer);

/** service_actions(), in turn with the above. 0, or SSV_EXIT. */
int ssv_serving_service(struct ssv_server *server);

/**
 * verify_request() and process_request() of a request that came, in turn with those of other
 * threads; what nobody has taken over is shut down. 0, or SSV_EXIT.
 */
int ssv_serving_dispatch(struct ssv_server *server, struct ssv_request *request);

/** finish_request() and what belongs behind it, for a worker. 0, or SSV_EXIT. */
int ssv_serving_finish(struct ssv_server *server, struct ssv_request *request);

/** A thread is on its way out. If a handler of this request has ended it, says so, and shuts the
 * request down. Does not return where the thread is a child of that request's. */
void ssv_serving_abandon(struct ssv_server *server, struct ssv_request *request);

/** The listener's watch: from open to close, but for when it rests. On the serving thread. */
int ssv_serving_watch_listener(struct ssv_server *server);
void ssv_serving_unwatch_listener(struct ssv_server *server);

/** Leaves the listener to others, who get the requests from now on: it is not watched, nor resting.
 */
void ssv_serving_hand_listener(struct ssv_server *server);

/** A descriptor, a thread, a process of ours is free again: a listener that rests may try, be it
 * this server's or another's. From any thread. */
void ssv_serving_given_back(struct ssv_server *server);

/** Gets a request and turns it away. 0, or the error that ends the loop. */
int ssv_serving_refuse(struct ssv_server *server);

#endif
