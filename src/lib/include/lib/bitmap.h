/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit arrays of 64-bit words, and atomic bit operations on them (the x_atomic ones). No locks. */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include <hv/compiler.h>
#include <stdbool.h>
#include <stdint.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bit_test(const uint64_t *map, unsigned int n)
{
    return (__atomic_load_n(&map[n / 64], __ATOMIC_RELAXED) >> (n % 64)) & 1;
}
static inline void bit_set(uint64_t *map, unsigned int n) { map[n / 64] |= 1ULL << (n % 64); }
static inline void bit_clear(uint64_t *map, unsigned int n) { map[n / 64] &= ~(1ULL << (n % 64)); }
/* Atomic; full ordering; return the old value. */
static inline bool bit_test_and_set_atomic(uint64_t *map, unsigned int n)
{
    uint64_t m = 1ULL << (n % 64);
    return __atomic_fetch_or(&map[n / 64], m, __ATOMIC_SEQ_CST) & m;
}
static inline bool bit_test_and_clear_atomic(uint64_t *map, unsigned int n)
{
    uint64_t m = 1ULL << (n % 64);
    return __atomic_fetch_and(&map[n / 64], ~m, __ATOMIC_SEQ_CST) & m;
}
/* First set/clear bit at or after `from`; `bits` if there is none. */
unsigned int bitmap_find_set(const uint64_t *map, unsigned int bits, unsigned int from);
unsigned int bitmap_find_clear(const uint64_t *map, unsigned int bits, unsigned int from);
bool bitmap_is_empty(const uint64_t *map, unsigned int bits);
unsigned int bitmap_weight(const uint64_t *map, unsigned int bits);

#endif
