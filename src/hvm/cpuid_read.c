/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as an instruction of the guest: the stored leaf plus what depends on the vCPU and its
 * control registers. */
#include <hvm/cpuid_policy.h>

#include "cpuid_internal.h"

#include <hv/compiler.h>
#include <hv/regs.h>

#define EDX_APIC (1U << 9)
#define EDX_HTT (1U << 28)
#define ECX_OSXSAVE (1U << 27)
#define ECX7_OSPKE (1U << 4)

/* Bits of an APIC id below the package: 2 * vcpu_id needs one for the thread and enough for the
 * cores. */
static unsigned int package_shift(const struct cpuid_context *c)
{
    unsigned int shift = 1;

    while (shift < 31 && (1U << (shift - 1)) < c->vcpu_count)
        shift++;
    return shift;
}

static struct cpuid_leaf read_leaf1(const struct cpuid_policy *p, const struct cpuid_context *c)
{
    struct cpuid_leaf r = p->basic[1];

    r.b = (r.b & 0x00ffffffU) | c->apic_id << 24;
    if (p->own_topology) {
        uint32_t ids = min_of(1U << package_shift(c), 255U);

        r.b = (r.b & ~0x00ff0000U) | ids << 16;
        r.d = c->vcpu_count > 1 ? r.d | EDX_HTT : r.d & ~EDX_HTT;
    }
    if (!c->apic_enabled)
        r.d &= ~EDX_APIC;
    r.c &= ~ECX_OSXSAVE;
    if ((c->cr4 & CR4_OSXSAVE) != 0)
        r.c |= ECX_OSXSAVE;
    return r;
}

/* L1 and L2 belong to a core (two ids), what is above to the package. */
static struct cpuid_leaf read_cache(const struct cpuid_policy *p, uint32_t subleaf,
                                    const struct cpuid_context *c)
{
    struct cpuid_leaf r = p->cache[array_index_nospec(subleaf, CPUID_CACHE_LEAVES)];
    uint32_t cores = min_of(1U << (package_shift(c) - 1), 64U);
    uint32_t sharing = ((r.a >> 5) & 7U) <= 2 ? 1 : min_of(1U << package_shift(c), 4096U) - 1;

    if (!p->own_topology || (r.a & 0x1fU) == 0)
        return r;
    r.a = (r.a & 0x3fffU) | sharing << 14 | (cores - 1) << 26;
    return r;
}

static struct cpuid_leaf read_topology(const struct cpuid_policy *p, uint32_t subleaf,
                                       const struct cpuid_context *c)
{
    struct cpuid_leaf r = { 0, 0, 0, 0 };

    if (subleaf < CPUID_TOPO_LEAVES)
        r = p->topo[array_index_nospec(subleaf, CPUID_TOPO_LEAVES)];
    if (p->own_topology && subleaf == 0)
        r = (struct cpuid_leaf){ 1, 1, 0x100, 0 }; /* thread level */
    else if (p->own_topology && subleaf == 1)
        r = (struct cpuid_leaf){ package_shift(c), c->vcpu_count, 0x200, 0 }; /* core level */
    r.c = (r.c & ~0xffU) | (subleaf & 0xffU);
    r.d = c->apic_id;
    return r;
}

static struct cpuid_leaf read_basic(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf,
                                    const struct cpuid_context *c)
{
    struct cpuid_leaf r = { 0, 0, 0, 0 };

    switch (leaf) {
    case 0x1:
        return read_leaf1(p, c);
    case 0x4:
        return subleaf < CPUID_CACHE_LEAVES ? read_cache(p, subleaf, c) : r;
    case 0x7:
        if (subleaf > p->feat[0].a || subleaf >= CPUID_FEAT_LEAVES)
            return r;
        r = p->feat[array_index_nospec(subleaf, CPUID_FEAT_LEAVES)];
        if (subleaf == 0 && (c->cr4 & CR4_PKE) != 0)
            r.c |= ECX7_OSPKE;
        return r;
    case 0xb:
        return read_topology(p, subleaf, c);
    case 0xd:
        return cpuid_xstate_read(p, subleaf, c);
    default:
        return p->basic[array_index_nospec(leaf, CPUID_BASIC_MAX + 1)];
    }
}

struct cpuid_leaf cpuid_policy_read(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf,
                                    const struct cpuid_context *c)
{
    uint32_t ext = leaf - 0x80000000U;

    if (leaf <= CPUID_BASIC_MAX && leaf <= p->basic[0].a)
        return read_basic(p, leaf, subleaf, c);
    if (leaf >= 0x80000000U && leaf <= CPUID_EXT_MAX && leaf <= p->ext[0].a)
        return p->ext[array_index_nospec(ext, CPUID_EXT_LEAVES)];
    return (struct cpuid_leaf){ 0, 0, 0, 0 };
}
