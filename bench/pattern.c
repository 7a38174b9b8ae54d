#include "pattern.h"
#include <string.h>

#define WORD sizeof(uint64_t)
/* The golden ratio: no two words of a stream are the same, and neighbours differ all over. */
#define STEP 0x9e3779b97f4a7c15U

/* The finaliser of MurmurHash3. */
uint64_t pattern_key(uint64_t number)
{
	uint64_t key = number + STEP;

	key = (key ^ key >> 33) * 0xff51afd7ed558ccdU;
	key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53U;
	return key ^ key >> 33;
}

static uint64_t word_at(uint64_t key, uint64_t index)
{
	return key + index * STEP;
}

/* Up to the end of the word that `offset` lies in; returns how many bytes it wrote. */
static size_t fill_within_word(uint64_t key, uint64_t offset, unsigned char *to, size_t size)
{
	uint64_t word = word_at(key, offset / WORD);
	size_t skipped = offset % WORD, n = WORD - skipped;

	if (n > size)
		n = size;
	memcpy(to, (unsigned char *)&word + skipped, n);
	return n;
}

void pattern_fill(uint64_t key, uint64_t offset, void *to, size_t size)
{
	unsigned char *bytes = to;
	size_t done = fill_within_word(key, offset, bytes, size);
	uint64_t word = word_at(key, (offset + done) / WORD);

	for (; size - done >= WORD; done += WORD, word += STEP)
		memcpy(bytes + done, &word, WORD);
	if (done < size)
		fill_within_word(key, offset + done, bytes + done, size - done);
}

bool pattern_matches(uint64_t key, uint64_t offset, const void *data, size_t size)
{
	unsigned char expected[4096];
	size_t n;

	for (size_t done = 0; done < size; done += n) {
		n = size - done < sizeof(expected) ? size - done : sizeof(expected);
		pattern_fill(key, offset + done, expected, n);
		if (memcmp((const unsigned char *)data + done, expected, n) != 0)
			return false;
	}
	return true;
}
