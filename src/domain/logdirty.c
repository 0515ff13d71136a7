/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/domain.h>

#include <hv/errno.h>
#include <lib/string.h>

static bool is_block(const struct slat_entry *e)
{
    return e->order >= PAGE_ORDER_2M;
}

/* P2M lock held: [g, g + 2^order) changes between clean and dirty. */
static int retype(struct p2m *p, gfn_t g, unsigned int order, enum p2m_type from, enum p2m_type to)
{
    if (slat_lookup(&p->slat, g).type != from)
        return 0;
    return slat_set_type(&p->slat, g, order, to, p2m_type_rwx(to));
}

int p2m_block_protect(struct p2m *p, gfn_t first, bool on)
{
    enum p2m_type from = on ? P2M_RAM_RW : P2M_RAM_LOGDIRTY, to = on ? P2M_RAM_LOGDIRTY : P2M_RAM_RW;
    struct slat_entry e;
    int rc = 0;

    spin_lock(&p->lock);
    e = slat_lookup(&p->slat, first);
    if (is_block(&e))
        rc = retype(p, first, PAGE_ORDER_2M, from, to);
    for (uint64_t i = 0; rc == 0 && !is_block(&e) && i < LOGDIRTY_BLOCK; i++)
        rc = retype(p, gfn_add(first, i), PAGE_ORDER_4K, from, to);
    spin_unlock(&p->lock);
    return rc;
}

/* P2M lock held, as below. Pages that cannot be made clean for want of memory for a split stay dirty, which is on the safe side. */
static unsigned int take_dirty(struct p2m *p, gfn_t first, unsigned int count, bool clean, uint64_t *bits)
{
    unsigned int dirty = 0;

    for (uint64_t i = 0; i < count; i++) {
        gfn_t g = gfn_add(first, i);

        if (slat_lookup(&p->slat, g).type != P2M_RAM_RW)
            continue;
        bits[i / 64] |= 1UL << (i % 64);
        dirty++;
        if (clean && retype(p, g, PAGE_ORDER_4K, P2M_RAM_RW, P2M_RAM_LOGDIRTY) != 0)
            clean = false;
    }
    return dirty;
}

/* P2M lock held: a large page that is dirty as a whole need not be split. */
static unsigned int take_dirty_block(struct p2m *p, gfn_t first, bool clean, uint64_t bits[LOGDIRTY_WORDS])
{
    struct slat_entry e = slat_lookup(&p->slat, first);

    if (!is_block(&e))
        return take_dirty(p, first, LOGDIRTY_BLOCK, clean, bits);
    if (e.type != P2M_RAM_RW)
        return 0;
    memset(bits, 0xff, LOGDIRTY_WORDS * sizeof(bits[0]));
    if (clean)
        (void)retype(p, first, PAGE_ORDER_2M, P2M_RAM_RW, P2M_RAM_LOGDIRTY);
    return LOGDIRTY_BLOCK;
}

unsigned int p2m_block_dirty(struct p2m *p, gfn_t first, bool clean, uint64_t bits[LOGDIRTY_WORDS])
{
    unsigned int count;

    memset(bits, 0, LOGDIRTY_WORDS * sizeof(bits[0]));
    spin_lock(&p->lock);
    count = take_dirty_block(p, first, clean, bits);
    spin_unlock(&p->lock);
    return count;
}

void domain_begin_logdirty(struct domain *d)
{
    spin_lock(&d->p2m.lock);
    d->logdirty.mode = LOGDIRTY_ON;
    d->logdirty.vram_count = 0;
    spin_unlock(&d->p2m.lock);
}

bool domain_watch_vram(struct domain *d, gfn_t first, uint32_t count)
{
    struct logdirty *l = &d->logdirty;
    bool same;

    spin_lock(&d->p2m.lock);
    same = l->vram_first == first.v && l->vram_count == count;
    l->vram_first = first.v;
    l->vram_count = count;
    spin_unlock(&d->p2m.lock);
    return same;
}

int domain_vram_dirty(struct domain *d, gfn_t first, unsigned int count, uint64_t bits[LOGDIRTY_WORDS])
{
    struct p2m *p = &d->p2m;
    int rc = 0;

    memset(bits, 0, LOGDIRTY_WORDS * sizeof(bits[0]));
    spin_lock(&p->lock);
    if (d->logdirty.mode != LOGDIRTY_OFF)
        rc = -ENODATA;
    else if (count == LOGDIRTY_BLOCK && !(first.v % LOGDIRTY_BLOCK))
        (void)take_dirty_block(p, first, true, bits);
    else
        (void)take_dirty(p, first, count, true, bits);
    spin_unlock(&p->lock);
    return rc;
}

uint64_t p2m_next_used(struct p2m *p, uint64_t g)
{
    struct slat_entry e;

    spin_lock(&p->lock);
    e = g <= p->max_gfn ? slat_lookup(&p->slat, gfn_of(g)) : (struct slat_entry){ .type = P2M_HOLE };
    spin_unlock(&p->lock);
    if (g > p->max_gfn)
        return UINT64_MAX;
    return e.type == P2M_HOLE && e.order > 0 ? (g | ((1UL << e.order) - 1)) + 1 : g;
}

/* Only ever allows more: no CPU has to forget anything. */
void p2m_mark_dirty_locked(struct p2m *p, gfn_t g)
{
    struct slat_entry e = slat_lookup(&p->slat, g);
    uint8_t rwx = p2m_type_rwx(P2M_RAM_RW);
    gfn_t block = gfn_of(g.v & ~((1UL << e.order) - 1));

    if (e.type != P2M_RAM_LOGDIRTY || slat_set_type(&p->slat, g, PAGE_ORDER_4K, P2M_RAM_RW, rwx) == 0)
        return;
    /* No memory for small pages: all of the large one counts as written. That needs none. */
    if (slat_set_type(&p->slat, block, e.order, P2M_RAM_RW, rwx) != 0)
        return;
}

void p2m_mark_dirty(struct p2m *p, gfn_t g)
{
    spin_lock(&p->lock);
    p2m_mark_dirty_locked(p, g);
    spin_unlock(&p->lock);
}

bool p2m_dirty_fault(struct p2m *p, gfn_t g)
{
    enum p2m_type type;

    spin_lock(&p->lock);
    p2m_mark_dirty_locked(p, g);
    /* RAM_RW now, or made so by another vCPU while this one was on its way. */
    type = slat_lookup(&p->slat, g).type;
    spin_unlock(&p->lock);
    return type == P2M_RAM_RW;
}

void domain_grant_written(struct domain *granter, uint32_t ref)
{
    gfn_t g;

    if (granter->logdirty.mode == LOGDIRTY_ON && gnttab_pinned_frame(&granter->grants, ref, &g))
        p2m_mark_dirty(&granter->p2m, g);
}
