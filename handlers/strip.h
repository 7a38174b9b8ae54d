/** Texts with white space around them. */
#ifndef HANDLERS_STRIP_H
#define HANDLERS_STRIP_H

#include <stdbool.h>
#include <stddef.h>

#define WHITE_SPACE " \t\n\v\f\r" /**< what Python's bytes take for it */

/** The text without the white space around it, as Python's bytes.strip(); `length` becomes its
 * own. */
const char *strip(const char *text, size_t *length);

/** Whether a text is this word, white space around it or not. */
bool is_word(const char *text, size_t length, const char *word);

#endif
