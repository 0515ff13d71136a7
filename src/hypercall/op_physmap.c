/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op: add_to_physmap and its kin, foreign mappings, resources (xen/memory.h). */
#include "op_memory.h"
#include "physmap.h"

#include <lib/string.h>
#include <mm/frames.h>
#include <trace/trace.h>

/* Whoever had it before may have cleared it (hvmloader does), and the next one divides by what its clock says. */
static void renew_times(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_update_time(d->vcpu[i]);
    domain_update_wallclock(d);
}

/* shared_info has one place: it moves. */
static int add_shared_info(struct physmap_batch *b, gfn_t to)
{
    struct domain *d = b->d;
    gfn_t before;
    int rc;

    if (!mfn_is_valid(d->shared_info_mfn) || !frame_get(d->shared_info_mfn, DOMID_XEN))
        return -EINVAL;
    rc = physmap_put(b, to, d->shared_info_mfn, P2M_SHARED);
    if (rc != 0) {
        (void)frame_put(d->shared_info_mfn);
        return rc;
    }
    spin_lock(&d->lock);
    before = d->shared_info_gfn;
    d->shared_info_gfn = to;
    spin_unlock(&d->lock);
    renew_times(d);
    if (gfn_is_valid(before) && before.v != to.v &&
        p2m_lookup(&d->p2m, before).mfn.v == d->shared_info_mfn.v)
        return physmap_take(b, before);
    return 0;
}

static int add_grant_frame(struct physmap_batch *b, uint64_t index, gfn_t to)
{
    mfn_t m;
    int rc;

    if (index & XENMAPIDX_grant_table_status)
        return -EINVAL;   /* version 2 only */
    rc = grant_table_frame(b->d, index, &m);
    if (rc != 0)
        return rc;
    rc = physmap_put(b, to, m, P2M_SHARED);
    if (rc != 0)
        (void)frame_put(m);
    return rc;
}

static int add_one(struct physmap_batch *b, uint32_t space, uint64_t index, gfn_t to)
{
    switch (space) {
    case XENMAPSPACE_shared_info:
        return index == 0 ? add_shared_info(b, to) : -EINVAL;
    case XENMAPSPACE_grant_table:
        return add_grant_frame(b, index, to);
    case XENMAPSPACE_gmfn:
    case XENMAPSPACE_gmfn_range:
        return physmap_move(b, gfn_of(index), to);
    default:
        return -ENOSYS;
    }
}

static bool gfn_fits(uint64_t g)
{
    return g < GFN_LIMIT;
}

int64_t mem_add_to_physmap(struct hc *c, void *arg)
{
    struct xen_add_to_physmap *a = arg;
    uint16_t left = a->space == XENMAPSPACE_gmfn_range ? a->size : 1;
    struct physmap_batch b;
    struct domain *d;
    int64_t rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    b = physmap_begin(d);
    while (rc == 0 && left > 0) {
        if (!gfn_fits(a->gpfn)) {
            rc = hc_invalid(c, "add_to_physmap: gpfn", a->gpfn);
            break;
        }
        rc = add_one(&b, a->space, a->idx, gfn_of(a->gpfn));
        left--;
        if (rc != 0 || a->space != XENMAPSPACE_gmfn_range)
            break;
        a->idx++;
        a->gpfn++;
        a->size = left;
        if (left > 0 && hc_preempt())
            rc = -ERESTART;   /* the caller's copy of the argument carries the progress */
    }
    physmap_end(&b);
    hc_put(c, d);
    return rc;
}

/* Batches. */

struct batch {
    struct hc *c;
    struct domain *d, *from;   /* from NULL: the hypervisor's own pages that are meant to be seen, the trace rings */
    struct xen_add_to_physmap_batch *a;
    struct physmap_batch b;
};

static int batch_one(struct batch *t, uint64_t index, gfn_t to)
{
    mfn_t m;
    int rc;

    if (!gfn_fits(to.v))
        return -EINVAL;
    if (t->a->space != XENMAPSPACE_gmfn_foreign)
        return add_one(&t->b, t->a->space, index, to);
    m = mfn_of(index);
    if (t->from ? !physmap_foreign_frame(t->from, gfn_of(index), &m) : !trace_get_frame(m))
        return -EINVAL;
    rc = physmap_put(&t->b, to, m, P2M_FOREIGN);
    if (rc != 0)
        (void)frame_put(m);
    return rc;
}

static int batch_element(struct batch *t, uint64_t i)
{
    uint64_t index, gpfn;
    int rc;

    if (hc_read_ulong(t->c, hc_handle(t->a->idxs), i, &index) != 0 ||
        hc_read_ulong(t->c, hc_handle(t->a->gpfns), i, &gpfn) != 0 ||
        guest_check_write(t->c->v, gva_at(hc_handle(t->a->errs), i, sizeof(rc)), sizeof(rc)) != 0)
        return -EFAULT;
    rc = batch_one(t, index, gfn_of(gpfn));
    return hc_write(t->c, gva_at(hc_handle(t->a->errs), i, sizeof(rc)), &rc, sizeof(rc));
}

static int64_t batch_run(struct batch *t)
{
    uint64_t i = mem_progress(t->c);
    int64_t rc = 0;

    t->b = physmap_begin(t->d);
    for (; rc == 0 && i < t->a->size; i++) {
        rc = batch_element(t, i);
        if (rc == 0 && i + 1 < t->a->size && hc_preempt())
            rc = mem_restart(t->c, i + 1);
    }
    physmap_end(&t->b);
    return rc;
}

/* Whose pages shall be seen: never one's own, and only by the privileged domain. */
static int foreign_source(struct batch *t)
{
    domid_t id = t->a->u.foreign_domid;

    if (!t->c->d->is_dom0)
        return -EPERM;
    if (id == DOMID_XEN)
        return 0;
    if (id == DOMID_SELF || id == t->d->id)
        return hc_invalid(t->c, "add_to_physmap_batch: foreign_domid", id);
    t->from = hc_any_domain(t->c, id);
    if (!t->from)
        return -ESRCH;
    return t->from->dead || t->from->dying ? -EINVAL : 0;
}

int64_t mem_add_to_physmap_batch(struct hc *c, void *arg)
{
    struct batch t = { .c = c, .a = arg };
    int64_t rc;

    if (t.a->space == XENMAPSPACE_gmfn_range || t.a->space == XENMAPSPACE_dev_mmio ||
        t.a->space > XENMAPSPACE_dev_mmio)
        return hc_invalid(c, "add_to_physmap_batch: space", t.a->space);
    rc = hc_target(c, t.a->domid, &t.d);
    if (rc != 0)
        return rc;
    if (t.a->space == XENMAPSPACE_gmfn_foreign)
        rc = foreign_source(&t);
    if (rc == 0)
        rc = batch_run(&t);
    hc_put(c, t.from);
    hc_put(c, t.d);
    return rc;
}

int64_t mem_remove_from_physmap(struct hc *c, void *arg)
{
    const struct xen_remove_from_physmap *a = arg;
    struct physmap_batch b;
    struct domain *d;
    enum p2m_type type;
    int64_t rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    type = p2m_lookup(&d->p2m, gfn_of(a->gpfn)).type;
    b = physmap_begin(d);
    if (!gfn_fits(a->gpfn) || type == P2M_HOLE || type == P2M_MMIO_DIRECT || type == P2M_MMIO_DM)
        rc = -ENOENT;
    else if (p2m_type_is_grant(type))
        rc = -EBUSY;
    else
        rc = physmap_take(&b, gfn_of(a->gpfn));
    physmap_end(&b);
    if (rc == 0)
        domain_ioreq_stale(d);
    hc_put(c, d);
    return rc;
}

#define IOREQ_RESOURCE_FRAMES 2U   /* the ring of buffered writes, the page of requests */

/* Resources: pages of a domain that have no gfn, mapped at the caller's gfns as foreign pages. */

static int resource_frame(struct domain *d, const struct xen_mem_acquire_resource *a,
                          uint64_t frame, mfn_t *m)
{
    switch (a->type) {
    case XENMEM_resource_grant_table:
        if (a->id != XENMEM_resource_grant_table_id_shared)
            return -EINVAL;
        return grant_table_frame(d, frame, m);
    case XENMEM_resource_ioreq_server:
        return domain_ioreq_frame(d, (ioservid_t)a->id, frame, m);
    default:
        return -EOPNOTSUPP;
    }
}

static int64_t map_resource(struct hc *c, struct domain *d,
                            const struct xen_mem_acquire_resource *a)
{
    struct physmap_batch b = physmap_begin(c->d);
    uint64_t i = mem_progress(c);
    int64_t rc = 0;

    for (; rc == 0 && i < a->nr_frames; i++) {
        uint64_t gfn;
        mfn_t m;

        if (hc_read_ulong(c, hc_handle(a->frame_list), i, &gfn) != 0)
            rc = -EFAULT;
        else if (!gfn_fits(gfn))
            rc = -EINVAL;
        else
            rc = resource_frame(d, a, a->frame + i, &m);
        if (rc != 0)
            break;
        rc = physmap_put(&b, gfn_of(gfn), m, P2M_FOREIGN);
        if (rc != 0)
            (void)frame_put(m);
        else if (i + 1 < a->nr_frames && hc_preempt())
            rc = mem_restart(c, i + 1);
    }
    physmap_end(&b);
    /* Some are mapped: the caller has to take all away again. */
    return rc != 0 && rc != -ERESTART && i > 0 ? -EIO : rc;
}

static int64_t resource_size(struct domain *d, struct xen_mem_acquire_resource *a)
{
    if (a->type == XENMEM_resource_ioreq_server) {
        a->nr_frames = IOREQ_RESOURCE_FRAMES;
        return 0;
    }
    if (a->type != XENMEM_resource_grant_table)
        return -EOPNOTSUPP;
    if (a->id != XENMEM_resource_grant_table_id_shared)
        return -EINVAL;
    a->nr_frames = d->grants.max_frames;
    return 0;
}

int64_t mem_acquire_resource(struct hc *c, void *arg)
{
    struct xen_mem_acquire_resource *a = arg;
    struct domain *d;
    int64_t rc;

    if (a->pad != 0 || a->frame > UINT32_MAX)
        return hc_invalid(c, "acquire_resource: frame", a->frame);
    if (!c->d->is_dom0)
        return -EPERM;
    rc = hc_target(c, a->domid, &d);
    if (rc != 0)
        return rc;
    if (!hc_handle(a->frame_list).v)
        rc = a->nr_frames ? -EINVAL : resource_size(d, a);
    else
        rc = map_resource(c, d, a);
    hc_put(c, d);
    return rc;
}
