/**
 * What the targets share. A target is one file, which defines fuzz(): it takes any bytes, and
 * promises hold for them, or it aborts. libFuzzer looks for bytes for which it does (`./dev fuzz`);
 * the tests feed it those that were kept, in corpus/ (replay.c).
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/** What is still to be read of an input. */
struct input {
	const char *data;
	size_t size;
};

/** The next byte, which is the input's no more; 0 where there is none. */
unsigned int input_byte(struct input *input);

/** The next bytes, as many as there are of `size`. */
struct input input_bytes(struct input *input, size_t size);

/** Bytes that become more. Zeroed it is empty. */
struct text {
	char *data;
	size_t size;
};

void text_add(struct text *text, const void *data, size_t size);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

/** Shows both where they differ, and aborts. */
void expect_same(const struct text *is, const struct text *should);

#endif
