#include "words.h"
#include <string.h>

bool words_begin_with(const char *words, const char *word)
{
	size_t length = strcspn(words, " ");

	return length > 0 && length == strlen(word) && memcmp(words, word, length) == 0;
}

bool words_have(const char *words, const char *word)
{
	while (*words != '\0' && !words_begin_with(words, word)) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return *words != '\0';
}
