/** Text from somebody else, as it may be shown on a terminal. */
#ifndef SOCKETSERVER_VISIBLE_H
#define SOCKETSERVER_VISIBLE_H

#include <socketserver/macros.h>
#include <stddef.h>
#include <stdint.h>

SSV_BEGIN_DECLS

/** What `length` bytes may become. */
#define SSV_VISIBLE_SIZE(length) (4 * (length))

/**
 * Copies text with its control characters made visible: such a byte is written as a
 * backslash, an x and two hexadecimal digits. Newlines and tabs stay, and so does every other byte,
 * also of UTF-8 that is not complete. U+0080 to U+009F are control characters, too, which terminals
 * obey, bare or in UTF-8; of their UTF-8 the second byte is written so. A text may come in pieces,
 * cut anywhere: `before`, 0 at first, keeps the bytes before the next one. Returns how much was
 * written to `to`, at most SSV_VISIBLE_SIZE(length). Async-signal-safe, as the next one.
 */
SSV_API size_t ssv_make_visible(char *to, const char *from, size_t length, uint32_t *before);

/** Puts a question mark in the place of each control character, newlines and tabs included. */
SSV_API void ssv_make_harmless(char *text);

SSV_END_DECLS

#endif
