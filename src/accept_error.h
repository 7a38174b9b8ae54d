/** What a failing get_request() means for the listener. */
#ifndef SSV_ACCEPT_ERROR_H
#define SSV_ACCEPT_ERROR_H

#include <errno.h>

enum ssv_accept_error {
	SSV_ACCEPT_NOTHING,   /* there was nothing, or not any more */
	SSV_ACCEPT_TRANSIENT, /* that connection was lost: the next one */
	SSV_ACCEPT_OVERLOAD,  /* no descriptors, no memory: not before something is given back */
	SSV_ACCEPT_FULL,      /* nobody is free to process it: not before somebody is */
	SSV_ACCEPT_FATAL,     /* it is no listener, or not any more */
};

/** EAGAIN of fork(2): that of a socket says that nothing is there. */
#define SSV_NO_PROCESS (-EUSERS)

/** In a row, before the listener rests as in an overload. */
#define SSV_MAX_TRANSIENT_FAILURES 16

/** Of a negative errno; what is not known is overload, which waits and does not spin. */
enum ssv_accept_error ssv_accept_error(int error);

#endif
