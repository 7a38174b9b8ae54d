/** A hash that nobody who lacks the key can steer: SipHash-2-4, of Aumasson and Bernstein. */
#ifndef SSV_SIPHASH_H
#define SSV_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t ssv_siphash(const uint64_t key[2], const void *data, size_t size);

#endif
