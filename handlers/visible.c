#include "visible.h"

bool is_control(unsigned char c, unsigned char before)
{
	if (c >= 0x80 && c <= 0x9f)
		return before < 0x80 || before == 0xc2;
	return c < ' ' || c == 0x7f;
}

static bool is_shown_as_it_is(unsigned char c, unsigned char before)
{
	return c == '\n' || c == '\t' || !is_control(c, before);
}

size_t make_visible(char *to, const char *from, size_t length, char before)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)from[i];

		if (is_shown_as_it_is(c, (unsigned char)before)) {
			to[n++] = from[i];
		} else {
			to[n++] = '\\';
			to[n++] = 'x';
			to[n++] = digits[c >> 4];
			to[n++] = digits[c & 15];
		}
		before = from[i];
	}
	return n;
}
