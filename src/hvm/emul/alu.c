/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic with flags as the SDM defines them; flags that it leaves undefined come out as cleared
 * (AF of logical operations) or untouched (bit tests), which is what processors do. */
#include "internal.h"

#define ARITHMETIC_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint64_t result_flags(uint64_t r, unsigned int size)
{
    uint64_t flags = 0;

    if ((__builtin_popcountll(r & 0xffU) & 1) == 0)
        flags |= RFLAGS_PF;
    if (r == 0)
        flags |= RFLAGS_ZF;
    if ((r >> (8 * size - 1) & 1U) != 0)
        flags |= RFLAGS_SF;
    return flags;
}

static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned int size, uint64_t *flags)
{
    uint64_t r = (a + b + carry) & size_mask(size), sign = 1ULL << (8 * size - 1);

    *flags = result_flags(r, size) | ((a ^ b ^ r) & RFLAGS_AF);
    if (r < a || (carry && r == a))
        *flags |= RFLAGS_CF;
    if ((~(a ^ b) & (a ^ r) & sign) != 0)
        *flags |= RFLAGS_OF;
    return r;
}

static uint64_t subtract(uint64_t a, uint64_t b, bool borrow, unsigned int size, uint64_t *flags)
{
    uint64_t r = (a - b - borrow) & size_mask(size), sign = 1ULL << (8 * size - 1);

    *flags = result_flags(r, size) | ((a ^ b ^ r) & RFLAGS_AF);
    if (a < b || (borrow && a == b))
        *flags |= RFLAGS_CF;
    if (((a ^ b) & (a ^ r) & sign) != 0)
        *flags |= RFLAGS_OF;
    return r;
}

static uint64_t logical(uint64_t r, unsigned int size, uint64_t *flags)
{
    *flags = result_flags(r, size);
    return r;
}

/* a is the destination, b the source; both already cut to size. Returns the result even where it is
 * not stored. */
uint64_t emul_alu(enum operation op, uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
    uint64_t affected = ARITHMETIC_FLAGS, flags = 0, r = a;
    bool carry = (*rflags & RFLAGS_CF) != 0;

    if (op == OP_ADD || op == OP_XADD) {
        r = add(a, b, false, size, &flags);
    } else if (op == OP_ADC) {
        r = add(a, b, carry, size, &flags);
    } else if (op == OP_SUB || op == OP_CMP) {
        r = subtract(a, b, false, size, &flags);
    } else if (op == OP_SBB) {
        r = subtract(a, b, carry, size, &flags);
    } else if (op == OP_AND || op == OP_TEST) {
        r = logical(a & b, size, &flags);
    } else if (op == OP_OR) {
        r = logical(a | b, size, &flags);
    } else if (op == OP_XOR) {
        r = logical(a ^ b, size, &flags);
    } else if (op == OP_INC || op == OP_DEC) {
        r = op == OP_INC ? add(a, 1, false, size, &flags) : subtract(a, 1, false, size, &flags);
        affected &= ~RFLAGS_CF;
    } else if (op == OP_NEG) {
        r = subtract(0, a, false, size, &flags);
    } else if (op == OP_NOT) {
        return ~a & size_mask(size);
    }
    *rflags = (*rflags & ~affected) | (flags & affected);
    return r;
}

uint64_t emul_bit_op(enum operation op, uint64_t value, unsigned int bit, uint64_t *rflags)
{
    uint64_t mask = 1ULL << bit;

    *rflags = (value & mask) != 0 ? *rflags | RFLAGS_CF : *rflags & ~RFLAGS_CF;
    if (op == OP_BTS)
        return value | mask;
    if (op == OP_BTR)
        return value & ~mask;
    return op == OP_BTC ? value ^ mask : value;
}
