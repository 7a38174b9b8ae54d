#include "accept_error.h"

/* accept(2): the errors of the network that Linux passes on belong to the one connection. */
enum ssv_accept_error ssv_accept_error(int error)
{
	switch (-error) {
	case EAGAIN:
		return SSV_ACCEPT_NOTHING;
	case EBUSY: /* of a mix-in, never of accept(2) */
		return SSV_ACCEPT_FULL;
	case EINTR:
	case ECONNABORTED:
	case ECONNRESET:
	case EPERM:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
	case ETIMEDOUT:
		return SSV_ACCEPT_TRANSIENT;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
	case EFAULT:
	case ENOSYS:
		return SSV_ACCEPT_FATAL;
	default:
		return SSV_ACCEPT_OVERLOAD;
	}
}
