/** Signals that ask servers to stop: ssv_server_stop_on_signals() in server.h. */
#ifndef SSV_STOP_SIGNALS_H
#define SSV_STOP_SIGNALS_H

#include <socketserver/server.h>

/** Puts back what was found, where no other server has the signal too. For close; harmless twice.
 */
void ssv_stop_signals_forget(struct ssv_server *server);

/** In a forked child, where no signal can come yet: puts back all that was found. Takes no lock. */
void ssv_stop_signals_forsake(void);

#endif
