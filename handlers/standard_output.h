/** Standard output without a buffer of ours. */
#ifndef HANDLERS_STANDARD_OUTPUT_H
#define HANDLERS_STANDARD_OUTPUT_H

#include <stddef.h>

/** Writes all of it, waiting where standard output is non-blocking: whoever shares it with us
 * decides that. Returns 0 or a negative errno. */
int standard_output_write(const char *data, size_t size);

#endif
