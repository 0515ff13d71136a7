/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/xen/privcmd: hypercalls of the tool's own, and mappings of other domains' memory (xen/sys/privcmd.h). */
#include "rigd.h"

#include <errno.h>
#include <lib/log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <xen/hvm/dm_op.h>
#include <xen/memory.h>
#include <xen/sys/privcmd.h>

#define PAGES_MAX 65536U
#define RESOURCE_MAX 512U
#define DM_BUFS_MAX 16U

static int64_t hypercall(uint64_t arg)
{
    struct privcmd_hypercall h;
    uint64_t args[5];

    if (tool_read(arg, &h, sizeof(h)) != 0)
        return -EFAULT;
    for (int i = 0; i < 5; i++)
        args[i] = h.arg[i];
    return (int)call_from_tool(h.op, args);   /* Linux: an int goes back to the tool */
}

struct foreign_args {
    struct xen_add_to_physmap_batch a;
    xen_ulong_t index;
    xen_pfn_t gpfn;
    int error;
};

/* One page, as Linux does it for a translated dom0. */
static int map_foreign_page(domid_t dom, uint64_t theirs, uint64_t ours)
{
    struct foreign_args *k = (void *)kernel_memory.byte;
    int64_t rc;

    memset(k, 0, sizeof(*k));
    k->index = theirs;
    k->gpfn = ours;
    k->a.domid = DOMID_SELF;
    k->a.size = 1;
    k->a.space = XENMAPSPACE_gmfn_foreign;
    k->a.u.foreign_domid = dom;
    set_xen_guest_handle(k->a.idxs, (xen_ulong_t *)kernel_address(&k->index));
    set_xen_guest_handle(k->a.gpfns, (xen_pfn_t *)kernel_address(&k->gpfn));
    set_xen_guest_handle(k->a.errs, (int *)kernel_address(&k->error));
    rc = call_from_kernel(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, kernel_address(k), 0);
    return rc < 0 ? (int)rc : k->error;
}

/* va stays where the tool has reserved it; pages that fail have an error and no memory. */
static int64_t map_foreign(struct connection *process, const struct privcmd_mmapbatch_v2 *m, uint64_t gfn,
                           struct extents *x)
{
    int64_t result = 0;
    unsigned int failed = 0, ordered = (unsigned int)fault_ordered("mmap.foreign");

    for (unsigned int i = 0; i < m->num; i++) {
        xen_pfn_t theirs;
        int error;

        if (tool_read((uint64_t)(m->arr + i), &theirs, sizeof(theirs)) != 0)
            return -EFAULT;
        error = ordered ? -(int)ordered : map_foreign_page(m->dom, theirs, gfn + i);
        failed += error != 0;
        if (error == -ENOENT)
            result = -ENOENT;
        if (tool_write((uint64_t)(m->err + i), &error, sizeof(error)) != 0)
            return -EFAULT;
    }
    trace("mmap.foreign d%u %u pages, %u failed", m->dom, m->num, failed);
    if (mapping_add(process, m->addr, gfn, m->num, NULL) != 0 || extents_add(x, m->addr, gfn, m->num, true) != 0)
        return -ENOMEM;
    return result;
}

static int64_t mmapbatch(struct connection *process, uint64_t arg, struct extents *x)
{
    struct privcmd_mmapbatch_v2 m;
    uint64_t gfn;
    int64_t rc;

    if (tool_read(arg, &m, sizeof(m)) != 0)
        return -EFAULT;
    if (m.num == 0 || m.num > PAGES_MAX)
        return -EINVAL;
    gfn = scratch_take(m.num);
    if (!gfn)
        return -ENOMEM;
    rc = map_foreign(process, &m, gfn, x);
    if (rc == -EFAULT)
        scratch_give(gfn, m.num);
    return rc;
}

struct resource_args { struct xen_mem_acquire_resource a; xen_pfn_t gfn[RESOURCE_MAX]; };

static int64_t acquire(const struct privcmd_mmap_resource *m, uint64_t gfn, uint32_t *size)
{
    struct resource_args *k = (void *)kernel_memory.byte;
    int ordered = fault_ordered("mmap.resource");
    int64_t rc;

    memset(k, 0, sizeof(*k));
    k->a.domid = m->dom;
    k->a.type = (uint16_t)m->type;
    k->a.id = m->id;
    k->a.frame = m->idx;
    if (gfn) {
        k->a.nr_frames = (uint32_t)m->num;
        set_xen_guest_handle(k->a.frame_list, (xen_pfn_t *)kernel_address(k->gfn));
        for (uint64_t i = 0; i < m->num; i++)
            k->gfn[i] = gfn + i;
    }
    rc = ordered ? -ordered
                 : call_from_kernel(__HYPERVISOR_memory_op, XENMEM_acquire_resource, kernel_address(k), 0);
    *size = k->a.nr_frames;
    trace("mmap.resource d%u type %u %lu pages = %ld", m->dom, m->type, (unsigned long)m->num, (long)rc);
    return rc;
}

static int64_t mmap_resource(struct connection *process, uint64_t arg, struct extents *x)
{
    struct privcmd_mmap_resource m;
    uint32_t size;
    uint64_t gfn;
    int64_t rc;

    if (tool_read(arg, &m, sizeof(m)) != 0)
        return -EFAULT;
    if (m.addr == 0 && m.num == 0) {
        rc = acquire(&m, 0, &size);
        m.num = size;
        return rc != 0 ? rc : tool_write(arg, &m, sizeof(m));
    }
    if (m.addr == 0 || m.num == 0 || m.num > RESOURCE_MAX)
        return -EINVAL;
    gfn = scratch_take(m.num);
    if (!gfn)
        return -ENOMEM;
    rc = acquire(&m, gfn, &size);
    if (rc != 0) {
        scratch_give(gfn, m.num);
        return rc;
    }
    if (mapping_add(process, m.addr, gfn, m.num, NULL) != 0)
        return -ENOMEM;
    return extents_add(x, m.addr, gfn, m.num, true);
}

/* The list of buffers is the kernel's, the buffers are the tool's. */
static int64_t dm_op(uint64_t arg)
{
    struct xen_dm_op_buf *k = (void *)kernel_memory.byte;
    privcmd_dm_op_buf_t bufs[DM_BUFS_MAX];
    struct privcmd_dm_op m;
    char operation[RIG_TEXT];
    uint32_t cmd = 0;
    int64_t rc;

    if (tool_read(arg, &m, sizeof(m)) != 0)
        return -EFAULT;
    if (m.num == 0)
        return 0;
    if (m.num > DM_BUFS_MAX || tool_read((uint64_t)m.ubufs, bufs, m.num * sizeof(bufs[0])) != 0)
        return m.num > DM_BUFS_MAX ? -E2BIG : -EFAULT;
    for (unsigned int i = 0; i < m.num; i++) {
        set_xen_guest_handle(k[i].h, bufs[i].uptr);
        k[i].size = bufs[i].size;
    }
    if (tool_read((uint64_t)bufs[0].uptr, &cmd, sizeof(cmd)) != 0)
        return -EFAULT;
    hv_snprintf(operation, sizeof(operation), "dm.%u", cmd);
    rc = -fault_ordered(operation);
    if (rc == 0)
        rc = call_from_kernel(__HYPERVISOR_dm_op, m.dom, m.num, kernel_address(k));
    trace("%s d%u = %ld", operation, m.dom, (long)rc);
    return rc;
}

int64_t privcmd_ioctl(struct connection *process, uint64_t number, uint64_t arg, struct extents *x)
{
    switch (number) {
    case IOCTL_PRIVCMD_HYPERCALL:     return hypercall(arg);
    case IOCTL_PRIVCMD_MMAPBATCH_V2:  return mmapbatch(process, arg, x);
    case IOCTL_PRIVCMD_MMAP_RESOURCE: return mmap_resource(process, arg, x);
    case IOCTL_PRIVCMD_DM_OP:         return dm_op(arg);
    case IOCTL_PRIVCMD_RESTRICT:      return 0;
    default:                          return -ENOTTY;
    }
}
