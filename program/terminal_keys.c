#include "terminal_keys.h"
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define ALONE 0xdc00 /* plus a byte that is part of no character */

void terminal_keys_set_locale(void)
{
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "ANSI_X3.4-1968") == 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

void terminal_keys_add(struct terminal_keys *keys, char byte)
{
	keys->bytes[keys->count++] = byte;
}

/* U+0080 to U+009F: to libedit they are Escape and a key. */
static bool is_command(wchar_t key)
{
	return key >= 0x80 && key <= 0x9f;
}

bool terminal_keys_take(struct terminal_keys *keys, bool ended, wchar_t *key)
{
	mbstate_t state = {0};
	size_t n;

	if (keys->count == 0)
		return false;
	n = mbrtowc(key, keys->bytes, keys->count, &state);
	if (n == (size_t)-2 && !ended)
		return false;
	if (n > keys->count || is_command(*key)) {
		*key = ALONE + (unsigned char)keys->bytes[0];
		n = 1;
	}
	if (n == 0)
		n = 1; /* of a NUL */
	keys->count -= n;
	memmove(keys->bytes, keys->bytes + n, keys->count);
	return true;
}

static size_t encode(wchar_t key, char *bytes)
{
	mbstate_t state = {0};
	size_t n;

	if (key >= ALONE + 0x80 && key <= ALONE + 0xff) {
		*bytes = (char)(key - ALONE);
		return 1;
	}
	n = wcrtomb(bytes, key, &state);
	return n == (size_t)-1 ? 0 : n;
}

ssize_t terminal_keys_encode(const wchar_t *text, size_t length, char *bytes, size_t size)
{
	char one[MB_LEN_MAX];
	size_t done = 0, n;

	for (; length > 0; text++, length--) {
		n = encode(*text, one);
		if (n > size - done)
			return -EMSGSIZE;
		memcpy(bytes + done, one, n);
		done += n;
	}
	return (ssize_t)done;
}
