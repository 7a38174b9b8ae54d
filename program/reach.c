#include "reach.h"
#include "complain.h"
#include "explain.h"

int reach_check(
	const struct ssv_address *at, const char *what, const char *text, const char *option)
{
	int rc = ssv_address_is_loopback(at);

	if (rc < 0)
		return explain_listen(rc, what, at);
	if (rc > 0)
		return 0;
	complain("other hosts can reach it: %s%s: take 127.0.0.1 or [::1], or add %s", what, text,
		option);
	return EXIT_USAGE;
}
