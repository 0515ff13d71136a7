/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/p2m.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <vmx/vmx.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/smp.h>

#define LOW_MEMORY_GFN 0x100U

/* The port through which src/ept gets its table pages. */
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

static const struct ept_pages p2m_pages = { table_alloc, table_free, table_map, NULL };

int p2m_init(struct p2m *p, domid_t owner)
{
    int rc;

    memset(p, 0, sizeof(*p));
    spin_lock_init(&p->lock, LOCK_P2M);
    p->owner = owner;
    rc = ept_init(&p->ept, &p2m_pages, vmx_features.ept_1g, vmx_features.ept_2m, vmx_features.ept_ad);
    p->ept.direct_base = DIRECT_MAP_BASE;
    return rc;
}

/* One that never came to be is fine: domain_create() ends half way like this. */
void p2m_fini(struct p2m *p)
{
    if (p->ept.pages)
        ept_destroy(&p->ept);
}

/* Types whose frame is RAM that holds a reference while mapped. */
static bool type_has_frame(enum p2m_type type)
{
    return type == P2M_RAM_RW || type == P2M_RAM_RO || type == P2M_RAM_LOGDIRTY ||
           type == P2M_FOREIGN || type == P2M_GRANT_RW || type == P2M_GRANT_RO ||
           type == P2M_SHARED;
}

bool p2m_get_frame(struct p2m *p, gfn_t g, bool for_write, mfn_t *mfn)
{
    struct ept_entry e;
    bool got = false;

    spin_lock(&p->lock);
    e = ept_lookup(&p->ept, g);
    if (type_has_frame(e.type) &&
        !(for_write && (e.type == P2M_RAM_RO || e.type == P2M_GRANT_RO)))
        got = frame_get(e.mfn, frame_owner(e.mfn));
    spin_unlock(&p->lock);
    if (got)
        *mfn = e.mfn;
    return got;
}

struct ept_entry p2m_lookup(struct p2m *p, gfn_t g)
{
    struct ept_entry e;

    spin_lock(&p->lock);
    e = ept_lookup(&p->ept, g);
    spin_unlock(&p->lock);
    return e;
}

int p2m_set(struct p2m *p, gfn_t g, unsigned int order, mfn_t m, enum p2m_type type,
            struct ept_entry *old)
{
    struct ept_entry e = { .mfn = m, .type = type, .rwx = p2m_type_rwx(type), .memtype = EPT_WB,
                           .ignore_pat = true, .order = (uint8_t)order };
    int rc;

    if (type == P2M_MMIO_DIRECT) {
        /* Firmware's low megabyte is memory; device registers must not be cached, whatever dom0's PAT. */
        e.memtype = g.v < LOW_MEMORY_GFN ? EPT_WB : EPT_UC;
        e.ignore_pat = false;
    }
    spin_lock(&p->lock);
    if (old)
        *old = ept_lookup(&p->ept, g);
    rc = ept_map(&p->ept, g, order, &e);
    if (rc == 0 && g.v + (1UL << order) - 1 > p->max_gfn && type != P2M_MMIO_DIRECT)
        p->max_gfn = g.v + (1UL << order) - 1;
    spin_unlock(&p->lock);
    return rc;
}

int p2m_clear(struct p2m *p, gfn_t g, struct ept_entry *old)
{
    int rc;

    spin_lock(&p->lock);
    *old = ept_lookup(&p->ept, g);
    rc = ept_unmap(&p->ept, g, 0);
    spin_unlock(&p->lock);
    return rc;
}

void p2m_drop(const struct ept_entry *old)
{
    if (type_has_frame(old->type))
        (void)frame_put(old->mfn);
}

static void flush_here(void *arg)
{
    vmx_invept(*(const uint64_t *)arg);
}

void p2m_flush(struct p2m *p)
{
    uint64_t eptp = ept_pointer(&p->ept);
    uint64_t cpus[MAX_CPUS / 64] = { 0 };

    /* Every CPU that ever ran a vCPU of this domain; one that is in the guest is forced out by the IPI. */
    for (unsigned int i = 0; i < MAX_CPUS / 64; i++)
        cpus[i] = __atomic_load_n(&p->dirty_cpus[i], __ATOMIC_SEQ_CST);
    smp_call(cpus, flush_here, &eptp);
}
