/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/domain.h>

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

unsigned int p2m_block_dirty(struct p2m *p, gfn_t first, bool clean, uint64_t bits[LOGDIRTY_WORDS])
{
    struct slat_entry e;
    unsigned int count = 0;

    memset(bits, 0, LOGDIRTY_WORDS * sizeof(bits[0]));
    spin_lock(&p->lock);
    e = slat_lookup(&p->slat, first);
    if (is_block(&e)) {
        if (e.type == P2M_RAM_RW) {
            memset(bits, 0xff, LOGDIRTY_WORDS * sizeof(bits[0]));
            count = LOGDIRTY_BLOCK;
            /* Without memory for a split it stays dirty, which is on the safe side. */
            if (clean && retype(p, first, PAGE_ORDER_2M, P2M_RAM_RW, P2M_RAM_LOGDIRTY) != 0)
                clean = false;
        }
    } else {
        for (uint64_t i = 0; i < LOGDIRTY_BLOCK; i++) {
            gfn_t g = gfn_add(first, i);

            if (slat_lookup(&p->slat, g).type != P2M_RAM_RW)
                continue;
            bits[i / 64] |= 1UL << (i % 64);
            count++;
            if (clean && retype(p, g, PAGE_ORDER_4K, P2M_RAM_RW, P2M_RAM_LOGDIRTY) != 0)
                clean = false;
        }
    }
    spin_unlock(&p->lock);
    return count;
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
