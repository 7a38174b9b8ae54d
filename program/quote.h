/** Text that somebody else chose, as it stands in what another program reads. */
#ifndef PROGRAM_QUOTE_H
#define PROGRAM_QUOTE_H

#include <stddef.h>

/** What a text of `length` bytes may become, with its NUL. */
#define QUOTE_SIZE(length) (8 * (length) + 1)

/**
 * Each writes at most `size` bytes, a NUL among them, ends before what does not fit, and returns
 * `to`.
 *
 * json: what stands between the quotes of a JSON string; what is no UTF-8 becomes U+FFFD.
 * word: without blanks: those, control characters, backslashes and what is no UTF-8 become \xNN.
 * label: a word as it stands between the quotes of a label of Prometheus.
 */
char *quote_json(char *to, size_t size, const char *text);
char *quote_word(char *to, size_t size, const char *text);
char *quote_label(char *to, size_t size, const char *text);

#endif
