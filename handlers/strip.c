#include "strip.h"
#include <string.h>

static bool is_blank(char c)
{
	return c != '\0' && strchr(WHITE_SPACE, c) != NULL;
}

const char *strip(const char *text, size_t *length)
{
	while (*length > 0 && is_blank(text[*length - 1]))
		(*length)--;
	while (*length > 0 && is_blank(*text)) {
		text++;
		(*length)--;
	}
	return text;
}

bool is_word(const char *text, size_t length, const char *word)
{
	text = strip(text, &length);
	return length == strlen(word) && memcmp(text, word, length) == 0;
}
