#include "is_local.h"
#include <errno.h>
#include <string.h>

int is_local(const struct ssv_address *at)
{
	int rc;

	if (at->transport == SSV_UNIX || at->transport == SSV_UNIXGRAM)
		return 1;
	if (at->length == 0 && strcmp(at->name, "localhost") != 0)
		return 0;
	rc = ssv_address_is_loopback(at);
	return rc == -ENXIO ? 0 : rc;
}
