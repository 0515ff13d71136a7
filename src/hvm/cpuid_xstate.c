/* SPDX-License-Identifier: BSD-2-Clause */
/* Leaf 0xd (SDM vol. 1 13.2): which state components exist, and how much room the enabled ones
 * take. */
#include "cpuid_internal.h"

#include <hv/compiler.h>

static uint64_t host_components(const struct cpuid_policy *p)
{
    return p->xstate[0].a | (uint64_t)p->xstate[0].d << 32;
}

uint64_t cpuid_policy_xcr0_allowed(const struct cpuid_policy *p)
{
    uint64_t allowed = XSTATE_X87 | XSTATE_SSE;

    if (!cpuid_policy_has(p, XEN_X86_FEATURE_XSAVE))
        return 0;
    if (cpuid_policy_has(p, XEN_X86_FEATURE_AVX))
        allowed |= XSTATE_YMM;
    if (cpuid_policy_has(p, XEN_X86_FEATURE_AVX512F))
        allowed |= XSTATE_ZMM;
    return allowed & host_components(p);
}

bool cpuid_policy_xcr0_valid(const struct cpuid_policy *p, uint64_t xcr0)
{
    uint64_t zmm = xcr0 & XSTATE_ZMM;

    if ((xcr0 & XSTATE_X87) == 0 || (xcr0 & ~cpuid_policy_xcr0_allowed(p)) != 0)
        return false;
    if ((xcr0 & XSTATE_YMM) != 0 && (xcr0 & XSTATE_SSE) == 0)
        return false;
    return zmm == 0 || (zmm == XSTATE_ZMM && (xcr0 & XSTATE_YMM) != 0);
}

/* Size of an XSAVE area in the standard form: the end of the last enabled component. */
static uint32_t standard_size(const struct cpuid_policy *p, uint64_t components)
{
    uint32_t size = XSTATE_LEGACY_SIZE;

    for (unsigned int i = 2; i < CPUID_XSTATE_LEAVES; i++)
        if ((components >> i & 1U) != 0)
            size = max_of(size, p->xstate[i].b + p->xstate[i].a);
    return size;
}

/* In the compacted form: enabled components back to back, some aligned to 64 bytes. */
static uint32_t compacted_size(const struct cpuid_policy *p, uint64_t components)
{
    uint32_t size = XSTATE_LEGACY_SIZE;

    for (unsigned int i = 2; i < CPUID_XSTATE_LEAVES; i++) {
        if ((components >> i & 1U) == 0)
            continue;
        if ((p->xstate[i].c & 2U) != 0)
            size = ALIGN_UP(size, 64);
        size += p->xstate[i].a;
    }
    return size;
}

void cpuid_xstate_recalculate(struct cpuid_policy *p)
{
    uint64_t allowed = cpuid_policy_xcr0_allowed(p);
    const struct cpuid_leaf none = { 0, 0, 0, 0 };

    for (unsigned int i = 2; i < CPUID_XSTATE_LEAVES; i++)
        if ((allowed >> i & 1U) == 0)
            p->xstate[i] = none;
    /* No supervisor components: IA32_XSS has no writable bit. */
    p->xstate[1] = (struct cpuid_leaf){ allowed != 0 ? p->xstate[1].a : 0, 0, 0, 0 };
    p->xstate[0] = none;
    if (allowed == 0)
        return;
    p->xstate[0].a = (uint32_t)allowed;
    p->xstate[0].d = (uint32_t)(allowed >> 32);
    p->xstate[0].c = standard_size(p, allowed);
    p->xstate[0].b = p->xstate[0].c;
    if (cpuid_policy_has(p, XEN_X86_FEATURE_XSAVEC))
        p->xstate[1].b = compacted_size(p, allowed);
}

struct cpuid_leaf cpuid_xstate_read(const struct cpuid_policy *p, uint32_t subleaf,
                                    const struct cpuid_context *c)
{
    struct cpuid_leaf r = { 0, 0, 0, 0 };

    if (subleaf >= CPUID_XSTATE_LEAVES)
        return r;
    r = p->xstate[array_index_nospec(subleaf, CPUID_XSTATE_LEAVES)];
    if (p->xstate[0].a == 0)
        return r;
    if (subleaf == 0)
        r.b = standard_size(p, c->xcr0);
    else if (subleaf == 1 && cpuid_policy_has(p, XEN_X86_FEATURE_XSAVES))
        r.b = compacted_size(p, c->xcr0 | c->xss);
    else if (subleaf == 1 && cpuid_policy_has(p, XEN_X86_FEATURE_XSAVEC))
        r.b = compacted_size(p, c->xcr0);
    return r;
}
