/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The toolstack's form of a policy: a list of leaves in ascending order, with the sub-leaf only
 * where the leaf has any. It must be the canonical list: the tools serialise again into a buffer of
 * the size that we reported.
 */
#include <hvm/cpuid_policy.h>

#include <hv/compiler.h>
#include <hv/errno.h>

struct list {
    xen_cpuid_leaf_t *out;
    uint32_t room, used;
};

static void put(struct list *l, uint32_t leaf, uint32_t subleaf, struct cpuid_leaf v)
{
    if (l->used < l->room)
        l->out[l->used] = (xen_cpuid_leaf_t){
            .leaf = leaf, .subleaf = subleaf, .a = v.a, .b = v.b, .c = v.c, .d = v.d
        };
    l->used++;
}

/* Cache and topology lists end with the first entry of type 0, inclusive. */
static void put_cache(struct list *l, const struct cpuid_policy *p)
{
    for (uint32_t i = 0; i < CPUID_CACHE_LEAVES; i++) {
        put(l, 4, i, p->cache[i]);
        if ((p->cache[i].a & 0x1fU) == 0)
            break;
    }
}

static void put_topology(struct list *l, const struct cpuid_policy *p)
{
    for (uint32_t i = 0; i < CPUID_TOPO_LEAVES; i++) {
        put(l, 0xb, i, p->topo[i]);
        if ((p->topo[i].c & 0xff00U) == 0)
            break;
    }
}

/* Components up to the highest one, the absent ones between as zeros: so the tools (4.17) do it. */
static void put_xstate(struct list *l, const struct cpuid_policy *p)
{
    uint64_t components = (p->xstate[0].a | (uint64_t)p->xstate[0].d << 32) |
                          (p->xstate[1].c | (uint64_t)p->xstate[1].d << 32);

    put(l, 0xd, 0, p->xstate[0]);
    put(l, 0xd, 1, p->xstate[1]);
    for (uint32_t i = 2; i < CPUID_XSTATE_LEAVES && components >> i != 0; i++)
        put(l, 0xd, i, p->xstate[i]);
}

static void put_basic(struct list *l, const struct cpuid_policy *p)
{
    for (uint32_t leaf = 0; leaf <= min_of(p->basic[0].a, CPUID_BASIC_MAX); leaf++) {
        switch (leaf) {
        case 0x4:
            put_cache(l, p);
            break;
        case 0x7:
            for (uint32_t i = 0; i <= min_of(p->feat[0].a, CPUID_FEAT_LEAVES - 1U); i++)
                put(l, 7, i, p->feat[i]);
            break;
        case 0xb:
            put_topology(l, p);
            break;
        case 0xd:
            put_xstate(l, p);
            break;
        default:
            put(l, leaf, XEN_CPUID_NO_SUBLEAF, p->basic[leaf]);
            break;
        }
    }
}

static void put_all(struct list *l, const struct cpuid_policy *p)
{
    const struct cpuid_leaf none = { 0, 0, 0, 0 };
    uint32_t ext_max = min_of(p->ext[0].a & 0xffffU, CPUID_EXT_LEAVES - 1U);

    put_basic(l, p);
    /* Limits of the hypervisor leaves: unrestricted. */
    put(l, 0x40000000U, XEN_CPUID_NO_SUBLEAF, none);
    put(l, 0x40000100U, XEN_CPUID_NO_SUBLEAF, none);
    for (uint32_t i = 0; i <= ext_max; i++)
        put(l, 0x80000000U + i, XEN_CPUID_NO_SUBLEAF, p->ext[i]);
}

unsigned int cpuid_policy_count(const struct cpuid_policy *p)
{
    struct list l = { 0 };

    put_all(&l, p);
    return l.used;
}

int cpuid_policy_serialise(const struct cpuid_policy *p, xen_cpuid_leaf_t *out, uint32_t *count)
{
    struct list l = { .out = out, .room = *count };

    if (cpuid_policy_count(p) > *count)
        return -ENOBUFS;
    put_all(&l, p);
    *count = l.used;
    return 0;
}
