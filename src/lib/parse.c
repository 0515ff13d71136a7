/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/parse.h>

static unsigned int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned int)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned int)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned int)(c - 'A') + 10;
    return 16;
}

bool parse_u64(const char **at, unsigned int base, uint64_t *value)
{
    const char *s = *at;
    uint64_t v = 0;

    if (base == 0) {
        bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16;

        base = hex ? 16 : 10;
        s += hex ? 2 : 0;
    }
    if (digit_value(*s) >= base)
        return false;
    for (; digit_value(*s) < base; s++)
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
            __builtin_add_overflow(v, (uint64_t)digit_value(*s), &v))
            return false;
    *at = s;
    *value = v;
    return true;
}

/* The shift that a size suffix stands for; -1: no suffix. */
static int suffix_shift(char c)
{
    switch (c) {
    case 'b': case 'B': return 0;
    case 'k': case 'K': return 10;
    case 'm': case 'M': return 20;
    case 'g': case 'G': return 30;
    case 't': case 'T': return 40;
    default: return -1;
    }
}

bool parse_size(const char **at, uint64_t unit, uint64_t *bytes)
{
    const char *s = *at;
    uint64_t n;
    int shift;

    if (!parse_u64(&s, 0, &n))
        return false;
    shift = suffix_shift(*s);
    if (__builtin_mul_overflow(n, shift < 0 ? unit : 1ULL << shift, &n))
        return false;
    *at = s + (shift < 0 ? 0 : 1);
    *bytes = n;
    return true;
}
