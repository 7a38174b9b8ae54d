/** Who counts as one client: an IPv4 address, an IPv6 network, a user. */
#ifndef SSV_SOURCE_H
#define SSV_SOURCE_H

#include <socketserver/request.h>

/** Of an open request. False where nobody can tell: a Unix datagram. */
bool ssv_source_of(const struct ssv_request *request, struct ssv_source *source);

bool ssv_source_is_equal(const struct ssv_source *one, const struct ssv_source *other);

#endif
