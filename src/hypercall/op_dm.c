/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dm_op (xen/hvm/dm_op.h): what a device model asks for its domain. The first buffer is the operation, a header and a
 * union; a row says how much of it is read and whether it is written back. A long operation leaves its progress in
 * the operation itself and is issued again. Only dom0 may, and never on itself.
 */
#include "op_memory.h"
#include "physmap.h"

#include <lib/log.h>
#include <lib/string.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/sched.h>

#define MAX_BUFFERS 3U
#define VRAM_PAGES_MAX 0x4000U              /* 64 MiB */
#define HEADER offsetof(struct xen_dm_op, u)

struct dm {
    struct hc *c;
    struct domain *d;
    struct xen_dm_op op;                   /* our copy */
    uint32_t buffers;
    struct xen_dm_op_buf buf[MAX_BUFFERS];
};

struct dm_row { int64_t (*fn)(struct dm *m); uint16_t size; uint8_t dir; };

/* ---- servers ---- */

static int64_t dm_create(struct dm *m)
{
    struct xen_dm_op_create_ioreq_server *a = &m->op.u.create_ioreq_server;

    if (a->pad[0] || a->pad[1] || a->pad[2])
        return -EINVAL;
    return domain_ioreq_create(m->d, m->c->d->id, a->handle_bufioreq, &a->id);
}

/* The pages are had as a resource; they never stand in the guest's own map. */
static int64_t dm_info(struct dm *m)
{
    struct xen_dm_op_get_ioreq_server_info *a = &m->op.u.get_ioreq_server_info;

    if (a->flags & ~XEN_DMOP_no_gfns)
        return -EINVAL;
    if (!(a->flags & XEN_DMOP_no_gfns))
        return hc_refuse(m->c, -EOPNOTSUPP, "get_ioreq_server_info: flags", a->flags);
    return domain_ioreq_ring_port(m->d, a->id, &a->bufioreq_port);
}

static int64_t change_range(struct dm *m, const struct xen_dm_op_ioreq_server_range *a, bool add)
{
    if (a->pad)
        return -EINVAL;
    return domain_ioreq_range(m->d, a->id, a->type, a->start, a->end, add);
}

static int64_t dm_map_range(struct dm *m) { return change_range(m, &m->op.u.map_io_range_to_ioreq_server, true); }
static int64_t dm_unmap_range(struct dm *m)
{
    return change_range(m, &m->op.u.unmap_io_range_from_ioreq_server, false);
}

static int64_t dm_set_state(struct dm *m)
{
    const struct xen_dm_op_set_ioreq_server_state *a = &m->op.u.set_ioreq_server_state;

    return a->pad ? -EINVAL : domain_ioreq_enable(m->d, a->id, a->enabled);
}

static int64_t dm_destroy(struct dm *m)
{
    const struct xen_dm_op_destroy_ioreq_server *a = &m->op.u.destroy_ioreq_server;

    return a->pad ? -EINVAL : domain_ioreq_destroy(m->d, a->id);
}

/* ---- interrupts ---- */

static int64_t dm_pci_intx(struct dm *m)
{
    const struct xen_dm_op_set_pci_intx_level *a = &m->op.u.set_pci_intx_level;

    if (a->domain || a->bus || a->device > 31 || a->intx > 3 || a->level > 1)
        return -EINVAL;
    domain_set_intx(m->d, a->device, a->intx, a->level);
    return 0;
}

static int64_t dm_isa_irq(struct dm *m)
{
    const struct xen_dm_op_set_isa_irq_level *a = &m->op.u.set_isa_irq_level;

    if (a->isa_irq > 15 || a->level > 1)
        return -EINVAL;
    domain_set_isa(m->d, a->isa_irq, a->level);
    return 0;
}

static int64_t dm_link_route(struct dm *m)
{
    const struct xen_dm_op_set_pci_link_route *a = &m->op.u.set_pci_link_route;

    if (a->link > 3 || a->isa_irq > 15)
        return -EINVAL;
    domain_set_link_route(m->d, a->link, a->isa_irq);
    return 0;
}

static int64_t dm_inject_msi(struct dm *m)
{
    const struct xen_dm_op_inject_msi *a = &m->op.u.inject_msi;

    if (a->pad)
        return hc_invalid(m->c, "inject_msi: pad", a->pad);
    return domain_send_msi(m->d, a->addr, a->data) == 0 ? 0 : hc_invalid(m->c, "inject_msi: addr", a->addr);
}

/* ---- memory ---- */

static bool gfns_fit(uint64_t first, uint64_t count)
{
    return first < GFN_LIMIT && count <= GFN_LIMIT - first;
}

/* The bits of the screen's pages from `done` on, one step's worth. A new screen has all of them set. */
static int64_t tell_vram(struct dm *m, uint32_t done, uint32_t count, bool known)
{
    gfn_t first = gfn_of(m->op.u.track_dirty_vram.first_pfn + done);
    uint64_t bits[LOGDIRTY_WORDS];
    int rc = domain_vram_dirty(m->d, first, count, bits);

    if (!known)
        memset(bits, 0xff, sizeof(bits));
    if (rc == 0 && hc_write(m->c, gva_of(hc_handle(m->buf[1].h).v + done / 8), bits, (count + 7) / 8) != 0)
        rc = -EFAULT;
    return rc;
}

/* -ENODATA has the device model draw everything: while the domain's memory is logged, and of more screen than one call may take. */
static int64_t dm_track_vram(struct dm *m)
{
    const struct xen_dm_op_track_dirty_vram *a = &m->op.u.track_dirty_vram;
    int64_t rc = 0;
    bool known;

    if (a->pad || !gfns_fit(a->first_pfn, a->nr))
        return hc_invalid(m->c, "track_dirty_vram: first_pfn", a->first_pfn);
    if (a->nr > VRAM_PAGES_MAX)
        return -ENODATA;
    if (a->nr > 0 && (m->buffers < 2 || m->buf[1].size < (a->nr + 7) / 8))
        return hc_invalid(m->c, "track_dirty_vram: nr", a->nr);
    known = domain_watch_vram(m->d, gfn_of(a->first_pfn), a->nr);
    for (uint32_t done = 0; rc == 0 && done < a->nr; done += LOGDIRTY_BLOCK)
        rc = tell_vram(m, done, min_of(a->nr - done, LOGDIRTY_BLOCK), known);
    if (a->nr > 0)
        p2m_flush(&m->d->p2m);
    if (rc != 0)
        (void)domain_watch_vram(m->d, gfn_of(0), 0);   /* what was not told is not forgotten */
    return rc;
}

/* One extent, from where it made way; what is left of it is written back when it does so again. */
static int64_t mark_extent(struct dm *m, gva_t at)
{
    struct xen_dm_op_modified_memory_extent e;
    struct p2m *p = &m->d->p2m;

    if (hc_read(m->c, &e, at, sizeof(e)) != 0)
        return -EFAULT;
    if (e.pad || !gfns_fit(e.first_pfn, e.nr))
        return -EINVAL;
    while (e.nr > 0) {
        uint64_t hole = p2m_next_used(p, e.first_pfn) - e.first_pfn, step = hole ? min_of(hole, (uint64_t)e.nr) : 1;

        if (!hole)
            p2m_mark_dirty(p, gfn_of(e.first_pfn));
        e.first_pfn += step;
        e.nr -= (uint32_t)step;
        if (e.nr > 0 && hc_preempt())
            return hc_write(m->c, at, &e, sizeof(e)) != 0 ? -EFAULT : -ERESTART;
    }
    return 0;
}

/* What a device model has written to a domain's memory; `opaque` is how many extents are done. */
static int64_t dm_modified_memory(struct dm *m)
{
    struct xen_dm_op_modified_memory *a = &m->op.u.modified_memory;
    const size_t size = sizeof(struct xen_dm_op_modified_memory_extent);
    int64_t rc = 0;

    if (m->buffers < 2 || a->opaque > a->nr_extents || m->buf[1].size / size < a->nr_extents)
        return hc_invalid(m->c, "modified_memory: nr_extents", a->nr_extents);
    if (m->d->logdirty.mode != LOGDIRTY_ON)
        return 0;                     /* nobody wants to know */
    while (rc == 0 && a->opaque < a->nr_extents) {
        rc = mark_extent(m, gva_at(hc_handle(m->buf[1].h), a->opaque, size));
        if (rc == 0)
            a->opaque++;
        if (rc == 0 && a->opaque < a->nr_extents && hc_preempt())
            rc = -ERESTART;
    }
    if (rc == 0)
        a->opaque = 0;
    return rc;
}

static int set_ram_type(struct domain *d, gfn_t g, enum p2m_type type)
{
    int rc = -EINVAL;

    spin_lock(&d->p2m.lock);
    if (p2m_type_is_ram(slat_lookup(&d->p2m.slat, g).type))
        rc = slat_set_type(&d->p2m.slat, g, PAGE_ORDER_4K, type, p2m_type_rwx(type));
    spin_unlock(&d->p2m.lock);
    return rc;
}

static int64_t dm_mem_type(struct dm *m)
{
    struct xen_dm_op_set_mem_type *a = &m->op.u.set_mem_type;
    enum p2m_type type = a->mem_type == HVMMEM_ram_ro ? P2M_RAM_RO : P2M_RAM_RW;
    int64_t rc = 0;

    if (a->pad || !gfns_fit(a->first_pfn, a->nr) ||
        (a->mem_type != HVMMEM_ram_ro && a->mem_type != HVMMEM_ram_rw))
        return -EINVAL;
    while (rc == 0 && a->nr > 0) {
        rc = set_ram_type(m->d, gfn_of(a->first_pfn), type);
        a->first_pfn++;
        a->nr--;
        if (rc == 0 && a->nr > 0 && hc_preempt())
            rc = -ERESTART;
    }
    p2m_flush(&m->d->p2m);
    return rc;
}

static int64_t dm_relocate(struct dm *m)
{
    struct xen_dm_op_relocate_memory *a = &m->op.u.relocate_memory;
    struct physmap_batch b = physmap_begin(m->d);
    int64_t rc = 0;

    if (a->pad || !gfns_fit(a->src_gfn, a->size) || !gfns_fit(a->dst_gfn, a->size))
        return -EINVAL;
    while (rc == 0 && a->size > 0) {
        uint32_t i = a->size - 1;          /* from the end: the ranges may overlap no more than a device's do */

        rc = physmap_move(&b, gfn_of(a->src_gfn + i), gfn_of(a->dst_gfn + i));
        a->size = i;
        if (rc == 0 && i > 0 && hc_preempt())
            rc = -ERESTART;
    }
    physmap_end(&b);
    domain_ioreq_stale(m->d);
    return rc;
}

/* All memory of guests is write-back whatever is asked for. */
static int64_t dm_pin_cacheattr(struct dm *m)
{
    const struct xen_dm_op_pin_memory_cacheattr *a = &m->op.u.pin_memory_cacheattr;

    return a->pad || a->end < a->start ? -EINVAL : 0;
}

/* ---- the rest ---- */

static int64_t dm_remote_shutdown(struct dm *m)
{
    domain_shutdown(m->d, m->op.u.remote_shutdown.reason);
    return 0;
}

static int64_t dm_nr_vcpus(struct dm *m)
{
    m->op.u.nr_vcpus.vcpus = m->d->max_vcpus;
    return 0;
}

static int64_t dm_unsupported(struct dm *m)
{
    return hc_refuse(m->c, -EOPNOTSUPP, "dm_op: op", m->op.op);
}

#define DM(op, fn, member, dir) [XEN_DMOP_##op] = { fn, sizeof(((struct xen_dm_op *)0)->u.member), dir }
static const struct dm_row dm_rows[] = {
    DM(create_ioreq_server, dm_create, create_ioreq_server, HC_INOUT),
    DM(get_ioreq_server_info, dm_info, get_ioreq_server_info, HC_INOUT),
    DM(map_io_range_to_ioreq_server, dm_map_range, map_io_range_to_ioreq_server, HC_IN),
    DM(unmap_io_range_from_ioreq_server, dm_unmap_range, unmap_io_range_from_ioreq_server, HC_IN),
    DM(set_ioreq_server_state, dm_set_state, set_ioreq_server_state, HC_IN),
    DM(destroy_ioreq_server, dm_destroy, destroy_ioreq_server, HC_IN),
    DM(track_dirty_vram, dm_track_vram, track_dirty_vram, HC_IN),
    DM(set_pci_intx_level, dm_pci_intx, set_pci_intx_level, HC_IN),
    DM(set_isa_irq_level, dm_isa_irq, set_isa_irq_level, HC_IN),
    DM(set_pci_link_route, dm_link_route, set_pci_link_route, HC_IN),
    DM(modified_memory, dm_modified_memory, modified_memory, HC_INOUT),
    DM(set_mem_type, dm_mem_type, set_mem_type, HC_INOUT),
    DM(inject_event, dm_unsupported, inject_event, HC_IN),
    DM(inject_msi, dm_inject_msi, inject_msi, HC_IN),
    DM(map_mem_type_to_ioreq_server, dm_unsupported, map_mem_type_to_ioreq_server, HC_IN),
    DM(remote_shutdown, dm_remote_shutdown, remote_shutdown, HC_IN),
    DM(relocate_memory, dm_relocate, relocate_memory, HC_INOUT),
    DM(pin_memory_cacheattr, dm_pin_cacheattr, pin_memory_cacheattr, HC_IN),
    DM(set_irq_level, dm_unsupported, set_irq_level, HC_IN),
    DM(nr_vcpus, dm_nr_vcpus, nr_vcpus, HC_INOUT),
};

/* The buffers' descriptions, and of the first one header and argument. */
static int64_t fetch(struct dm *m, const struct dm_row **row)
{
    gva_t at = gva_of(m->c->arg[2]);

    if (m->buffers > MAX_BUFFERS || m->buffers == 0)
        return m->buffers ? -E2BIG : -EFAULT;
    if (hc_read(m->c, m->buf, at, m->buffers * sizeof(m->buf[0])) != 0 || m->buf[0].size < HEADER ||
        hc_read(m->c, &m->op, hc_handle(m->buf[0].h), HEADER) != 0)
        return -EFAULT;
    if (m->op.op >= ARRAY_COUNT(dm_rows))
        return -EOPNOTSUPP;
    *row = &dm_rows[array_index_nospec(m->op.op, ARRAY_COUNT(dm_rows))];
    if (!(*row)->fn)
        return -EOPNOTSUPP;
    if (m->op.pad)
        return -EINVAL;
    if (m->buf[0].size < HEADER + (size_t)(*row)->size ||
        hc_read(m->c, &m->op.u, gva_of(hc_handle(m->buf[0].h).v + HEADER), (*row)->size) != 0 ||
        ((*row)->dir == HC_INOUT &&
         guest_check_write(m->c->v, hc_handle(m->buf[0].h), HEADER + (size_t)(*row)->size) != 0))
        return -EFAULT;
    return 0;
}

static int64_t run(struct dm *m)
{
    const struct dm_row *row;
    int64_t rc = fetch(m, &row);

    if (rc != 0)
        return rc;
    rc = row->fn(m);
    if (row->dir == HC_INOUT && (rc == 0 || rc == -ERESTART) &&
        hc_write(m->c, hc_handle(m->buf[0].h), &m->op, HEADER + (size_t)row->size) != 0)
        return -EFAULT;
    return rc;
}

int64_t hc_dm_op(struct hc *c)
{
    struct dm m = { .c = c, .buffers = (uint32_t)c->arg[1] };
    domid_t id = (domid_t)c->arg[0];
    int64_t rc;

    if (!c->d->is_dom0 || id == DOMID_SELF || id == c->d->id)
        return -EPERM;
    m.d = domain_get(id);
    if (!m.d)
        return -ESRCH;
    rc = m.d->dying ? -EINVAL : run(&m);
    if (rc == -EINVAL && !c->told && !m.d->dying)
        rc = hc_invalid(c, "dm_op: op", m.op.op);
    hc_put(c, m.d);
    return rc;
}
