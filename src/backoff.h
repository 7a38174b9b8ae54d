/** Rests that double: for what others may hold, and nobody tells when it is given back. */
#ifndef SSV_BACKOFF_H
#define SSV_BACKOFF_H

#include <socketserver/server.h>

/** Not resting. */
void ssv_backoff_reset(struct ssv_backoff *backoff);

/** Begins the next rest, unless one is not over yet. Whether it is the first in a row. */
bool ssv_backoff_rest(struct ssv_backoff *backoff);

/** Whether anybody in this process has begun to rest since this was last asked. From any thread. */
bool ssv_backoff_anybody(void);

/** Sleeps for 10 ms, before something is tried again that nobody tells the right time for. */
void ssv_backoff_pause(void);

/** Whether there is no rest, or not any more. */
bool ssv_backoff_is_over(const struct ssv_backoff *backoff);

#endif
