/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grant_table_op (xen/grant_table.h): an array of requests per call, each with its own status.
 * Entries, pins and handles are pvhvm/gnttab.h; here are the frames, the map and the order: a page
 * is let go of, and its granter told, only after the CPUs have forgotten the mapping.
 */
#include "compat32.h"
#include "physmap.h"

#include <lib/string.h>
#include <mm/frames.h>
#include <x86/paging.h>
#include <xen/grant_table.h>

#define RELEASES 16U

/* Work of unmaps that waits for the flush. */
struct release { struct domain *granter; uint32_t ref, flags; };
struct gnt_batch { struct physmap_batch map; unsigned int count; struct release rel[RELEASES]; };

/* flags: GNTMAP_* of the mapping that goes: a host and a device mapping are two pins. */
static void release_pins(struct domain *granter, uint32_t ref, uint32_t flags)
{
    uint32_t ro = flags & GNTMAP_readonly ? GNTTAB_READ_ONLY : 0;

    if (!ro)
        domain_grant_written(granter, ref);
    if (flags & GNTMAP_host_map)
        gnttab_release(&granter->grants, ref, ro);
    if (flags & GNTMAP_device_map)
        gnttab_release(&granter->grants, ref, ro | GNTTAB_DEVICE);
}

static void batch_end(struct hc *c, struct gnt_batch *b)
{
    physmap_end(&b->map);
    for (unsigned int i = 0; i < b->count; i++) {
        struct release *r = &b->rel[i];

        spin_lock(&r->granter->grant_lock);
        release_pins(r->granter, r->ref, r->flags);
        spin_unlock(&r->granter->grant_lock);
        hc_put(c, r->granter);
    }
    b->count = 0;
}

/* The table's own frames. */

int grant_table_grow_to(struct domain *d, uint32_t frames)
{
    while (READ_ONCE(d->grants.frame_count) < frames) {
        mfn_t m = frame_alloc(0, DOMID_XEN, true);
        void *page;
        int rc = 0;

        if (!mfn_is_valid(m))
            return -ENOMEM;
        page = frame_map(m);
        spin_lock(&d->grant_lock);
        /* Somebody else may have been faster. */
        if (d->grants.frame_count < frames)
            rc = gnttab_grow(&d->grants, page);
        else
            rc = -EAGAIN;
        spin_unlock(&d->grant_lock);
        if (rc == 0)
            continue;
        frame_unmap(page);
        (void)frame_put(m);
        if (rc != -EAGAIN)
            return rc;
    }
    return 0;
}

int grant_table_frame(struct domain *d, uint64_t i, mfn_t *m)
{
    int rc;

    if (i >= d->grants.max_frames)
        return -EINVAL;
    rc = grant_table_grow_to(d, (uint32_t)i + 1);
    if (rc != 0)
        return rc;
    i = array_index_nospec(i, d->grants.max_frames);
    *m = hpa_to_mfn(virt_to_phys_direct(d->grants.frame[i]));
    return frame_get(*m, DOMID_XEN) ? 0 : -EBUSY;
}

/* Mapping. */

struct mapping { struct domain *granter; uint32_t ro; gfn_t gfn; mfn_t mfn; };

static int16_t pin(struct mapping *m, const struct gnttab_map_grant_ref *a, domid_t who)
{
    struct gnttab *g = &m->granter->grants;
    int16_t status = GNTST_okay;

    if (a->flags & GNTMAP_host_map)
        status = gnttab_acquire(g, a->ref, who, m->ro, &m->gfn);
    if (status != GNTST_okay || !(a->flags & GNTMAP_device_map))
        return status;
    status = gnttab_acquire(g, a->ref, who, m->ro | GNTTAB_DEVICE, &m->gfn);
    if (status != GNTST_okay && (a->flags & GNTMAP_host_map))
        gnttab_release(g, a->ref, m->ro);
    return status;
}

static int16_t install(struct hc *c, struct gnt_batch *b, const struct mapping *m,
                       struct gnttab_map_grant_ref *a)
{
    enum p2m_type type = m->ro ? P2M_GRANT_RO : P2M_GRANT_RW;
    int64_t handle =
        gnttab_track(&c->d->grants, m->granter->id, a->ref, a->flags, a->host_addr, m->mfn.v);

    if (handle < 0)
        return (int16_t)handle;
    if (!(a->flags & GNTMAP_host_map)) {
        (void)frame_put(m->mfn); /* a device mapping needs no entry: without an IOMMU the address is
                                    the frame's */
    } else if (physmap_put(&b->map, gpa_to_gfn(gpa_of(a->host_addr)), m->mfn, type) != 0) {
        gnttab_untrack(&c->d->grants, (uint32_t)handle);
        return GNTST_general_error;
    }
    a->handle = (grant_handle_t)handle;
    a->dev_bus_addr = m->mfn.v << PAGE_SHIFT;
    return GNTST_okay;
}

static int16_t map_locked(struct hc *c, struct gnt_batch *b, struct mapping *m,
                          struct gnttab_map_grant_ref *a)
{
    int16_t status = pin(m, a, c->d->id);

    if (status != GNTST_okay)
        return status;
    /* The granter's own RAM alone may be granted, not what it has of others itself. */
    if (!p2m_get_own_frame(&m->granter->p2m, m->gfn, !m->ro, &m->mfn)) {
        status = GNTST_bad_page;
    } else {
        status = install(c, b, m, a);
        if (status != GNTST_okay)
            (void)frame_put(m->mfn);
    }
    if (status != GNTST_okay)
        release_pins(m->granter, a->ref, a->flags);
    return status;
}

static int16_t op_map(struct hc *c, void *arg, struct gnt_batch *b)
{
    struct gnttab_map_grant_ref *a = arg;
    struct mapping m = { .ro = a->flags & GNTMAP_readonly ? GNTTAB_READ_ONLY : 0 };
    int16_t status;

    if (!(a->flags & (GNTMAP_host_map | GNTMAP_device_map)) || (a->flags & GNTMAP_contains_pte))
        return GNTST_bad_gntref;
    if (a->host_addr >> 48 || (a->host_addr & ~PAGE_MASK))
        return GNTST_bad_virt_addr;
    m.granter = hc_any_domain(c, a->dom);
    if (!m.granter)
        return GNTST_bad_domain;
    spin_lock_pair(&c->d->grant_lock, &m.granter->grant_lock);
    status = map_locked(c, b, &m, a);
    spin_unlock_pair(&c->d->grant_lock, &m.granter->grant_lock);
    hc_put(c, m.granter);
    return status;
}

/* Unmapping. */

/* Takes the handle away; afterwards nobody else can unmap it. */
static int16_t take_handle(struct hc *c, const struct gnttab_unmap_grant_ref *a,
                           struct gnttab_map *out)
{
    int16_t status = GNTST_okay;
    const struct gnttab_map *m;

    spin_lock(&c->d->grant_lock);
    m = gnttab_tracked(&c->d->grants, a->handle);
    if (!m) {
        status = GNTST_bad_handle;
    } else if ((m->flags & GNTMAP_host_map) && a->host_addr != m->host_addr) {
        status = GNTST_bad_virt_addr;
    } else {
        *out = *m;
        gnttab_untrack(&c->d->grants, a->handle);
    }
    spin_unlock(&c->d->grant_lock);
    return status;
}

static int16_t op_unmap(struct hc *c, void *arg, struct gnt_batch *b)
{
    const struct gnttab_unmap_grant_ref *a = arg;
    struct domain *granter;
    struct gnttab_map m;
    int16_t status = take_handle(c, a, &m);

    if (status != GNTST_okay)
        return status;
    if (m.flags & GNTMAP_host_map) {
        int rc = physmap_take_grant(&b->map, gpa_to_gfn(gpa_of(m.host_addr)), mfn_of(m.mfn));

        if (rc != 0 && rc != -ENOENT)
            status = GNTST_general_error;
    }
    /* A granter that is gone has no entry left to be told about. */
    granter = hc_any_domain(c, m.dom);
    if (granter)
        b->rel[b->count++] = (struct release){ granter, m.ref, m.flags };
    return status;
}

/* Copying. */

struct side { struct domain *d; uint32_t ref, flags; bool pinned; mfn_t mfn; char *page; };

static int16_t side_open(struct hc *c, const struct gnttab_copy_ptr *p, bool by_ref, bool write,
                         struct side *s)
{
    gfn_t gfn = gfn_of(p->u.gmfn);
    int16_t status;

    *s = (struct side){ .ref = p->u.ref, .flags = GNTTAB_COPY | (write ? 0 : GNTTAB_READ_ONLY) };
    s->d = hc_any_domain(c, p->domid);
    if (!s->d)
        return GNTST_bad_domain;
    if (by_ref) {
        spin_lock(&s->d->grant_lock);
        status = gnttab_acquire(&s->d->grants, s->ref, c->d->id, s->flags, &gfn);
        spin_unlock(&s->d->grant_lock);
        if (status != GNTST_okay)
            return status;
        s->pinned = true;
    }
    if (by_ref ? !p2m_get_own_frame(&s->d->p2m, gfn, write, &s->mfn)
               : !p2m_get_frame(&s->d->p2m, gfn, write, &s->mfn))
        return GNTST_bad_page;
    s->page = frame_map(s->mfn);
    return GNTST_okay;
}

static void side_close(struct hc *c, struct side *s)
{
    if (s->page) {
        frame_unmap(s->page);
        (void)frame_put(s->mfn);
    }
    if (s->pinned) {
        spin_lock(&s->d->grant_lock);
        gnttab_release(&s->d->grants, s->ref, s->flags);
        spin_unlock(&s->d->grant_lock);
    }
    hc_put(c, s->d);
}

static int16_t op_copy(struct hc *c, void *arg, struct gnt_batch *b unused_arg)
{
    const struct gnttab_copy *a = arg;
    struct side from = { 0 }, to = { 0 };
    int16_t status = gnttab_copy_check(a);

    if (status != GNTST_okay)
        return status;
    status = side_open(c, &a->source, a->flags & GNTCOPY_source_gref, false, &from);
    if (status == GNTST_okay)
        status = side_open(c, &a->dest, a->flags & GNTCOPY_dest_gref, true, &to);
    if (status == GNTST_okay)
        memmove(to.page + a->dest.offset, from.page + a->source.offset, a->len);
    side_close(c, &to);
    side_close(c, &from);
    return status;
}

/* Tables and versions. */

static int16_t status_of_target(int rc)
{
    return rc == -EPERM ? GNTST_permission_denied : GNTST_bad_domain;
}

static int16_t fill_frame_list(struct hc *c, const struct gnttab_setup_table *a)
{
    /* Where a translated guest has its frames mapped is its own affair (add_to_physmap). */
    for (uint32_t i = 0; i < a->nr_frames; i++)
        if (hc_write_ulong(c, hc_handle(a->frame_list), i, UINT64_MAX) != 0)
            return GNTST_general_error;
    return GNTST_okay;
}

static int16_t op_setup_table(struct hc *c, void *arg, struct gnt_batch *b unused_arg)
{
    const struct gnttab_setup_table *a = arg;
    struct domain *d;
    int16_t status = GNTST_general_error;
    int rc = hc_target(c, a->dom, &d);

    if (rc != 0)
        return status_of_target(rc);
    if (a->nr_frames <= d->grants.max_frames && grant_table_grow_to(d, a->nr_frames) == 0)
        status = fill_frame_list(c, a);
    hc_put(c, d);
    return status;
}

static int16_t op_query_size(struct hc *c, void *arg, struct gnt_batch *b unused_arg)
{
    struct gnttab_query_size *a = arg;
    struct domain *d;
    int rc = hc_target(c, a->dom, &d);

    if (rc != 0)
        return status_of_target(rc);
    a->nr_frames = READ_ONCE(d->grants.frame_count);
    a->max_nr_frames = d->grants.max_frames;
    hc_put(c, d);
    return GNTST_okay;
}

static int16_t op_swap(struct hc *c, void *arg, struct gnt_batch *b unused_arg)
{
    const struct gnttab_swap_grant_ref *a = arg;
    int16_t status;

    spin_lock(&c->d->grant_lock);
    status = gnttab_swap(&c->d->grants, a->ref_a, a->ref_b);
    spin_unlock(&c->d->grant_lock);
    return status;
}

/* The status goes into the member of that name; ops without one return through RAX. */
struct gnt_op {
    int16_t (*fn)(struct hc *c, void *arg, struct gnt_batch *b);
    uint16_t size, status_offset;
    bool single;               /* one request per call */
    const struct hc_compat *compat;
};
#define GNTTAB(cmd, fn, type, single, compat) \
    [cmd] = { fn, sizeof(struct type), offsetof(struct type, status), single, compat }
static const struct gnt_op gnttab_ops[] = {
    GNTTAB(GNTTABOP_map_grant_ref, op_map, gnttab_map_grant_ref, false, NULL),
    GNTTAB(GNTTABOP_unmap_grant_ref, op_unmap, gnttab_unmap_grant_ref, false, NULL),
    GNTTAB(GNTTABOP_setup_table, op_setup_table, gnttab_setup_table, true, &compat_setup_table),
    GNTTAB(GNTTABOP_copy, op_copy, gnttab_copy, false, &compat_gnttab_copy),
    GNTTAB(GNTTABOP_query_size, op_query_size, gnttab_query_size, true, NULL),
    GNTTAB(GNTTABOP_swap_grant_ref, op_swap, gnttab_swap_grant_ref, false, NULL),
};

union gnt_arg {
    struct gnttab_map_grant_ref map;
    struct gnttab_unmap_grant_ref unmap;
    struct gnttab_copy copy;
    struct gnttab_setup_table setup;
    struct gnttab_query_size query;
    struct gnttab_swap_grant_ref swap;
};

static void one(struct hc *c, const struct gnt_op *op, void *arg, struct gnt_batch *b)
{
    int16_t status = op->fn(c, arg, b);

    memcpy((uint8_t *)arg + op->status_offset, &status, sizeof(status));
    if (b->count == RELEASES)
        batch_end(c, b);
}

static void one_compat(struct hc *c, const struct gnt_op *op, void *arg32, struct gnt_batch *b)
{
    union gnt_arg arg = { 0 };

    op->compat->widen(&arg, arg32);
    one(c, op, &arg, b);
    op->compat->narrow(arg32, &arg);
}

/* Requests that are copied in, and back with their statuses, at one go: what a page holds of them, or one that crosses into the next. */
#define GROUP 8U
static uint32_t group_count(uint64_t at, size_t size, uint32_t left)
{
    uint32_t here = (uint32_t)((PAGE_SIZE - (at & ~PAGE_MASK)) / size), most = min_of(left, GROUP);

    return here == 0 ? 1 : min_of(here, most);
}

static noinline_fn int group(struct hc *c, const struct gnt_op *op, gva_t at, size_t size, uint32_t count, struct gnt_batch *b)
{
    union gnt_arg buf[GROUP];    /* count * size bytes of it, without gaps */
    uint8_t *arg = (uint8_t *)buf;

    if (hc_read(c, buf, at, count * size) != 0 || guest_check_write(c->v, at, count * size) != 0)
        return -EFAULT;
    for (uint32_t i = 0; i < count; i++, arg += size) {
        if (c->bits32 && op->compat)
            one_compat(c, op, arg, b);
        else
            one(c, op, arg, b);
    }
    return hc_write(c, at, buf, count * size);
}

/* Progress is in the pointer and the count. */
static int64_t run(struct hc *c, const struct gnt_op *op)
{
    size_t size = c->bits32 && op->compat ? op->compat->size : op->size;
    struct gnt_batch b = { .map = physmap_begin(c->d) };
    uint32_t left = (uint32_t)c->arg[2];
    int64_t rc = 0;

    while (rc == 0 && left > 0) {
        uint32_t count = group_count(c->arg[1], size, left);

        rc = group(c, op, gva_of(c->arg[1]), size, count, &b);
        c->arg[1] += count * size;
        left -= count;
        if (rc == 0 && left > 0 && hc_preempt())
            rc = -ERESTART;
    }
    c->arg[2] = left;
    batch_end(c, &b);
    return rc;
}

static int64_t set_version(struct hc *c)
{
    struct gnttab_set_version a;
    int rc;

    if (hc_read(c, &a, gva_of(c->arg[1]), sizeof(a)) != 0)
        return -EFAULT;
    rc = gnttab_check_version(a.version);
    a.version = 1;
    return rc != 0 ? rc : hc_write(c, gva_of(c->arg[1]), &a, sizeof(a));
}

static int64_t get_version(struct hc *c)
{
    struct gnttab_get_version a;
    struct domain *d;
    int rc;

    if (hc_read(c, &a, gva_of(c->arg[1]), sizeof(a)) != 0)
        return -EFAULT;
    rc = hc_target(c, a.dom, &d);
    if (rc != 0)
        return rc;
    hc_put(c, d);
    a.version = 1;
    return hc_write(c, gva_of(c->arg[1]), &a, sizeof(a));
}

int64_t hc_grant_table_op(struct hc *c)
{
    uint32_t cmd = (uint32_t)c->arg[0], count = (uint32_t)c->arg[2];
    const struct gnt_op *op;

    if (cmd == GNTTABOP_set_version || cmd == GNTTABOP_get_version) {
        if (count != 1)
            return -EINVAL;
        return cmd == GNTTABOP_set_version ? set_version(c) : get_version(c);
    }
    if (cmd >= ARRAY_COUNT(gnttab_ops))
        return -ENOSYS;
    op = &gnttab_ops[array_index_nospec(cmd, ARRAY_COUNT(gnttab_ops))];
    if (!op->fn)
        return -ENOSYS;
    if (count > INT32_MAX || (op->single && count != 1))
        return -EINVAL;
    return run(c, op);
}
