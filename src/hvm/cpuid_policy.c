/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds a policy from the host's leaves and the table of features, and says what control registers
 * follow from it. */
#include <hvm/cpuid_policy.h>

#include "cpuid_internal.h"

#include <hv/compiler.h>
#include <hv/regs.h>
#include <lib/string.h>

enum { D = 1, M = 2, G = 4, F = 8 };
struct feature {
    uint16_t bit;
    uint8_t kinds;
};
static const struct feature features[] = {
#define FEATURE(name, k) { XEN_X86_FEATURE_##name, (k) },
#define DEPENDS(name, on)
#include "cpuid_features.def"
#undef FEATURE
#undef DEPENDS
};
static const struct {
    uint16_t bit, on;
} depends[] = {
#define FEATURE(name, k)
#define DEPENDS(name, on) { XEN_X86_FEATURE_##name, XEN_X86_FEATURE_##on },
#include "cpuid_features.def"
#undef FEATURE
#undef DEPENDS
};

static uint8_t kind_bit(enum cpuid_kind kind)
{
    switch (kind) {
    case CPUID_DOM0:
        return D;
    case CPUID_HVM_MAX:
        return M;
    case CPUID_HVM_DEFAULT:
        return G;
    case CPUID_HOST:
        break;
    }
    return D | M | G;
}

#define HAS(p, name) cpuid_policy_has((p), XEN_X86_FEATURE_##name)
#define EXT(p, leaf) ((p)->ext[(leaf) - 0x80000000U])

#define AT(field) ((uint16_t)offsetof(struct cpuid_policy, field))
#define AT_EXT(leaf, reg) AT(ext[(leaf) - 0x80000000U].reg)
/* Where each word of a feature set lives; 0 (no feature is there) for words that have no register:
 * 11 and 18 are AMD's leaf 0x80000021, 16 and 17 are MSR_ARCH_CAPS. */
static const uint16_t word_offset[CPUID_FEATURESET_WORDS] = {
    [0] = AT(basic[1].d),         [1] = AT(basic[1].c),         [2] = AT_EXT(0x80000001U, d),
    [3] = AT_EXT(0x80000001U, c), [4] = AT(xstate[1].a),        [5] = AT(feat[0].b),
    [6] = AT(feat[0].c),          [7] = AT_EXT(0x80000007U, d), [8] = AT_EXT(0x80000008U, b),
    [9] = AT(feat[0].d),          [10] = AT(feat[1].a),         [12] = AT(feat[1].b),
    [13] = AT(feat[2].d),         [14] = AT(feat[1].c),         [15] = AT(feat[1].d),
};

static uint32_t *word_at(struct cpuid_policy *p, unsigned int word)
{
    return word_offset[word] == 0 ? NULL : (uint32_t *)(void *)((uint8_t *)p + word_offset[word]);
}

static uint32_t get_word(const struct cpuid_policy *p, unsigned int word)
{
    if (word == 16 || word == 17)
        return (uint32_t)(p->arch_caps >> (32 * (word - 16)));
    if (word_offset[word] == 0)
        return 0;
    return *(const uint32_t *)(const void *)((const uint8_t *)p + word_offset[word]);
}

bool cpuid_policy_has(const struct cpuid_policy *p, unsigned int feature)
{
    return feature / 32 < CPUID_FEATURESET_WORDS &&
           (get_word(p, feature / 32) >> (feature % 32) & 1U) != 0;
}

void cpuid_policy_featureset(const struct cpuid_policy *p, uint32_t words[CPUID_FEATURESET_WORDS])
{
    for (unsigned int i = 0; i < CPUID_FEATURESET_WORDS; i++)
        words[i] = get_word(p, i);
}

static void clear_feature(struct cpuid_policy *p, unsigned int feature)
{
    uint32_t *word;

    if (feature / 32 >= CPUID_FEATURESET_WORDS)
        return;
    word = word_at(p, feature / 32);
    if (feature / 32 == 16 || feature / 32 == 17)
        p->arch_caps &= ~(1ULL << (feature - 16 * 32));
    else if (word != NULL)
        *word &= ~(1U << (feature % 32));
}

/* Until nothing changes: rows need no order. */
static void close_dependencies(struct cpuid_policy *p)
{
    bool changed;

    do {
        changed = false;
        for (size_t i = 0; i < ARRAY_COUNT(depends); i++) {
            if (cpuid_policy_has(p, depends[i].on) || !cpuid_policy_has(p, depends[i].bit))
                continue;
            clear_feature(p, depends[i].bit);
            changed = true;
        }
    } while (changed);
}

/* What the administrator took from this machine, for all policies. */
static uint32_t hidden[CPUID_FEATURESET_WORDS] ro_after_init;

void cpuid_policy_hide_always(unsigned int feature)
{
    if (feature / 32 < CPUID_FEATURESET_WORDS)
        hidden[feature / 32] |= 1U << (feature % 32);
}

static void clear_hidden(struct cpuid_policy *p)
{
    for (unsigned int i = 0; i < CPUID_FEATURESET_WORDS; i++) {
        uint32_t *word = word_at(p, i);

        if (word != NULL)
            *word &= ~hidden[i];
    }
}

void cpuid_policy_hide(struct cpuid_policy *p, unsigned int feature)
{
    clear_feature(p, feature);
    close_dependencies(p);
    cpuid_xstate_recalculate(p);
}

static void read_host(struct cpuid_policy *p, cpuid_source host)
{
    uint32_t basic_max, ext_max;

    p->basic[0] = host(0, 0);
    basic_max = min_of(p->basic[0].a, CPUID_BASIC_MAX);
    p->basic[0].a = basic_max;
    for (uint32_t i = 1; i <= basic_max; i++)
        if (i != 4 && i != 7 && i != 0xb && i != 0xd)
            p->basic[i] = host(i, 0);
    if (basic_max >= 4)
        for (uint32_t i = 0; i < CPUID_CACHE_LEAVES; i++) {
            p->cache[i] = host(4, i);
            if ((p->cache[i].a & 0x1fU) == 0)
                break;
        }
    if (basic_max >= 7) {
        p->feat[0] = host(7, 0);
        p->feat[0].a = min_of(p->feat[0].a, CPUID_FEAT_LEAVES - 1U);
        for (uint32_t i = 1; i <= p->feat[0].a; i++)
            p->feat[i] = host(7, i);
    }
    for (uint32_t i = 0; basic_max >= 0xb && i < CPUID_TOPO_LEAVES; i++)
        p->topo[i] = host(0xb, i);
    for (uint32_t i = 0; basic_max >= 0xd && i < CPUID_XSTATE_LEAVES; i++)
        p->xstate[i] = host(0xd, i);
    ext_max = host(0x80000000U, 0).a;
    if (ext_max < 0x80000000U)
        return;
    ext_max = min_of(ext_max, CPUID_EXT_MAX);
    for (uint32_t i = 0x80000000U; i <= ext_max; i++)
        EXT(p, i) = host(i, 0);
    EXT(p, 0x80000000U).a = ext_max;
}

/* Leaves that are not feature bits: cleared unless known to be harmless and true in a guest. */
static void clear_other_leaves(struct cpuid_policy *p)
{
    static const uint8_t other[] = { 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd };
    const struct cpuid_leaf none = { 0, 0, 0, 0 };
    struct cpuid_leaf *sizes = &EXT(p, 0x80000008U);

    for (size_t i = 0; i < ARRAY_COUNT(other); i++)
        p->basic[other[i]] = none;
    for (unsigned int i = 0; i < CPUID_TOPO_LEAVES; i++)
        p->topo[i] = none;
    p->basic[1].b &= 0x00ffff00U; /* CLFLUSH size, addressable ids; no brand, no APIC id */
    EXT(p, 0x80000000U) = (struct cpuid_leaf){ EXT(p, 0x80000000U).a, 0, 0, 0 };
    EXT(p, 0x80000001U).a = EXT(p, 0x80000001U).b = 0;
    EXT(p, 0x80000005U) = none;
    EXT(p, 0x80000006U) = (struct cpuid_leaf){ 0, 0, EXT(p, 0x80000006U).c, 0 };
    EXT(p, 0x80000007U) = (struct cpuid_leaf){ 0, 0, 0, EXT(p, 0x80000007U).d };
    sizes->a &= 0xffffU; /* linear and physical width; no guest-physical width */
    sizes->c = sizes->d = 0;
}

static void apply_features(struct cpuid_policy *p, uint8_t kind)
{
    uint32_t mask[CPUID_FEATURESET_WORDS] = { 0 }, force[CPUID_FEATURESET_WORDS] = { 0 };

    for (size_t i = 0; i < ARRAY_COUNT(features); i++) {
        uint32_t bit = 1U << (features[i].bit % 32);

        if ((features[i].kinds & kind) == 0)
            continue;
        mask[features[i].bit / 32] |= bit;
        if ((features[i].kinds & F) != 0)
            force[features[i].bit / 32] |= bit;
    }
    for (unsigned int i = 0; i < CPUID_FEATURESET_WORDS; i++) {
        uint32_t *word = word_at(p, i);

        if (word != NULL)
            *word = (*word & mask[i]) | force[i];
    }
    p->arch_caps &= mask[16] | (uint64_t)mask[17] << 32;
    p->feat[2] = (struct cpuid_leaf){ 0, 0, 0, p->feat[2].d };
}

void cpuid_policy_init(struct cpuid_policy *p, enum cpuid_kind kind, cpuid_source host)
{
    memset(p, 0, sizeof(*p));
    read_host(p, host);
    clear_hidden(p);
    if (kind == CPUID_HOST)
        return;
    clear_other_leaves(p);
    apply_features(p, kind_bit(kind));
    clear_feature(p, XEN_X86_FEATURE_ARCH_CAPS);
    p->own_topology = kind == CPUID_DOM0;
    close_dependencies(p);
    cpuid_xstate_recalculate(p);
}

void cpuid_policy_set_arch_caps(struct cpuid_policy *p, enum cpuid_kind kind, uint64_t host_value)
{
    p->feat[0].d |= 1U << (XEN_X86_FEATURE_ARCH_CAPS % 32);
    p->arch_caps = host_value;
    if (kind != CPUID_HOST)
        apply_features(p, kind_bit(kind));
}

uint64_t cpuid_policy_cr4_allowed(const struct cpuid_policy *p)
{
    static const struct {
        uint16_t feature;
        uint32_t bits;
    } rows[] = {
        { XEN_X86_FEATURE_VME, CR4_VME | CR4_PVI },
        { XEN_X86_FEATURE_TSC, CR4_TSD },
        { XEN_X86_FEATURE_DE, CR4_DE },
        { XEN_X86_FEATURE_PSE, CR4_PSE },
        { XEN_X86_FEATURE_PAE, CR4_PAE },
        { XEN_X86_FEATURE_MCE, CR4_MCE },
        { XEN_X86_FEATURE_PGE, CR4_PGE },
        { XEN_X86_FEATURE_FXSR, CR4_OSFXSR },
        { XEN_X86_FEATURE_SSE, CR4_OSXMMEXCPT },
        { XEN_X86_FEATURE_UMIP, CR4_UMIP },
        { XEN_X86_FEATURE_FSGSBASE, CR4_FSGSBASE },
        { XEN_X86_FEATURE_PCID, CR4_PCIDE },
        { XEN_X86_FEATURE_XSAVE, CR4_OSXSAVE },
        { XEN_X86_FEATURE_SMEP, CR4_SMEP },
        { XEN_X86_FEATURE_SMAP, CR4_SMAP },
        { XEN_X86_FEATURE_PKU, CR4_PKE },
    };
    uint64_t allowed = CR4_PCE;

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (cpuid_policy_has(p, rows[i].feature))
            allowed |= rows[i].bits;
    return allowed;
}

uint64_t cpuid_policy_efer_allowed(const struct cpuid_policy *p)
{
    return (HAS(p, SYSCALL) ? EFER_SCE : 0) | (HAS(p, LM) ? EFER_LME | EFER_LMA : 0) |
           (HAS(p, NX) ? EFER_NXE : 0);
}
