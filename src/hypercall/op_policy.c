/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPU policies in the toolstack's form: arrays of CPUID leaves and MSRs. Reading is the mechanism's
 * own serialisation, copied out piece by piece; setting goes leaf by leaf into a copy that replaces
 * the domain's policy only when every leaf was acceptable.
 */
#include "ctl.h"

#include <lib/string.h>
#include <mm/heap.h>
#include <x86/cpu.h>

#define LEAVES_MAX 120U     /* what 4.17 tells as the size of a policy */
#define MSRS_MAX 2U
#define MSR_PLATFORM_INFO 0xceU
#define MSR_ARCH_CAPS 0x10aU

struct work { struct cpuid_policy policy; xen_cpuid_leaf_t leaf[LEAVES_MAX]; };

static struct cpuid_leaf host_leaf(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r = cpu_cpuid(leaf, subleaf);

    return (struct cpuid_leaf){ r.eax, r.ebx, r.ecx, r.edx };
}

/* -EOPNOTSUPP: PV guests are not offered. */
static int kind_of(uint32_t index, enum cpuid_kind *kind)
{
    switch (index) {
    case XEN_SYSCTL_cpu_policy_raw:
    case XEN_SYSCTL_cpu_policy_host:        *kind = CPUID_HOST; return 0;
    case XEN_SYSCTL_cpu_policy_hvm_max:     *kind = CPUID_HVM_MAX; return 0;
    case XEN_SYSCTL_cpu_policy_hvm_default: *kind = CPUID_HVM_DEFAULT; return 0;
    case XEN_SYSCTL_cpu_policy_pv_max:
    case XEN_SYSCTL_cpu_policy_pv_default:  return -EOPNOTSUPP;
    default:                                return -EINVAL;
    }
}

static int copy_leaves(struct hc *c, struct work *w, gva_t to, uint32_t *count)
{
    uint32_t n = LEAVES_MAX;
    int rc = cpuid_policy_serialise(&w->policy, w->leaf, &n);

    if (rc != 0)
        return rc;
    if (n > *count)
        return -ENOBUFS;
    *count = n;
    return hc_write(c, to, w->leaf, n * sizeof(w->leaf[0]));
}

static int copy_msrs(struct hc *c, const struct cpuid_policy *p, gva_t to, uint32_t *count)
{
    const xen_msr_entry_t msr[MSRS_MAX] = { { .idx = MSR_PLATFORM_INFO, .val = p->platform_info },
                                            { .idx = MSR_ARCH_CAPS, .val = p->arch_caps } };

    if (*count < MSRS_MAX)
        return -ENOBUFS;
    *count = MSRS_MAX;
    return hc_write(c, to, msr, sizeof(msr));
}

/* A null array asks for its size. */
static int copy_policy(struct hc *c, struct work *w, gva_t leaves, uint32_t *leaf_count, gva_t msrs,
                       uint32_t *msr_count)
{
    int rc = 0;

    if (leaves.v)
        rc = copy_leaves(c, w, leaves, leaf_count);
    else
        *leaf_count = LEAVES_MAX;
    if (rc != 0)
        return rc;
    if (msrs.v)
        return copy_msrs(c, &w->policy, msrs, msr_count);
    *msr_count = MSRS_MAX;
    return 0;
}

int64_t sysctl_get_cpu_policy(struct ctl *t)
{
    struct xen_sysctl_cpu_policy *a = t->u;
    enum cpuid_kind kind;
    struct work *w;
    int rc = kind_of(a->index, &kind);

    if (rc != 0 || a->_rsvd != 0)
        return rc ? rc : -EINVAL;
    w = heap_new(struct work);
    if (!w)
        return -ENOMEM;
    cpuid_policy_init(&w->policy, kind, host_leaf);
    rc = copy_policy(t->c, w, hc_handle(a->leaves), &a->nr_leaves, hc_handle(a->msrs), &a->nr_msrs);
    heap_free(w);
    return rc;
}

static int featureset_kind(uint32_t index, enum cpuid_kind *kind)
{
    switch (index) {
    case XEN_SYSCTL_cpu_featureset_raw:
    case XEN_SYSCTL_cpu_featureset_host:    *kind = CPUID_HOST; return 0;
    case XEN_SYSCTL_cpu_featureset_hvm:     *kind = CPUID_HVM_DEFAULT; return 0;
    case XEN_SYSCTL_cpu_featureset_hvm_max: *kind = CPUID_HVM_MAX; return 0;
    case XEN_SYSCTL_cpu_featureset_pv:
    case XEN_SYSCTL_cpu_featureset_pv_max:  return -EOPNOTSUPP;
    default:                                return -EINVAL;
    }
}

static int featureset_of(enum cpuid_kind kind, uint32_t words[CPUID_FEATURESET_WORDS])
{
    struct cpuid_policy *p = heap_new(struct cpuid_policy);

    if (!p)
        return -ENOMEM;
    cpuid_policy_init(p, kind, host_leaf);
    cpuid_policy_featureset(p, words);
    heap_free(p);
    return 0;
}

int64_t sysctl_get_cpu_featureset(struct ctl *t)
{
    struct xen_sysctl_cpu_featureset *a = t->u;
    uint32_t words[CPUID_FEATURESET_WORDS] = { 0 }, given = a->nr_features;
    enum cpuid_kind kind;
    int rc;

    if (!hc_handle(a->features).v) {
        a->nr_features = CPUID_FEATURESET_WORDS;
        return 0;
    }
    rc = featureset_kind(a->index, &kind);
    if (rc == 0)
        rc = featureset_of(kind, words);
    if (rc != 0)
        return rc;
    a->nr_features = min_of(given, (uint32_t)CPUID_FEATURESET_WORDS);
    if (hc_write(t->c, hc_handle(a->features), words, a->nr_features * sizeof(words[0])) != 0)
        return -EFAULT;
    return given < CPUID_FEATURESET_WORDS ? -ENOBUFS : 0;
}

void policy_host_words(uint32_t words[8])
{
    uint32_t all[CPUID_FEATURESET_WORDS] = { 0 };

    if (featureset_of(CPUID_HOST, all) == 0)
        memcpy(words, all, 8 * sizeof(words[0]));
}

void policy_set_default(struct domain *d)
{
    cpuid_policy_init(&d->cpuid, CPUID_HVM_DEFAULT, host_leaf);
}

int64_t domctl_get_cpu_policy(struct ctl *t)
{
    struct xen_domctl_cpu_policy *a = t->u;
    struct work *w = heap_new(struct work);
    int rc;

    if (!w)
        return -ENOMEM;
    w->policy = t->d->cpuid;
    rc = copy_policy(t->c, w, hc_handle(a->leaves), &a->nr_leaves, hc_handle(a->msrs), &a->nr_msrs);
    heap_free(w);
    return rc;
}

/* Where a leaf of the toolstack's goes; NULL: not one that a policy has. */
static struct cpuid_leaf *leaf_slot(struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_leaf *array = NULL;
    size_t count = 0;

    switch (leaf) {
    case 4:   array = p->cache;  count = ARRAY_COUNT(p->cache);  break;
    case 7:   array = p->feat;   count = ARRAY_COUNT(p->feat);   break;
    case 0xb: array = p->topo;   count = ARRAY_COUNT(p->topo);   break;
    case 0xd: array = p->xstate; count = ARRAY_COUNT(p->xstate); break;
    default:  break;
    }
    if (array)
        return subleaf < count ? &array[array_index_nospec(subleaf, count)] : NULL;
    if (subleaf != XEN_CPUID_NO_SUBLEAF)
        return NULL;
    if (leaf <= CPUID_BASIC_MAX)
        return &p->basic[array_index_nospec(leaf, CPUID_BASIC_MAX + 1)];
    if (leaf >= 0x80000000U && leaf - 0x80000000U < ARRAY_COUNT(p->ext))
        return &p->ext[array_index_nospec(leaf - 0x80000000U, ARRAY_COUNT(p->ext))];
    return NULL;
}

/* The hypervisor's own leaves are ours; extended ones above what we keep carry nothing that we
 * present. */
static bool leaf_is_ignored(uint32_t leaf)
{
    return (leaf >= 0x40000000U && leaf <= 0x400001ffU) ||
           (leaf > CPUID_EXT_MAX && leaf <= 0x80000021U);
}

static int apply_leaf(struct cpuid_policy *p, const xen_cpuid_leaf_t *in)
{
    struct cpuid_leaf *slot;

    if (leaf_is_ignored(in->leaf))
        return 0;
    slot = leaf_slot(p, in->leaf, in->subleaf);
    if (!slot)
        return -ERANGE;
    *slot = (struct cpuid_leaf){ in->a, in->b, in->c, in->d };
    return 0;
}

static int apply_leaves(struct ctl *t, struct xen_domctl_cpu_policy *a, struct cpuid_policy *p)
{
    for (uint32_t i = 0; i < a->nr_leaves; i++) {
        xen_cpuid_leaf_t in;
        int rc;

        if (hc_read(t->c, &in, gva_at(hc_handle(a->leaves), i, sizeof(in)), sizeof(in)) != 0)
            return -EFAULT;
        rc = apply_leaf(p, &in);
        if (rc != 0) {
            a->err_leaf = in.leaf;
            a->err_subleaf = in.subleaf;
            return hc_refuse(t->c, rc, "set_cpu_policy: leaf", in.leaf);
        }
    }
    return 0;
}

static int apply_msrs(struct ctl *t, struct xen_domctl_cpu_policy *a, struct cpuid_policy *p)
{
    for (uint32_t i = 0; i < a->nr_msrs; i++) {
        xen_msr_entry_t in;

        if (hc_read(t->c, &in, gva_at(hc_handle(a->msrs), i, sizeof(in)), sizeof(in)) != 0)
            return -EFAULT;
        if (in.flags == 0 && in.idx == MSR_PLATFORM_INFO) {
            p->platform_info = in.val;
        } else if (in.flags == 0 && in.idx == MSR_ARCH_CAPS) {
            p->arch_caps = in.val;
        } else {
            a->err_msr = in.idx;
            return hc_refuse(t->c, -ERANGE, "set_cpu_policy: msr", in.idx);
        }
    }
    return 0;
}

/* A guest may be given less than the maximum that we can present, never more. */
static int check_policy(struct hc *c, const struct cpuid_policy *p, struct cpuid_policy *max)
{
    uint32_t want[CPUID_FEATURESET_WORDS] = { 0 }, can[CPUID_FEATURESET_WORDS] = { 0 };

    cpuid_policy_init(max, CPUID_HVM_MAX, host_leaf);
    cpuid_policy_featureset(p, want);
    cpuid_policy_featureset(max, can);
    for (unsigned int i = 0; i < CPUID_FEATURESET_WORDS; i++)
        if (want[i] & ~can[i])
            return hc_invalid(c, "set_cpu_policy: features (word << 32 | bits)",
                              (uint64_t)i << 32 | (want[i] & ~can[i]));
    if (p->basic[0].a > CPUID_BASIC_MAX)
        return hc_invalid(c, "set_cpu_policy: basic leaves", p->basic[0].a);
    return 0;
}

int64_t domctl_set_cpu_policy(struct ctl *t)
{
    struct xen_domctl_cpu_policy *a = t->u;
    struct cpuid_policy *p;
    int rc;

    a->err_leaf = a->err_subleaf = a->err_msr = UINT32_MAX;
    if (a->nr_leaves > LEAVES_MAX || a->nr_msrs > MSRS_MAX)
        return -E2BIG;
    p = heap_new_array(struct cpuid_policy, 2);
    if (!p)
        return -ENOMEM;
    p[0] = t->d->cpuid;
    rc = apply_leaves(t, a, &p[0]);
    if (rc == 0)
        rc = apply_msrs(t, a, &p[0]);
    if (rc == 0)
        rc = check_policy(t->c, &p[0], &p[1]);
    if (rc == 0)
        t->d->cpuid = p[0];
    heap_free(p);
    return rc;
}
