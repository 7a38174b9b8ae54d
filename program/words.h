/** Words separated by blanks, as a handler's descriptor lists transports and modes. */
#ifndef PROGRAM_WORDS_H
#define PROGRAM_WORDS_H

#include <stdbool.h>

/** Whether `word` is one of them, or the first one. */
bool words_have(const char *words, const char *word);
bool words_begin_with(const char *words, const char *word);

#endif
