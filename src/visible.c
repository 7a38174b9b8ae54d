#include <socketserver/visible.h>
#include <stdbool.h>

/* Whether a character of UTF-8 may begin with these two bytes, U+0080 to U+009F left out. */
static bool is_beginning(unsigned char first, unsigned char second)
{
	if (second < 0x80 || second > 0xbf)
		return false;
	switch (first) {
	case 0xc2:
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	default:
		return first >= 0xc3 && first <= 0xf3;
	}
}

/* Whether c goes on with a character that the bytes before it, the last one lowest, have
 * begun. */
static bool is_continuation(unsigned char c, uint32_t before)
{
	unsigned char third = (unsigned char)(before >> 16);
	unsigned char second = (unsigned char)(before >> 8), last = (unsigned char)before;

	return is_beginning(last, c) || (second >= 0xe0 && is_beginning(second, last)) ||
	       (third >= 0xf0 && is_beginning(third, second) && (last & 0xc0) == 0x80);
}

/* Of ASCII; or U+0080 to U+009F, the second byte of its UTF-8 or bare, which is anywhere but within
 * another character. Terminals obey both. The bytes in front of it, the last one lowest. */
static bool is_control(unsigned char c, uint32_t before)
{
	if (c >= 0x80 && c <= 0x9f)
		return !is_continuation(c, before);
	return c < ' ' || c == 0x7f;
}

static bool is_shown_as_it_is(unsigned char c, uint32_t before)
{
	return c == '\n' || c == '\t' || !is_control(c, before);
}

size_t ssv_make_visible(char *to, const char *from, size_t length, uint32_t *before)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)from[i];

		if (is_shown_as_it_is(c, *before)) {
			to[n++] = from[i];
		} else {
			to[n++] = '\\';
			to[n++] = 'x';
			to[n++] = digits[c >> 4];
			to[n++] = digits[c & 15];
		}
		*before = *before << 8 | c;
	}
	return n;
}

void ssv_make_harmless(char *text)
{
	uint32_t before = 0;

	for (; *text != '\0'; text++) {
		if (is_control((unsigned char)*text, before))
			*text = '?';
		before = before << 8 | (unsigned char)*text;
	}
}
