/** Text from somebody else, as it may be shown on a terminal. */
#ifndef HANDLERS_VISIBLE_H
#define HANDLERS_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Whether it is a control character: one of ASCII; or U+0080 to U+009F, the second byte of its
 * UTF-8 or bare, which is anywhere but within another character of UTF-8. Terminals obey both.
 * `before` has the bytes in front of it, at least three, the last one lowest; 0 where there are
 * none.
 */
bool is_control(unsigned char c, uint32_t before);

/** What `length` bytes may become. */
#define VISIBLE_SIZE(length) (4 * (length))

/**
 * Copies text with its control characters made visible: such a byte is written as \xNN, in
 * hexadecimal digits. Newlines and tabs stay, and so does every other byte, also of UTF-8 that is
 * not complete. U+0080 to U+009F are control characters, too; of their UTF-8 the second byte is
 * written so. A text may come in pieces, cut anywhere: `before`, 0 at first, keeps the bytes
 * before the next one. Returns how much was written, at most VISIBLE_SIZE(length).
 */
size_t make_visible(char *to, const char *from, size_t length, uint32_t *before);

#endif
