/** One connection after the other. */
#include "reference.h"

void serve_sync(int listener)
{
	for (;;)
		echo_connection(accept_connection(listener));
}
