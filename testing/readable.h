/** Bytes as a person reads them. */
#ifndef TESTING_READABLE_H
#define TESTING_READABLE_H

#include <stddef.h>

#define READABLE_SIZE 320

/** As a string in C, with its quotes: "one\n\x00"; the middle of long ones is left out. Returns
 * `text`. */
char *readable(char text[READABLE_SIZE], const void *data, size_t size);

/** What a function returned: "success", "SSV_EXIT", or what a negative errno means. A constant. */
const char *meaning(int result);

#endif
