/** Text in columns. */
#ifndef PROGRAM_WRAP_H
#define PROGRAM_WRAP_H

#include <stddef.h>

/** How much of the text fits so many columns, cut at a blank, if there is one. */
size_t wrap_fit(const char *text, size_t columns);

/** What is left behind so much of it, and does not begin with blanks. */
const char *wrap_rest(const char *text, size_t length);

#endif
