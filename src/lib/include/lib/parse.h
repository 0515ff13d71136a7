/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers out of text, for command lines. Pure; never reads past the terminating zero. */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads digits in the given base (0: decimal, or hexadecimal after 0x) from *at and moves *at behind
 * them. false, with *at and *value untouched: no digit there, or the number exceeds 64 bits.
 */
bool parse_u64(const char **at, unsigned int base, uint64_t *value) __attribute__((warn_unused_result));

/*
 * A size: a number with the suffix B, K, M, G or T in either case; without one it is in units of
 * `unit` bytes. Same contract as parse_u64.
 */
bool parse_size(const char **at, uint64_t unit, uint64_t *bytes) __attribute__((warn_unused_result));

#endif
