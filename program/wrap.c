#include "wrap.h"
#include <string.h>

size_t wrap_fit(const char *text, size_t columns)
{
	size_t length = strlen(text), end = columns;

	if (length <= columns)
		return length;
	while (end > 0 && text[end] != ' ')
		end--;
	return end > 0 ? end : columns;
}

const char *wrap_rest(const char *text, size_t length)
{
	return text + length + strspn(text + length, " ");
}
