/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domctl shadow_op: the log of written pages (domain/logdirty.h), for saving a domain while it runs. Each op goes block
 * by block and keeps its place in the domain when it has to make way; until it ends, nobody else's is taken (-EBUSY).
 */
#include "ctl.h"

#include <domain/logdirty.h>

#define BITMAP_PAGES_MAX (1ULL << 40)   /* more than any domain has */

/* Is this the call that made way, issued again? Otherwise it begins, if nothing else is under way. */
static int begin(struct ctl *t, const struct xen_domctl_shadow_op *a)
{
    struct logdirty *l = &t->d->logdirty;

    if (!l->caller) {
        l->caller = t->c->v;
        l->op = a->op;
        l->cursor = 0;
        return 0;
    }
    return l->caller == t->c->v && l->op == a->op ? 0 : -EBUSY;
}

static int64_t end(struct ctl *t, int64_t rc)
{
    if (rc != -ERESTART)
        t->d->logdirty.caller = NULL;
    return rc;
}

/* All RAM becomes clean and write-protected (on), or plain again. */
static int64_t protect_all(struct ctl *t, bool on)
{
    struct p2m *p = &t->d->p2m;
    struct logdirty *l = &t->d->logdirty;
    int64_t rc = 0;

    for (;;) {
        l->cursor = p2m_next_used(p, l->cursor) & ~(uint64_t)(LOGDIRTY_BLOCK - 1);
        if (l->cursor > p->max_gfn)
            break;
        rc = p2m_block_protect(p, gfn_of(l->cursor), on);
        if (rc != 0)
            break;
        l->cursor += LOGDIRTY_BLOCK;
        if (hc_preempt()) {
            rc = -ERESTART;
            break;
        }
    }
    if (on)
        p2m_flush(p);
    return rc;
}

static int64_t turn_off(struct ctl *t)
{
    int64_t rc = protect_all(t, false);

    if (rc == 0)
        t->d->logdirty.mode = LOGDIRTY_OFF;
    return rc;
}

static int64_t turn_on(struct ctl *t)
{
    struct logdirty *l = &t->d->logdirty;
    int64_t rc;

    domain_begin_logdirty(t->d);
    rc = protect_all(t, true);
    l->dirty = l->faults = 0;
    return rc;
}

/* The bits of one block, of which the caller wants the first `count`. */
static int write_block(struct ctl *t, gva_t bitmap, uint64_t first, uint64_t count, bool clean)
{
    uint64_t bits[LOGDIRTY_WORDS], bytes = (count + 7) / 8;
    gva_t at = gva_of(bitmap.v + first / 8);

    if (bitmap.v && guest_check_write(t->c->v, at, bytes) != 0)
        return -EFAULT;
    t->d->logdirty.dirty += p2m_block_dirty(&t->d->p2m, gfn_of(first), clean, bits);
    return bitmap.v ? hc_write(t->c, at, bits, bytes) : 0;
}

/* Holes have no bits set: only the caller's bytes are to be cleared, a page's worth at a time. */
static int clear_hole(struct ctl *t, gva_t bitmap, uint64_t first, uint64_t *count)
{
    if (!bitmap.v)
        return 0;
    *count = min_of(*count, PAGE_SIZE * 8);
    return guest_clear(t->c->v, gva_of(bitmap.v + first / 8), (*count + 7) / 8);
}

static int64_t read_log(struct ctl *t, struct xen_domctl_shadow_op *a, bool clean)
{
    struct p2m *p = &t->d->p2m;
    struct logdirty *l = &t->d->logdirty;
    gva_t bitmap = hc_handle(a->dirty_bitmap);
    int64_t rc = 0;

    if (l->cursor == 0)
        l->dirty = 0;
    while (rc == 0 && l->cursor < a->pages) {
        uint64_t count = a->pages - l->cursor, next = p2m_next_used(p, l->cursor);

        next &= ~(uint64_t)(LOGDIRTY_BLOCK - 1);
        if (next > l->cursor) {
            count = min_of(count, next - l->cursor);
            rc = clear_hole(t, bitmap, l->cursor, &count);
        } else {
            count = min_of(count, LOGDIRTY_BLOCK);
            rc = write_block(t, bitmap, l->cursor, count, clean);
        }
        if (rc == 0)
            l->cursor += count;
        if (rc == 0 && l->cursor < a->pages && hc_preempt())
            rc = -ERESTART;
    }
    if (clean)
        p2m_flush(p);
    return rc;
}

static int64_t op_log(struct ctl *t, struct xen_domctl_shadow_op *a)
{
    struct logdirty *l = &t->d->logdirty;
    bool clean = a->op == XEN_DOMCTL_SHADOW_OP_CLEAN;
    int64_t rc;

    if (a->mode & ~(uint32_t)XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL)
        return hc_invalid(t->c, "shadow_op: mode", a->mode);
    if (l->mode != LOGDIRTY_ON)
        return hc_invalid(t->c, "shadow_op: log-dirty is off: op", a->op);
    if (a->pages > BITMAP_PAGES_MAX)
        return hc_invalid(t->c, "shadow_op: pages", a->pages);
    rc = begin(t, a);
    if (rc != 0)
        return rc;
    rc = end(t, read_log(t, a, clean));
    if (rc != 0)
        return rc;
    a->stats.fault_count = (uint32_t)min_of(__atomic_load_n(&l->faults, __ATOMIC_RELAXED), (uint64_t)UINT32_MAX);
    a->stats.dirty_count = (uint32_t)min_of(l->dirty, (uint64_t)UINT32_MAX);
    if (clean)
        __atomic_store_n(&l->faults, 0, __ATOMIC_RELAXED);
    return 0;
}

static int64_t op_switch(struct ctl *t, const struct xen_domctl_shadow_op *a, int64_t (*fn)(struct ctl *t))
{
    int64_t rc = begin(t, a);

    return rc != 0 ? rc : end(t, fn(t));
}

int64_t domctl_shadow_op(struct ctl *t)
{
    struct xen_domctl_shadow_op *a = t->u;

    switch (a->op) {
    case XEN_DOMCTL_SHADOW_OP_OFF:
        return t->d->logdirty.mode == LOGDIRTY_OFF ? 0 : op_switch(t, a, turn_off);
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        if (t->d->logdirty.mode == LOGDIRTY_ON && !t->d->logdirty.caller)
            return hc_invalid(t->c, "shadow_op: log-dirty is on: op", a->op);
        return op_switch(t, a, turn_on);
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        return op_log(t, a);
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        a->mb = (uint32_t)((t->d->paging_mempool + (1UL << 20) - 1) >> 20);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
        t->d->paging_mempool = (uint64_t)a->mb << 20;
        return 0;
    default:
        return hc_refuse(t->c, -EOPNOTSUPP, "shadow_op: op", a->op);
    }
}
