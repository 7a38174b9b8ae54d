/** The open requests of a server: close ends them, counters and walks show them. From any thread.
 */
#ifndef SSV_LIVE_REQUESTS_H
#define SSV_LIVE_REQUESTS_H

#include <socketserver/server.h>

/** Counts it as accepted, and adds it: at once, so that nobody sees one that came and is not open.
 */
void ssv_live_add(struct ssv_request *request);
void ssv_live_remove(struct ssv_request *request); /* harmless where it is none of them */

/** Takes it off, and adds its bytes to those of the requests that are over: at once, so that nobody
 * sees them twice, or not at all. */
void ssv_live_finish(struct ssv_request *request);

/** Both at once, so that nobody sees none, or two. */
void ssv_live_replace(struct ssv_request *request, struct ssv_request *by);

/** The same for a child's: it counts what is read and written from now on, so that no sum shrinks
 * meanwhile. */
void ssv_live_hand_over(struct ssv_request *request, struct ssv_request *by);

/** Its connection has no descriptor any more. */
void ssv_live_forget_descriptor(struct ssv_request *request);

/** Shuts the connections of all open requests down: whoever waits on one is woken with its end. A
 * packet has none: its socket is the server's. */
void ssv_live_abort(struct ssv_server *server);

#endif
