/**
 * Between the bytes that a terminal sends and the wide characters that libedit works with. A byte
 * that is part of no character stands for itself, as one of U+DC80 to U+DCFF, which are none; so
 * all bytes come out as they went in.
 */
#ifndef PROGRAM_TERMINAL_KEYS_H
#define PROGRAM_TERMINAL_KEYS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <wchar.h>

/** What was read and has not become a character: all zero at first. */
struct terminal_keys {
	char bytes[MB_LEN_MAX];
	size_t count;
};

/** The character set of the locale; UTF-8 where that is ASCII, or no locale at all. */
void terminal_keys_set_locale(void);

/** Adds a byte, after terminal_keys_take() returned false. */
void terminal_keys_add(struct terminal_keys *keys, char byte);

/** Takes the first character, or byte; false where more has to be added, unless `ended`, when none
 * will be. */
bool terminal_keys_take(struct terminal_keys *keys, bool ended, wchar_t *key);

/** Writes the bytes of the text. Returns how many, or -EMSGSIZE for more than `size`. */
ssize_t terminal_keys_encode(const wchar_t *text, size_t length, char *bytes, size_t size);

#endif
