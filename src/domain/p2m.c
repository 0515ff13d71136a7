/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/logdirty.h>
#include <domain/p2m.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <hw/hw.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/smp.h>

#include "copy.h"

#define LOW_MEMORY_GFN 0x100U

static mfn_t table_alloc(void *ctx unused_arg)
{
    return frame_alloc(0, DOMID_XEN, true);
}

static void table_free(void *ctx unused_arg, mfn_t m)
{
    frame_free(m, 0);
}

static uint64_t *table_map(void *ctx unused_arg, mfn_t m)
{
    return frame_map(m);
}

const struct slat_pages p2m_table_pages = { table_alloc, table_free, table_map, NULL };

int p2m_init(struct p2m *p, domid_t owner)
{
    int rc;

    memset(p, 0, sizeof(*p));
    spin_lock_init(&p->lock, LOCK_P2M);
    p->owner = owner;
    rc = slat_init(&p->slat, hw_slat_format(), &p2m_table_pages, hw_features.slat_1g, hw_features.slat_2m,
                   hw_features.slat_ad);
    p->slat.direct_base = DIRECT_MAP_BASE;
    return rc;
}

/* One that never came to be is fine: domain_create() ends half way like this. */
void p2m_fini(struct p2m *p)
{
    if (p->slat.pages)
        slat_destroy(&p->slat);
}

/* Types whose frame is RAM that holds a reference while mapped. */
static bool type_has_frame(enum p2m_type type)
{
    return p2m_type_is_ram(type) || p2m_type_is_grant(type) || type == P2M_FOREIGN || type == P2M_SHARED;
}

static bool is_usable_frame(enum p2m_type type, bool for_write)
{
    return type_has_frame(type) && !(for_write && (type == P2M_RAM_RO || type == P2M_GRANT_RO));
}

static bool get_frame(struct p2m *p, gfn_t g, bool for_write, bool own, mfn_t *mfn)
{
    struct slat_entry e;
    bool got = false;

    spin_lock(&p->lock);
    e = slat_lookup(&p->slat, g);
    if (is_usable_frame(e.type, for_write) && (!own || p2m_type_is_ram(e.type)))
        got = frame_get(e.mfn, own ? p->owner : frame_owner(e.mfn));
    if (got && for_write && e.type == P2M_RAM_LOGDIRTY)
        p2m_mark_dirty_locked(p, g);
    spin_unlock(&p->lock);
    if (got)
        *mfn = e.mfn;
    return got;
}

bool p2m_get_frame(struct p2m *p, gfn_t g, bool for_write, mfn_t *mfn)
{
    return get_frame(p, g, for_write, false, mfn);
}

bool p2m_get_own_frame(struct p2m *p, gfn_t g, bool for_write, mfn_t *mfn)
{
    return get_frame(p, g, for_write, true, mfn);
}

/* Each entry with a frame holds a reference, and the lock keeps the entry. */
bool p2m_copy(struct p2m *p, gpa_t a, void *buf, size_t size, bool write)
{
    struct slat_entry e;
    bool found;
    char *page;

    spin_lock(&p->lock);
    e = slat_lookup(&p->slat, gpa_to_gfn(a));
    found = is_usable_frame(e.type, write);
    if (found) {
        page = frame_map(e.mfn);
        copy_bytes(page + (a.v & ~PAGE_MASK), buf, size, write);
        frame_unmap(page);
        if (write && e.type == P2M_RAM_LOGDIRTY)
            p2m_mark_dirty_locked(p, gpa_to_gfn(a));
    }
    spin_unlock(&p->lock);
    return found;
}

struct slat_entry p2m_lookup(struct p2m *p, gfn_t g)
{
    struct slat_entry e;

    spin_lock(&p->lock);
    e = slat_lookup(&p->slat, g);
    spin_unlock(&p->lock);
    return e;
}

int p2m_set(struct p2m *p, gfn_t g, unsigned int order, mfn_t m, enum p2m_type type,
            struct slat_entry *old)
{
    struct slat_entry e = { .mfn = m, .type = type, .rwx = p2m_type_rwx(type), .memtype = SLAT_WB,
                           .ignore_pat = true, .order = (uint8_t)order }, found;
    int rc = -EBUSY;

    if (type == P2M_MMIO_DIRECT) {
        /* Firmware's low megabyte is memory; device registers must not be cached, whatever dom0's PAT. */
        e.memtype = g.v < LOW_MEMORY_GFN ? SLAT_WB : SLAT_UC;
        e.ignore_pat = false;
    }
    spin_lock(&p->lock);
    found = slat_lookup(&p->slat, g);
    if (!p2m_type_is_grant(found.type))
        rc = slat_map_found(&p->slat, g, order, &e, &found);
    if (rc == 0 && g.v + (1UL << order) - 1 > p->max_gfn && type != P2M_MMIO_DIRECT)
        p->max_gfn = g.v + (1UL << order) - 1;
    spin_unlock(&p->lock);
    if (old)
        *old = found;
    return rc;
}

int p2m_clear(struct p2m *p, gfn_t g, struct slat_entry *old)
{
    int rc;

    spin_lock(&p->lock);
    *old = slat_lookup(&p->slat, g);
    rc = slat_unmap_found(&p->slat, g, 0, old);
    spin_unlock(&p->lock);
    return rc;
}

int p2m_clear_grant(struct p2m *p, gfn_t g, mfn_t m, struct slat_entry *old)
{
    int rc = -ENOENT;

    spin_lock(&p->lock);
    *old = slat_lookup(&p->slat, g);
    if (p2m_type_is_grant(old->type) && old->mfn.v == m.v)
        rc = slat_unmap_found(&p->slat, g, 0, old);
    spin_unlock(&p->lock);
    return rc;
}

void p2m_drop(const struct slat_entry *old)
{
    if (type_has_frame(old->type))
        (void)frame_put(old->mfn);
}

static void flush_here(void *arg)
{
    hw_flush(*(const uint64_t *)arg);
}

void p2m_flush(struct p2m *p)
{
    uint64_t root = hw_slat_pointer(&p->slat);
    uint64_t cpus[MAX_CPUS / 64] = { 0 };

    /* Every CPU that ever ran a vCPU of this domain; one that is in the guest is forced out by the IPI. */
    for (unsigned int i = 0; i < MAX_CPUS / 64; i++)
        cpus[i] = __atomic_load_n(&p->dirty_cpus[i], __ATOMIC_SEQ_CST);
    if (p->owner == 0 || READ_ONCE(p->slat.retired_count) == 0) {
        smp_call(cpus, flush_here, &root);
        return;
    }
    /* Tables that changes have unlinked: nobody walks them any more, for guests' maps are looked up under the lock. (dom0's are
     * not, guest_access.c.) */
    spin_lock(&p->lock);
    smp_call(cpus, flush_here, &root);
    slat_reclaim(&p->slat);
    spin_unlock(&p->lock);
}
