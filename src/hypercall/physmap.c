/* SPDX-License-Identifier: BSD-2-Clause */
#include "physmap.h"

#include <hv/errno.h>
#include <mm/frames.h>

void physmap_end(struct physmap_batch *b)
{
    if (b->count == 0)
        return;
    p2m_flush(&b->d->p2m);
    for (unsigned int i = 0; i < b->count; i++)
        p2m_drop(&b->old[i]);
    b->count = 0;
}

bool physmap_room(struct domain *d, uint64_t pages)
{
    uint64_t now = READ_ONCE(d->tot_pages);

    do {
        if (now + pages > READ_ONCE(d->max_pages))
            return false;
    } while (!__atomic_compare_exchange_n(&d->tot_pages, &now, now + pages, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return true;
}

void physmap_count(struct domain *d, int64_t pages)
{
    __atomic_fetch_add(&d->tot_pages, (uint64_t)pages, __ATOMIC_SEQ_CST);
}

/* Nothing was mapped: no CPU can have it cached, nothing to let go. Device memory has no
 * references. */
static void retire(struct physmap_batch *b, const struct slat_entry *old)
{
    if (old->type == P2M_HOLE)
        return;
    if (p2m_type_is_ram(old->type))
        physmap_count(b->d, -1);
    b->old[b->count++] = *old;
    if (b->count == PHYSMAP_BATCH)
        physmap_end(b);
}

int physmap_put(struct physmap_batch *b, gfn_t g, mfn_t m, enum p2m_type type)
{
    struct slat_entry old;
    int rc = p2m_set(&b->d->p2m, g, 0, m, type, &old);

    if (rc == 0)
        retire(b, &old);
    return rc;
}

/* P2M lock held: a look and a store that nobody comes between. */
static int map_new(struct domain *d, gfn_t g, unsigned int order, mfn_t m)
{
    struct slat_entry e = { .mfn = m,
                           .type = P2M_RAM_RW,
                           .rwx = p2m_type_rwx(P2M_RAM_RW),
                           .memtype = SLAT_WB,
                           .ignore_pat = true,
                           .order = (uint8_t)order };
    int rc = slat_map(&d->p2m.slat, g, order, &e);

    if (rc == 0)
        d->p2m.max_gfn = max_of(d->p2m.max_gfn, g.v + BIT(order) - 1);
    return rc;
}

/* Nothing in all of the range, be it one entry or a table of empty ones. */
static bool is_hole(struct domain *d, gfn_t g, unsigned int order)
{
    for (uint64_t i = 0; i < BIT(order);) {
        struct slat_entry now = slat_lookup(&d->p2m.slat, gfn_add(g, i));

        if (now.type != P2M_HOLE)
            return false;
        i += BIT(now.order);
    }
    return true;
}

/* Pages that came meanwhile would be lost below a large one. CPUs that know of a table that it replaces forget it. */
int physmap_put_new(struct domain *d, gfn_t g, unsigned int order, mfn_t m)
{
    int rc = -EEXIST;
    uint64_t before;

    spin_lock(&d->p2m.lock);
    before = d->p2m.slat.generation;
    if (is_hole(d, g, order))
        rc = map_new(d, g, order, m);
    before -= d->p2m.slat.generation;
    spin_unlock(&d->p2m.lock);
    if (before != 0)
        p2m_flush(&d->p2m);
    return rc;
}

/* The frame is claimed and mapped under the lock: two vCPUs that ask for it get it once. */
int physmap_put_back(struct domain *d, gfn_t g)
{
    mfn_t m = mfn_of(g.v);
    int rc = -EEXIST;

    spin_lock(&d->p2m.lock);
    if (is_hole(d, g, PAGE_ORDER_4K)) {
        rc = -ENOENT;
        if (frame_reclaim_identity(m, d->id)) {
            rc = map_new(d, g, PAGE_ORDER_4K, m);
            if (rc != 0)
                (void)frame_put(m);
        }
    }
    spin_unlock(&d->p2m.lock);
    return rc;
}

int physmap_take(struct physmap_batch *b, gfn_t g)
{
    struct slat_entry old;
    int rc = p2m_clear(&b->d->p2m, g, &old);

    if (rc == 0)
        retire(b, &old);
    return rc;
}

int physmap_take_grant(struct physmap_batch *b, gfn_t g, mfn_t m)
{
    struct slat_entry old;
    int rc = p2m_clear_grant(&b->d->p2m, g, m, &old);

    if (rc == 0)
        retire(b, &old);
    return rc;
}

/* A page of its own RAM once more, wherever it is already. */
static int put_again(struct physmap_batch *b, gfn_t g, mfn_t m)
{
    int rc;

    if (!frame_get(m, b->d->id))
        return -EINVAL;
    physmap_count(b->d, 1);
    rc = physmap_put(b, g, m, P2M_RAM_RW);
    if (rc != 0) {
        physmap_count(b->d, -1);
        (void)frame_put(m);
    }
    return rc;
}

/* The page moves: it is put in its new place first and taken from the old one second, which needs no memory where it is a
 * small one. */
int physmap_move(struct physmap_batch *b, gfn_t from, gfn_t to)
{
    struct domain *d = b->d;
    struct slat_entry e = p2m_lookup(&d->p2m, from);
    int rc = 0;

    if (!p2m_type_is_ram(e.type))
        return -EINVAL;
    if (from.v == to.v)
        return 0;
    if (e.order > 0)
        rc = put_again(b, from, e.mfn);
    if (rc == 0)
        rc = put_again(b, to, e.mfn);
    return rc != 0 ? rc : physmap_take(b, from);
}

void *physmap_own_page(struct domain *d, gfn_t g, mfn_t *m)
{
    void *page = domain_map_page(d, g, m);

    if (!page || frame_owner(*m) == d->id)
        return page;
    domain_unmap_page(page, *m);
    return NULL;
}

bool physmap_foreign_frame(struct domain *from, gfn_t g, mfn_t *m)
{
    enum p2m_type type = p2m_lookup(&from->p2m, g).type;

    if (!p2m_type_is_ram(type) && type != P2M_SHARED)
        return false;
    if (!p2m_get_frame(&from->p2m, g, false, m))
        return false;
    /* It may have been replaced meanwhile by a page that is not its own to show. */
    if (frame_owner(*m) == from->id || frame_owner(*m) == DOMID_XEN)
        return true;
    (void)frame_put(*m);
    return false;
}
