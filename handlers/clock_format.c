#include "clock_format.h"
#include <errno.h>
#include <string.h>

static const char allowed[] = "aAbBcdDeFHIjmMnprRStTuUVwWxXyYzZ%";

/* None of them makes an empty text, so that 0 says that there is no room. */
static ssize_t convert(char *text, size_t room, char letter, const struct tm *now, locale_t locale)
{
	const char conversion[] = {'%', letter, '\0'};
	size_t n;

	if (memchr(allowed, letter, sizeof(allowed) - 1) == NULL)
		return -EINVAL;
	n = strftime_l(text, room + 1, conversion, now, locale);
	return n > 0 ? (ssize_t)n : -EMSGSIZE;
}

static ssize_t copy(char *text, size_t room, char byte)
{
	if (room == 0)
		return -EMSGSIZE;
	*text = byte;
	return 1;
}

ssize_t clock_format(char text[CLOCK_MAX_TEXT + 1], const char *format, size_t size,
	const struct tm *now, locale_t locale)
{
	size_t length = 0;
	ssize_t n;

	if (size == 0)
		return clock_format(text, "%F %X", strlen("%F %X"), now, locale);
	if (size > CLOCK_MAX_FORMAT)
		return -EMSGSIZE;
	for (size_t i = 0; i < size; i++) {
		const size_t room = CLOCK_MAX_TEXT - length;

		if (format[i] != '%')
			n = copy(text + length, room, format[i]);
		else if (++i < size)
			n = convert(text + length, room, format[i], now, locale);
		else
			n = -EINVAL;
		if (n < 0)
			return n;
		length += (size_t)n;
	}
	return (ssize_t)length;
}
