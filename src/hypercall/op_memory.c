/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op (xen/memory.h): the table, and the ops that only look. */
#include "compat32.h"
#include "op_memory.h"

#include <hypercall/hypercall.h>
#include <lib/string.h>
#include <mm/frames.h>

/* What INT 15h E820 fills in, 20 bytes. */
struct e820_entry { uint64_t start, size; uint32_t type; } packed_struct;
_Static_assert(sizeof(struct e820_entry) == 20, "as the BIOS has it");

static int64_t op_memory_map(struct hc *c, void *arg)
{
    struct xen_memory_map *a = arg;
    struct domain *d = c->d;
    uint32_t n = min_of(a->nr_entries, d->e820_count);

    if (d->e820_count == 0)
        return -ENOSYS;
    for (uint32_t i = 0; i < n; i++) {
        struct e820_entry e = { d->e820[i].start, d->e820[i].size, d->e820[i].type };

        if (hc_write(c, gva_at(hc_handle(a->buffer), i, sizeof(e)), &e, sizeof(e)) != 0)
            return -EFAULT;
    }
    a->nr_entries = n;
    return 0;
}

static int64_t op_machine_memory_map(struct hc *c, void *arg)
{
    struct xen_memory_map *a = arg;
    uint32_t n = min_of(a->nr_entries, hypercall_env.memory_map_count);

    for (uint32_t i = 0; i < n; i++) {
        const struct hypercall_range *r = &hypercall_env.memory_map[i];
        struct e820_entry e = { r->start, r->size, r->type };

        if (hc_write(c, gva_at(hc_handle(a->buffer), i, sizeof(e)), &e, sizeof(e)) != 0)
            return -EFAULT;
    }
    a->nr_entries = n;
    return 0;
}

/* All of it is read before any of it counts. */
static int store_map(struct hc *c, struct domain *d, const struct xen_memory_map *m)
{
    struct e820_entry e;

    if (m->nr_entries > ARRAY_COUNT(d->e820))
        return hc_invalid(c, "set_memory_map: nr_entries", m->nr_entries);
    spin_lock(&d->lock);
    d->e820_count = 0;
    spin_unlock(&d->lock);
    for (uint32_t i = 0; i < m->nr_entries; i++) {
        if (hc_read(c, &e, gva_at(hc_handle(m->buffer), i, sizeof(e)), sizeof(e)) != 0)
            return -EFAULT;
        d->e820[i].start = e.start;
        d->e820[i].size = e.size;
        d->e820[i].type = e.type;
    }
    d->e820_count = m->nr_entries;
    return 0;
}

static int64_t op_set_memory_map(struct hc *c, void *arg)
{
    const struct xen_foreign_memory_map *a = arg;
    struct domain *d;
    int64_t rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    rc = d == c->d ? -EPERM : store_map(c, d, &a->map);
    hc_put(c, d);
    return rc;
}

static int64_t op_maximum_ram_page(struct hc *c unused_arg, void *arg unused_arg)
{
    return (int64_t)frames_max_mfn() - 1;
}

enum figure { FIGURE_NOW, FIGURE_MAX, FIGURE_GPFN };

static int64_t domain_figure(struct hc *c, void *arg, enum figure f)
{
    struct domain *d;
    int64_t rc = hc_target(c, ((const struct xen_memory_domain *)arg)->domid, &d);

    if (rc != 0)
        return rc;
    switch (f) {
    case FIGURE_NOW:  rc = (int64_t)READ_ONCE(d->tot_pages); break;
    case FIGURE_MAX:  rc = (int64_t)READ_ONCE(d->max_pages); break;
    case FIGURE_GPFN: rc = (int64_t)READ_ONCE(d->p2m.max_gfn); break;
    }
    hc_put(c, d);
    return rc;
}

static int64_t op_current_reservation(struct hc *c, void *arg)
{
    return domain_figure(c, arg, FIGURE_NOW);
}
static int64_t op_maximum_reservation(struct hc *c, void *arg)
{
    return domain_figure(c, arg, FIGURE_MAX);
}
static int64_t op_maximum_gpfn(struct hc *c, void *arg)
{
    return domain_figure(c, arg, FIGURE_GPFN);
}

/* Populate on demand is not offered: a target is remembered by the toolstack and the balloon driver
 * alone. */
static int64_t op_pod_target(struct hc *c, void *arg)
{
    struct xen_pod_target *a = arg;
    struct domain *d;
    int64_t rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    a->tot_pages = READ_ONCE(d->tot_pages);
    a->pod_cache_pages = a->pod_entries = 0;
    hc_put(c, d);
    return 0;
}

static int claim(struct domain *d, uint64_t pages)
{
    uint64_t now = READ_ONCE(d->tot_pages);
    int rc;

    if (pages == 0) {
        frames_unclaim(&d->claim);
        return 0;
    }
    if (pages <= now || pages > READ_ONCE(d->max_pages))
        return -EINVAL;
    spin_lock(&d->lock);             /* dying is decided under it, and gives claims up afterwards */
    rc = d->dying ? -EINVAL : frames_claim(&d->claim, pages - now);
    spin_unlock(&d->lock);
    return rc == -EEXIST ? -EINVAL : rc;
}

/* So many pages in all are set aside for the domain until it has them; 0 gives up what is left. */
static int64_t op_claim_pages(struct hc *c, void *arg)
{
    const struct xen_memory_reservation *a = arg;
    struct domain *d;
    int64_t rc;

    if (a->extent_order != 0 || a->mem_flags != 0 || hc_handle(a->extent_start).v != 0)
        return hc_invalid(c, "claim_pages: extent_order", a->extent_order);
    rc = hc_target(c, a->domid, &d);
    if (rc != 0)
        return rc;
    rc = claim(d, a->nr_extents);
    if (rc != 0)
        rc = hc_refuse(c, (int)rc, "claim_pages: nr_extents", a->nr_extents);
    hc_put(c, d);
    return rc;
}

static int64_t op_unsupported(struct hc *c unused_arg, void *arg unused_arg)
{
    return -EOPNOTSUPP;
}

static int64_t op_reserved_device_memory(struct hc *c unused_arg, void *arg)
{
    ((struct xen_reserved_device_memory_map *)arg)->nr_entries = 0;   /* no IOMMU, no such ranges */
    return 0;
}

#define MEM(cmd, fn, type, dir, who, compat) \
    [XENMEM_##cmd] = { fn, sizeof(struct type), dir, who, compat }
#define MEM_BARE(cmd, fn) [XENMEM_##cmd] = { fn, 0, HC_IN, HC_ANY, NULL }
static const struct hc_op memory_ops[] = {
    MEM(decrease_reservation, mem_decrease_reservation, xen_memory_reservation, HC_IN, HC_ANY,
        &compat_reservation),
    MEM_BARE(maximum_ram_page, op_maximum_ram_page),
    MEM(current_reservation, op_current_reservation, xen_memory_domain, HC_IN, HC_ANY, NULL),
    MEM(maximum_reservation, op_maximum_reservation, xen_memory_domain, HC_IN, HC_ANY, NULL),
    MEM(populate_physmap, mem_populate_physmap, xen_memory_reservation, HC_IN, HC_ANY,
        &compat_reservation),
    MEM(add_to_physmap, mem_add_to_physmap, xen_add_to_physmap, HC_INOUT, HC_ANY,
        &compat_add_to_physmap),
    MEM(memory_map, op_memory_map, xen_memory_map, HC_INOUT, HC_ANY, &compat_memory_map),
    MEM(machine_memory_map, op_machine_memory_map, xen_memory_map, HC_INOUT, HC_DOM0,
        &compat_memory_map),
    MEM_BARE(exchange, op_unsupported),
    MEM(set_memory_map, op_set_memory_map, xen_foreign_memory_map, HC_IN, HC_DOM0,
        &compat_foreign_memory_map),
    MEM(maximum_gpfn, op_maximum_gpfn, xen_memory_domain, HC_IN, HC_ANY, NULL),
    MEM(remove_from_physmap, mem_remove_from_physmap, xen_remove_from_physmap, HC_IN, HC_ANY,
        &compat_remove_from_physmap),
    MEM(set_pod_target, op_pod_target, xen_pod_target, HC_INOUT, HC_DOM0 | HC_NO32, NULL),
    MEM(get_pod_target, op_pod_target, xen_pod_target, HC_INOUT, HC_DOM0 | HC_NO32, NULL),
    MEM(add_to_physmap_batch, mem_add_to_physmap_batch, xen_add_to_physmap_batch, HC_IN, HC_ANY,
        &compat_add_batch),
    MEM(claim_pages, op_claim_pages, xen_memory_reservation, HC_IN, HC_DOM0, &compat_reservation),
    MEM_BARE(get_vnumainfo, op_unsupported),
    MEM(reserved_device_memory_map, op_reserved_device_memory, xen_reserved_device_memory_map,
        HC_INOUT, HC_DOM0 | HC_NO32, NULL),
    MEM(acquire_resource, mem_acquire_resource, xen_mem_acquire_resource, HC_INOUT,
        HC_DOM0 | HC_NO32, NULL),
};
const struct hc_table hc_memory_table = HC_TABLE(memory_ops);

int64_t hc_memory_op(struct hc *c)
{
    return hc_op_call(c, &hc_memory_table, c->arg[0] & ((1U << MEM_CMD_BITS) - 1),
                      gva_of(c->arg[1]));
}
