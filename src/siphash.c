#include "siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

/* At most eight bytes of it, the first one lowest. */
static uint64_t word_at(const unsigned char *data, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, data, size < sizeof(word) ? size : sizeof(word));
	return le64toh(word);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

uint64_t ssv_siphash(const uint64_t key[2], const void *data, size_t size)
{
	const unsigned char *next = data, *end = next + size;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575,
		key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261,
		key[1] ^ 0x7465646279746573,
	};

	for (; end - next >= 8; next += 8)
		absorb(v, word_at(next, 8));
	absorb(v, word_at(next, (size_t)(end - next)) | (uint64_t)size << 56);
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
