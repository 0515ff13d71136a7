/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/xen/gntdev: sets of grants that a tool announces, mapped when it calls mmap() (xen/sys/gntdev.h). */
#include "rigd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/grant_table.h>
#include <xen/sys/gntdev.h>

#define GRANTS_MAX 1024U

static struct grant_set **find_set(struct connection *device, uint64_t index)
{
    struct grant_set **at = &device->grants;

    while (*at && (*at)->index != index)
        at = &(*at)->next;
    return at;
}

static int64_t add_set(struct connection *device, uint64_t arg)
{
    struct ioctl_gntdev_map_grant_ref in;
    struct grant_set *s;

    if (tool_read(arg, &in, sizeof(in)) != 0)
        return -EFAULT;
    if (in.count == 0 || in.count > GRANTS_MAX)
        return -EINVAL;
    s = malloc(sizeof(*s) + in.count * sizeof(s->ref[0]));
    if (!s || tool_read(arg + offsetof(struct ioctl_gntdev_map_grant_ref, refs), s->ref,
                        in.count * sizeof(s->ref[0])) != 0) {
        free(s);
        return -EFAULT;
    }
    s->count = in.count;
    s->va = 0;
    s->index = in.index = device->next_index;
    device->next_index += (uint64_t)in.count * PAGE_SIZE;
    s->next = device->grants;
    device->grants = s;
    return tool_write(arg, &in, offsetof(struct ioctl_gntdev_map_grant_ref, refs));
}

static int64_t drop_set(struct connection *device, uint64_t arg)
{
    struct ioctl_gntdev_unmap_grant_ref in;
    struct grant_set **at, *s;

    if (tool_read(arg, &in, sizeof(in)) != 0)
        return -EFAULT;
    at = find_set(device, in.index);
    s = *at;
    if (!s)
        return -ENOENT;
    *at = s->next;
    free(s);
    return 0;
}

/* Where the tool has mapped a set tells which it is. */
static int64_t offset_of(struct connection *device, uint64_t arg)
{
    struct ioctl_gntdev_get_offset_for_vaddr a;
    const struct grant_set *s = device->grants;

    if (tool_read(arg, &a, sizeof(a)) != 0)
        return -EFAULT;
    while (s && s->va != a.vaddr)
        s = s->next;
    if (!s)
        return -EINVAL;
    a.offset = s->index;
    a.count = s->count;
    return tool_write(arg, &a, sizeof(a));
}

int64_t gntdev_ioctl(struct connection *device, uint64_t number, uint64_t arg)
{
    switch (number) {
    case IOCTL_GNTDEV_MAP_GRANT_REF:        return add_set(device, arg);
    case IOCTL_GNTDEV_UNMAP_GRANT_REF:      return drop_set(device, arg);
    case IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR: return offset_of(device, arg);
    case IOCTL_GNTDEV_SET_MAX_GRANTS:
    case IOCTL_GNTDEV_SET_UNMAP_NOTIFY:     return 0;
    default:                                return -ENOTTY;
    }
}

static int map_one(const struct grant_set *s, uint32_t i, uint64_t gfn, bool readonly, uint32_t *handle)
{
    struct gnttab_map_grant_ref *a = (void *)kernel_memory.byte;
    int64_t rc;

    *a = (struct gnttab_map_grant_ref){ .host_addr = gfn << PAGE_SHIFT, .ref = s->ref[i].ref,
        .dom = (domid_t)s->ref[i].domid, .flags = GNTMAP_host_map | (readonly ? GNTMAP_readonly : 0) };
    rc = call_from_kernel(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, kernel_address(a), 1);
    if (rc != 0)
        kernel_bug("map of a grant");
    *handle = a->handle;
    trace("grant.map d%u ref %u = %d", a->dom, a->ref, a->status);
    return rc == 0 && a->status == GNTST_okay ? 0 : -EINVAL;
}

static int map_set(const struct grant_set *s, uint64_t gfn, bool readonly, uint32_t *handles)
{
    int rc = -fault_ordered("mmap.grant");

    for (uint32_t i = 0; rc == 0 && i < s->count; i++) {
        rc = map_one(s, i, gfn + i, readonly, &handles[i]);
        if (rc != 0)
            grants_unmap(gfn, handles, i);
    }
    return rc;
}

/* arg: va, length, protection, offset. */
int64_t gntdev_mmap(struct connection *process, struct connection *device, const uint64_t arg[4], struct extents *x)
{
    struct grant_set *s = *find_set(device, arg[3]);
    bool readonly = !(arg[2] & PROT_WRITE);
    uint32_t *handles;
    uint64_t gfn;
    int rc;

    if (!s || arg[1] != s->count * PAGE_SIZE)
        return -EINVAL;
    handles = malloc(s->count * sizeof(*handles));
    gfn = scratch_take(s->count);
    rc = handles && gfn ? map_set(s, gfn, readonly, handles) : -ENOMEM;
    if (rc == 0)
        rc = mapping_add(process, arg[0], gfn, s->count, handles);
    if (rc == 0)
        s->va = arg[0];
    if (rc == 0)
        return extents_add(x, arg[0], gfn, s->count, !readonly);
    if (gfn)
        scratch_give(gfn, s->count);
    free(handles);
    return rc;
}

void gntdev_release(struct connection *device)
{
    while (device->grants) {
        struct grant_set *s = device->grants;

        device->grants = s->next;
        free(s);
    }
}
