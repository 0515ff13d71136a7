/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of MSRs, looked up by bisection, and the storage of those that only remember what was
 * written. */
#include <hvm/msr_policy.h>

#include <hv/compiler.h>
#include <lib/string.h>

enum { D = 1, U = 2, A = 3 };
#define IGNORE 0xffU
struct msr_row {
    uint32_t first, last;
    uint8_t who, read, write;
    uint64_t value, reserved;
};
static const struct msr_row rows[] = {
#define MSR(a, b, w, rd, wr, v, rsvd, name) { (a), (b), (w), (rd), (wr), (v), (rsvd) },
#include "msrs.def"
#undef MSR
};

/* The row for msr that applies to who (D or U), or NULL. */
static const struct msr_row *find_row(uint32_t msr, uint8_t who)
{
    size_t low = 0, high = ARRAY_COUNT(rows);

    /* The first row that begins above msr: its predecessors may hold it (at most two stand for the
     * same MSR). */
    while (low < high) {
        size_t mid = (low + high) / 2;

        if (rows[mid].first <= msr)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t back = 1; back <= 2 && back <= low; back++) {
        const struct msr_row *r = &rows[low - back];

        if (msr <= r->last && (r->who & who) != 0)
            return r;
    }
    return NULL;
}

struct msr_rule msr_policy(uint32_t msr, bool dom0)
{
    const struct msr_row *r = find_row(msr, dom0 ? D : U);

    if (r == NULL)
        return (struct msr_rule){ .read = MSR_GP, .write = MSR_GP };
    return (struct msr_rule){
        .read = (enum msr_class)r->read,
        .write = r->write == IGNORE ? (enum msr_class)r->read : (enum msr_class)r->write,
        .value = r->value,
        .reserved = r->reserved,
        .ignore_write = r->write == IGNORE,
    };
}

void msr_policy_each_pass(bool dom0, void (*fn)(void *ctx, uint32_t first, uint32_t last),
                          void *ctx)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].read == MSR_PASS && (rows[i].who & (dom0 ? D : U)) != 0)
            fn(ctx, rows[i].first, rows[i].last);
}

#define MISC_FAST_STRINGS BIT(0)
#define MISC_TCC BIT(3)
#define MISC_PERFMON BIT(7)
#define MISC_BTS_UNAVAILABLE BIT(11)
#define MISC_PEBS_UNAVAILABLE BIT(12)
#define MISC_SPEEDSTEP BIT(16)
#define MISC_MONITOR BIT(18)
#define MISC_LIMIT_CPUID BIT(22)
#define MISC_XD_DISABLE BIT(34)

uint64_t msr_misc_enable(uint64_t host_value)
{
    host_value &= ~(MISC_TCC | MISC_PERFMON | MISC_SPEEDSTEP | MISC_MONITOR | MISC_LIMIT_CPUID |
                    MISC_XD_DISABLE);
    return host_value | MISC_FAST_STRINGS | MISC_BTS_UNAVAILABLE | MISC_PEBS_UNAVAILABLE;
}

/* Slots follow the table: each MSR of a MSR_STORE row has the next one. */
static bool find_slot(uint32_t msr, size_t *slot)
{
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].read != MSR_STORE)
            continue;
        if (msr >= rows[i].first && msr <= rows[i].last) {
            *slot = at + (msr - rows[i].first);
            return *slot < MSR_STORE_SLOTS;
        }
        at += rows[i].last - rows[i].first + 1;
    }
    return false;
}

void msr_store_reset(struct msr_store *s)
{
    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (uint32_t msr = rows[i].first; rows[i].read == MSR_STORE && msr <= rows[i].last;
             msr++) {
            size_t slot;

            if (find_slot(msr, &slot))
                s->value[slot] = rows[i].value;
        }
}

bool msr_store_read(const struct msr_store *s, uint32_t msr, uint64_t *value)
{
    size_t slot;

    if (!find_slot(msr, &slot))
        return false;
    *value = s->value[array_index_nospec(slot, MSR_STORE_SLOTS)];
    return true;
}

static bool is_memory_type(uint64_t type)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

/* SDM vol. 3A 12.11.2: what a write to an MTRR may hold. */
static bool mtrr_value_ok(uint32_t msr, uint64_t value)
{
    if (msr == 0x2ff)
        return (value & ~0xcffULL) == 0 && is_memory_type(value & 0xffU);
    if (msr >= 0x200 && msr <= 0x20f) {
        if ((value >> 52) != 0)
            return false;
        return (msr & 1U) != 0 ? (value & 0x7ffU) == 0
                               : (value & 0xf00U) == 0 && is_memory_type(value & 0xffU);
    }
    if (msr >= 0x250 && msr <= 0x26f) {
        for (unsigned int i = 0; i < 64; i += 8)
            if (!is_memory_type((value >> i) & 0xffU))
                return false;
    }
    return true;
}

bool msr_store_write(struct msr_store *s, uint32_t msr, uint64_t value)
{
    size_t slot;

    if (!find_slot(msr, &slot) || !mtrr_value_ok(msr, value))
        return false;
    s->value[array_index_nospec(slot, MSR_STORE_SLOTS)] = value;
    return true;
}
