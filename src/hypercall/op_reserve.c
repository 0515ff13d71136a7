/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_op: a domain's RAM grows and shrinks. dom0's RAM is what it was booted with, each page at
 * its own machine address, because devices reach it by that address: giving a page up hides it,
 * asking for it again brings the same one back, and there is no other.
 */
#include "op_memory.h"
#include "physmap.h"

#include <mm/frames.h>

static bool put_page(struct physmap_batch *b, gfn_t g)
{
    struct domain *d = b->d;
    mfn_t m;

    if (d->is_dom0)
        return physmap_put_back(d, g) == 0;
    m = frame_alloc_claimed(0, d->id, &d->claim);
    if (!mfn_is_valid(m))
        return false;
    if (physmap_put(b, g, m, P2M_RAM_RW) == 0)
        return true;
    (void)frame_put(m);
    return false;
}

/* A large page in one piece, if nothing is there yet. */
static bool put_large(struct domain *d, gfn_t g, unsigned int order)
{
    mfn_t m = frame_alloc_claimed(order, d->id, &d->claim);

    if (!mfn_is_valid(m))
        return false;
    if (physmap_put_new(d, g, order, m) == 0)
        return true;
    for (uint64_t i = 0; i < BIT(order); i++)
        (void)frame_put(mfn_add(m, i));
    return false;
}

/* The room is taken first: two vCPUs that ask for a domain's last page do not both get one. */
static bool populate_page(struct physmap_batch *b, gfn_t g)
{
    if (!physmap_room(b->d, 1))
        return false;
    if (put_page(b, g))
        return true;
    physmap_count(b->d, -1);
    return false;
}

static bool populate_large(struct physmap_batch *b, gfn_t g, unsigned int order)
{
    struct domain *d = b->d;

    if (order != PAGE_ORDER_2M || d->is_dom0 || !IS_ALIGNED(g.v, BIT(order)) || !physmap_room(d, BIT(order)))
        return false;
    if (put_large(d, g, order))
        return true;
    physmap_count(d, -(int64_t)BIT(order));
    return false;
}

/* false: the extent could not be had; what it got is taken away again. */
static bool populate_extent(struct physmap_batch *b, gfn_t g, unsigned int order)
{
    uint64_t done;

    if (populate_large(b, g, order))
        return true;
    for (done = 0; done < BIT(order); done++)
        if (!populate_page(b, gfn_add(g, done)))
            break;
    if (done == BIT(order))
        return true;
    while (done-- > 0)
        if (physmap_take(b, gfn_add(g, done)) != 0)
            break;
    return false;
}

static bool release_extent(struct physmap_batch *b, gfn_t g, unsigned int order)
{
    for (uint64_t i = 0; i < BIT(order); i++) {
        gfn_t page = gfn_add(g, i);

        if (!p2m_type_is_ram(p2m_lookup(&b->d->p2m, page).type) || physmap_take(b, page) != 0)
            return false;
    }
    return true;
}

typedef bool (*extent_fn)(struct physmap_batch *b, gfn_t g, unsigned int order);

/* Returns how many extents are done in all; fewer than asked for is not an error. */
static int64_t each_extent(struct hc *c, struct domain *d, const struct xen_memory_reservation *a,
                           extent_fn fn)
{
    struct physmap_batch b = physmap_begin(d);
    uint64_t i = mem_progress(c);
    int64_t rc = 0;

    while (i < a->nr_extents) {
        uint64_t gfn;

        if (hc_read_ulong(c, hc_handle(a->extent_start), i, &gfn) != 0 ||
            gfn >= GFN_LIMIT || !fn(&b, gfn_of(gfn), a->extent_order))
            break;
        i++;
        if (i < a->nr_extents && hc_preempt()) {
            rc = mem_restart(c, i);
            break;
        }
    }
    physmap_end(&b);
    return rc != 0 ? rc : (int64_t)i;
}

static int64_t reserve(struct hc *c, const struct xen_memory_reservation *a, extent_fn fn)
{
    struct domain *d;
    int64_t rc;

    if (a->nr_extents > UINT64_MAX >> MEM_CMD_BITS)
        return 0;
    /* A gigabyte at once is more work than one step should be: callers try smaller extents next. */
    if (a->extent_order > PAGE_ORDER_2M)
        return (int64_t)mem_progress(c);
    if (a->mem_flags & XENMEMF_populate_on_demand)
        return hc_refuse(c, 0, "populate_physmap: populate on demand is not offered: flags",
                         a->mem_flags);
    rc = hc_target(c, a->domid, &d);
    if (rc != 0)
        return rc;
    rc = d->dying || d->dead ? 0 : each_extent(c, d, a, fn);
    if (fn == release_extent)
        domain_ioreq_stale(d);
    hc_put(c, d);
    return rc;
}

int64_t mem_populate_physmap(struct hc *c, void *arg)
{
    return reserve(c, arg, populate_extent);
}

int64_t mem_decrease_reservation(struct hc *c, void *arg)
{
    return reserve(c, arg, release_extent);
}
