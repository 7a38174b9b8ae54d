/** The clock that nobody sets. */
#ifndef HANDLERS_MONOTONIC_H
#define HANDLERS_MONOTONIC_H

#include <stdint.h>

/** Its milliseconds, from some time in the past. */
int64_t monotonic_ms(void);

#endif
