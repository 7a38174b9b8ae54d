#include "fuzz.h"

#include <stdarg.h>
#include <string.h>

unsigned int input_byte(struct input *input)
{
	struct input byte = input_bytes(input, 1);

	return byte.size == 0 ? 0 : (unsigned char)byte.data[0];
}

struct input input_bytes(struct input *input, size_t size)
{
	struct input taken = {input->data, size < input->size ? size : input->size};

	input->data += taken.size;
	input->size -= taken.size;
	return taken;
}

void text_add(struct text *text, const void *data, size_t size)
{
	if (size == 0)
		return;
	text->data = realloc(text->data, text->size + size);
	EXPECT(text->data != NULL);
	memcpy(text->data + text->size, data, size);
	text->size += size;
}

void text_print(struct text *text, const char *format, ...)
{
	va_list arguments;
	char *line;
	int length;

	va_start(arguments, format);
	length = vasprintf(&line, format, arguments);
	va_end(arguments);
	EXPECT(length >= 0);
	text_add(text, line, (size_t)length);
	free(line);
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

static void show(const char *name, const struct text *text)
{
	fprintf(stderr, "%s:", name);
	for (size_t i = 0; i < text->size; i++)
		fprintf(stderr, " %02x", (unsigned char)text->data[i]);
	fprintf(stderr, "\n");
}

void expect_same(const struct text *is, const struct text *should)
{
	if (is->size == should->size &&
		(is->size == 0 || memcmp(is->data, should->data, is->size) == 0))
		return;
	show("is", is);
	show("should be", should);
	abort();
}
