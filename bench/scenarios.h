/** What can be asked of a server. */
#ifndef BENCH_SCENARIOS_H
#define BENCH_SCENARIOS_H

#include "plan.h"

/** Ended by one without a name. */
extern const struct scenario scenarios[];

/** NULL: there is none of that name. */
const struct scenario *scenario_find(const char *name);

#endif
