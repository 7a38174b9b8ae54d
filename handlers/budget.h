/** How often something is said: so often a second at most, and what is left out is counted. */
#ifndef HANDLERS_BUDGET_H
#define HANDLERS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/** How often. */
#define BUDGET_A_SECOND 20

/** Zeroed it is whole. In shared memory it counts for several processes; from any thread. */
struct budget {
	int64_t second; /* of the monotonic clock */
	unsigned int said, left_out;
};

/** Whether there is some left for one more; else that is counted. */
bool budget_take(struct budget *budget);

/** How many were left out since it was last asked. */
unsigned int budget_left_out(struct budget *budget);

#endif
