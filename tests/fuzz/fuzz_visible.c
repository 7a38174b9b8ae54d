/* A stranger's text for a terminal: nothing that the terminal would obey, wherever it is cut. */
#include "pieces.h"

#include <socketserver/visible.h>
#include <string.h>

/* In one piece, or in those that the input says. */
static void show(struct pieces *pieces, struct text *shown)
{
	uint32_t before = 0;
	char *to;
	struct input piece;
	size_t n;

	while ((piece = pieces_take(pieces, SIZE_MAX)).size > 0) {
		to = malloc(SSV_VISIBLE_SIZE(piece.size));
		EXPECT(to != NULL);
		n = ssv_make_visible(to, piece.data, piece.size, &before);
		EXPECT(n >= piece.size && n <= SSV_VISIBLE_SIZE(piece.size));
		text_add(shown, to, n);
		free(to);
	}
}

/* A byte from 80 to 9f alone is obeyed, or behind c2; as part of another character it is not. */
static void expect_harmless(const struct text *shown)
{
	unsigned char c, before = 0;

	for (size_t i = 0; i < shown->size; i++, before = c) {
		c = (unsigned char)shown->data[i];
		EXPECT(c >= ' ' || c == '\n' || c == '\t');
		EXPECT(c != 0x7f);
		EXPECT(c < 0x80 || c > 0x9f || (before >= 0x80 && before != 0xc2));
	}
}

/* Without what was added, a text that has no backslashes is what it was. */
static void expect_all_there(const struct text *shown, struct input from)
{
	unsigned int c;
	size_t at = 0;

	if (memchr(from.data, '\\', from.size) != NULL)
		return;
	for (size_t i = 0; i < from.size; i++) {
		EXPECT(at < shown->size);
		if (shown->data[at] == '\\') {
			EXPECT(at + 4 <= shown->size);
			EXPECT(sscanf(shown->data + at, "\\x%2x", &c) == 1);
			EXPECT((unsigned char)from.data[i] == c);
			at += 4;
		} else {
			EXPECT(shown->data[at++] == from.data[i]);
		}
	}
	EXPECT(at == shown->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pieces cut, whole;
	struct text shown = {0}, shown_whole = {0};

	pieces_open(&cut, (struct input){(const char *)data, size});
	whole = cut;
	whole.lengths.size = 0;
	show(&cut, &shown);
	if (whole.rest.size > 0) {
		struct input all = whole.rest;

		show(&whole, &shown_whole);
		expect_same(&shown, &shown_whole);
		text_add(&shown, "", 1); /* sscanf() reads on */
		shown.size--;
		expect_harmless(&shown);
		expect_all_there(&shown, all);
	}
	text_free(&shown);
	text_free(&shown_whole);
	return 0;
}
