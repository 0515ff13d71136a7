/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/bitmap.h>

/* First bit at or after `from` in map, each word of which is XORed with flip (0: set, ~0: clear). */
static unsigned int find_bit(const uint64_t *map, unsigned int bits, unsigned int from,
                             uint64_t flip)
{
    if (from >= bits)
        return bits;

    unsigned int w = from / 64;
    uint64_t word = (READ_ONCE(map[w]) ^ flip) & (UINT64_MAX << (from % 64));

    while (word == 0) {
        if (++w >= BITMAP_WORDS(bits))
            return bits;
        word = READ_ONCE(map[w]) ^ flip;
    }
    return min_of(w * 64 + (unsigned int)__builtin_ctzll(word), bits);
}

unsigned int bitmap_find_set(const uint64_t *map, unsigned int bits, unsigned int from)
{
    return find_bit(map, bits, from, 0);
}

unsigned int bitmap_find_clear(const uint64_t *map, unsigned int bits, unsigned int from)
{
    return find_bit(map, bits, from, UINT64_MAX);
}

bool bitmap_is_empty(const uint64_t *map, unsigned int bits)
{
    return bitmap_find_set(map, bits, 0) == bits;
}

/* Bits set in a word, by adding neighbours of doubling width; no library call, no POPCNT needed. */
static unsigned int weight64(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555ULL;
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return (unsigned int)((x * 0x0101010101010101ULL) >> 56);
}

unsigned int bitmap_weight(const uint64_t *map, unsigned int bits)
{
    unsigned int n = 0;

    for (unsigned int w = 0; w < bits / 64; w++)
        n += weight64(READ_ONCE(map[w]));
    if (bits % 64 != 0)
        n += weight64(READ_ONCE(map[bits / 64]) & ((1ULL << (bits % 64)) - 1));
    return n;
}
