/** A thread for each connection. */
#include "reference.h"
#include <stdint.h>

static void *run(void *argument)
{
	echo_connection((int)(intptr_t)argument);
	return NULL;
}

void serve_thread(int listener)
{
	for (;;)
		start_thread(run, (void *)(intptr_t)accept_connection(listener));
}
