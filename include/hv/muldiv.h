/* SPDX-License-Identifier: BSD-2-Clause */
/* Vocabulary: from one frequency to another without a product of 128 bits. */
#ifndef HV_MULDIV_H
#define HV_MULDIV_H

#include <hv/types.h>

/* a * mul / div, rounded down; exact as long as the result has 64 bits. div is not 0. */
static inline uint64_t muldiv(uint64_t a, uint32_t mul, uint32_t div)
{
    return a / div * mul + a % div * mul / div;
}

#endif
