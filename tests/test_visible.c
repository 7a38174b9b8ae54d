/* visible.h: what a terminal would obey does not reach it, whatever pieces it comes in. */
#include "support.h"

#include <socketserver/visible.h>
#include <string.h>

static const struct {
	const char *text, *visible, *harmless;
} texts[] = {
	{"", "", ""},
	{"plain ~", "plain ~", "plain ~"},
	{"a\tb\nc", "a\tb\nc", "a?b?c"},
	{"\x1b[31mred\a\x7f", "\\x1b[31mred\\x07\\x7f", "?[31mred??"},

	/* U+009B, bare and in UTF-8; the same byte within another character */
	{"\x9b", "\\x9b", "?"},
	{"\xc2\x9b", "\xc2\\x9b", "\xc2?"},
	{"\xe2\x9b\x9b\x9b", "\xe2\x9b\x9b\\x9b", "\xe2\x9b\x9b?"},
	{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},

	/* what is no UTF-8 excuses nothing: too long a form, a surrogate, too large a number */
	{"\xe0\x80\x80", "\xe0\\x80\\x80", "\xe0??"},
	{"\xc0\x80", "\xc0\\x80", "\xc0?"},
	{"\xed\xa0\x80", "\xed\xa0\\x80", "\xed\xa0?"},
	{"\xf5\x80\x80", "\xf5\\x80\\x80", "\xf5??"},
	{"\xff\xfe\xa0", "\xff\xfe\xa0", "\xff\xfe\xa0"},
};

static void expect_visible(const char *text, size_t cut, const char *expected)
{
	char shown[SSV_VISIBLE_SIZE(32)];
	size_t length = strlen(text), n;
	uint32_t before = 0;

	n = ssv_make_visible(shown, text, cut, &before);
	n += ssv_make_visible(shown + n, text + cut, length - cut, &before);
	ck_assert_uint_eq(n, strlen(expected));
	ck_assert_mem_eq(shown, expected, n);
}

START_TEST(control_characters_are_made_visible_wherever_the_text_is_cut)
{
	for (size_t cut = 0; cut <= strlen(texts[_i].text); cut++)
		expect_visible(texts[_i].text, cut, texts[_i].visible);
}
END_TEST

START_TEST(control_characters_are_made_harmless)
{
	char text[32];

	strcpy(text, texts[_i].text);
	ssv_make_harmless(text);
	ck_assert_str_eq(text, texts[_i].harmless);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("visible");
	TCase *tcase = topic(suite, "visible");

	FOR_EACH(tcase, control_characters_are_made_visible_wherever_the_text_is_cut, texts);
	FOR_EACH(tcase, control_characters_are_made_harmless, texts);
	return run_suite(suite);
}
