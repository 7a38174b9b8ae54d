#include "readable.h"

#include <socketserver/handler.h>
#include <stdio.h>
#include <string.h>

#define MAX_BYTES 64 /* each takes up to four characters */

static size_t put(char *text, unsigned char byte)
{
	static const char special[] = "\n\r\t\"\\", letters[] = "nrt\"\\";
	const char *found = byte == '\0' ? NULL : strchr(special, byte);

	if (found != NULL)
		return (size_t)sprintf(text, "\\%c", letters[found - special]);
	if (byte < ' ' || byte > '~')
		return (size_t)sprintf(text, "\\x%02x", byte);
	text[0] = (char)byte;
	text[1] = '\0';
	return 1;
}

char *readable(char text[READABLE_SIZE], const void *data, size_t size)
{
	const unsigned char *bytes = data;
	size_t length = (size_t)sprintf(text, "\"");

	for (size_t i = 0; i < size; i++) {
		if (size > MAX_BYTES && i == MAX_BYTES / 2) {
			length += (size_t)sprintf(text + length, "\" … \"");
			i = size - MAX_BYTES / 2;
		}
		length += put(text + length, bytes[i]);
	}
	sprintf(text + length, "\"");
	return text;
}

const char *meaning(int result)
{
	const char *text = strerrordesc_np(-result);

	if (result >= 0)
		return "success";
	return result == SSV_EXIT ? "SSV_EXIT" : text != NULL ? text : "unknown";
}
