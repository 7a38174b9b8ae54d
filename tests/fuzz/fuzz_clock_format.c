/* The time in a stranger's format: it is what strftime(3) makes of it, or refused. */
#include "../../handlers/clock_format.h"
#include "fuzz.h"

#include <errno.h>
#include <string.h>

static const char allowed[] = "aAbBcdDeFHIjmMnprRStTuUVwWxXyYzZ%";

static bool is_allowed(struct input format)
{
	for (size_t i = 0; i < format.size; i++)
		if (format.data[i] == '%' &&
			(++i == format.size || !memchr(allowed, format.data[i], strlen(allowed))))
			return false;
	return true;
}

/* strftime() ends at a NUL, which is a byte like any other here. */
static void convert(struct text *text, struct input format, const struct tm *now, locale_t locale)
{
	char piece[CLOCK_MAX_FORMAT + 2], made[CLOCK_MAX_FORMAT * 32];
	size_t length;

	while (format.size > 0) {
		length = strnlen(format.data, format.size);
		memcpy(piece, format.data, length);
		piece[length] = '\0';
		text_add(text, made, strftime_l(made, sizeof(made), piece, now, locale));
		if (length < format.size)
			text_add(text, "", 1);
		input_bytes(&format, length + 1);
	}
}

static void expect_text(ssize_t n, const char *is, const struct text *should)
{
	if (should->size > CLOCK_MAX_TEXT)
		EXPECT(n == -EMSGSIZE);
	else
		EXPECT(n == (ssize_t)should->size && memcmp(is, should->data, should->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static locale_t locale;
	struct input input = {(const char *)data, size};
	const time_t now = (time_t)input_byte(&input) << 24;
	char *text = malloc(CLOCK_MAX_TEXT + 1);
	struct text should = {0};
	struct tm broken_down;
	ssize_t n;

	if (locale == (locale_t)0)
		locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	gmtime_r(&now, &broken_down);
	n = clock_format(text, input.data, input.size, &broken_down, locale);
	if (input.size > CLOCK_MAX_FORMAT) {
		EXPECT(n == -EMSGSIZE);
	} else if (!is_allowed(input)) {
		EXPECT(n == -EINVAL || n == -EMSGSIZE);
	} else {
		convert(&should, input.size > 0 ? input : (struct input){"%F %X", 5}, &broken_down,
			locale);
		expect_text(n, text, &should);
	}
	text_free(&should);
	free(text);
	return 0;
}
