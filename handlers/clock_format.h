/** The time in a form that a stranger chooses: as strftime(3) has it, but nothing that could hurt.
 */
#ifndef HANDLERS_CLOCK_FORMAT_H
#define HANDLERS_CLOCK_FORMAT_H

#include <locale.h>
#include <sys/types.h>
#include <time.h>

#define CLOCK_MAX_FORMAT 64
#define CLOCK_MAX_TEXT 128

/**
 * Writes `now` as `format` says, whose `size` bytes may be any: conversions are replaced, all else
 * stays as it is; nothing means "%F %X". Returns the text's length; -EINVAL for a conversion that
 * is not allowed, or cut off; -EMSGSIZE for a format or a text that is longer than above.
 */
ssize_t clock_format(char text[CLOCK_MAX_TEXT + 1], const char *format, size_t size,
	const struct tm *now, locale_t locale);

#endif
