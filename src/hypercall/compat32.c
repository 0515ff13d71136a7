/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 32-bit layouts of the arguments that a 32-bit guest (hvmloader, SeaBIOS, a 32-bit kernel) passes:
 * pointers and unsigned longs are 4 bytes, 64-bit integers are aligned to 4. They follow from the
 * i386 ABI applied to the structures of the public headers; libxen-dev has no definitions of them.
 */
#include "compat32.h"

#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define SAME_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define PTR(p) ((void *)(uintptr_t)(p))

struct poll32 { uint32_t ports, nr_ports; uint64_t timeout; } __attribute__((packed, aligned(4)));
SAME_SIZE(struct poll32, 16);

static void widen_poll(void *to, const void *from)
{
    const struct poll32 *f = from;
    struct sched_poll *t = to;

    t->ports.p = PTR(f->ports);
    t->nr_ports = f->nr_ports;
    t->timeout = f->timeout;
}

static void narrow_nothing(void *to unused_arg, const void *from unused_arg)
{
}
const struct hc_compat compat_sched_poll = { sizeof(struct poll32), widen_poll, narrow_nothing };

struct singleshot32 {
    uint64_t timeout_abs_ns;
    uint32_t flags;
} __attribute__((packed, aligned(4)));
SAME_SIZE(struct singleshot32, 12);

static void widen_singleshot(void *to, const void *from)
{
    const struct singleshot32 *f = from;
    struct vcpu_set_singleshot_timer *t = to;

    t->timeout_abs_ns = f->timeout_abs_ns;
    t->flags = f->flags;
}
const struct hc_compat compat_singleshot = { sizeof(struct singleshot32), widen_singleshot,
                                             narrow_nothing };

/* A union of a pointer and a uint64_t: 8 bytes for everybody, of which a 32-bit pointer fills 4. */
struct area32 { uint32_t address, pad; };
SAME_SIZE(struct area32, 8);

static void widen_area(void *to, const void *from)
{
    const struct area32 *f = from;
    struct vcpu_register_runstate_memory_area *t = to;

    t->addr.p = f->address;
}
const struct hc_compat compat_area = { sizeof(struct area32), widen_area, narrow_nothing };

struct reservation32 {
    uint32_t extent_start, nr_extents, extent_order, mem_flags;
    uint16_t domid, pad;
};
SAME_SIZE(struct reservation32, 20);

static void widen_reservation(void *to, const void *from)
{
    const struct reservation32 *f = from;
    struct xen_memory_reservation *t = to;

    t->extent_start.p = PTR(f->extent_start);
    t->nr_extents = f->nr_extents;
    t->extent_order = f->extent_order;
    t->mem_flags = f->mem_flags;
    t->domid = f->domid;
}
const struct hc_compat compat_reservation = { sizeof(struct reservation32), widen_reservation,
                                              narrow_nothing };

struct add32 { uint16_t domid, size; uint32_t space, idx, gpfn; };
SAME_SIZE(struct add32, 16);

static void widen_add(void *to, const void *from)
{
    const struct add32 *f = from;
    struct xen_add_to_physmap *t = to;

    t->domid = f->domid;
    t->size = f->size;
    t->space = f->space;
    t->idx = f->idx;
    t->gpfn = f->gpfn;
}

static void narrow_add(void *to, const void *from)
{
    const struct xen_add_to_physmap *f = from;
    struct add32 *t = to;

    t->size = f->size;
    t->idx = (uint32_t)f->idx;
    t->gpfn = (uint32_t)f->gpfn;
}
const struct hc_compat compat_add_to_physmap = { sizeof(struct add32), widen_add, narrow_add };

struct remove32 { uint16_t domid, pad; uint32_t gpfn; };
SAME_SIZE(struct remove32, 8);

static void widen_remove(void *to, const void *from)
{
    const struct remove32 *f = from;
    struct xen_remove_from_physmap *t = to;

    t->domid = f->domid;
    t->gpfn = f->gpfn;
}
const struct hc_compat compat_remove_from_physmap = { sizeof(struct remove32), widen_remove,
                                                      narrow_nothing };

struct map32 { uint32_t nr_entries, buffer; };
SAME_SIZE(struct map32, 8);

static void widen_map(void *to, const void *from)
{
    const struct map32 *f = from;
    struct xen_memory_map *t = to;

    t->nr_entries = f->nr_entries;
    t->buffer.p = PTR(f->buffer);
}

static void narrow_map(void *to, const void *from)
{
    ((struct map32 *)to)->nr_entries = ((const struct xen_memory_map *)from)->nr_entries;
}
const struct hc_compat compat_memory_map = { sizeof(struct map32), widen_map, narrow_map };

struct foreign_map32 { uint16_t domid, pad; struct map32 map; };
SAME_SIZE(struct foreign_map32, 12);

static void widen_foreign_map(void *to, const void *from)
{
    const struct foreign_map32 *f = from;
    struct xen_foreign_memory_map *t = to;

    t->domid = f->domid;
    widen_map(&t->map, &f->map);
}
const struct hc_compat compat_foreign_memory_map = { sizeof(struct foreign_map32),
                                                     widen_foreign_map, narrow_nothing };

struct batch32 { uint16_t domid, space, size, extra; uint32_t idxs, gpfns, errs; };
SAME_SIZE(struct batch32, 20);

static void widen_batch(void *to, const void *from)
{
    const struct batch32 *f = from;
    struct xen_add_to_physmap_batch *t = to;

    t->domid = f->domid;
    t->space = f->space;
    t->size = f->size;
    t->u.res0 = f->extra;
    t->idxs.p = PTR(f->idxs);
    t->gpfns.p = PTR(f->gpfns);
    t->errs.p = PTR(f->errs);
}
const struct hc_compat compat_add_batch = { sizeof(struct batch32), widen_batch, narrow_nothing };

struct setup32 {
    uint16_t dom, pad;
    uint32_t nr_frames;
    int16_t status, pad2;
    uint32_t frame_list;
};
SAME_SIZE(struct setup32, 16);

static void widen_setup(void *to, const void *from)
{
    const struct setup32 *f = from;
    struct gnttab_setup_table *t = to;

    t->dom = f->dom;
    t->nr_frames = f->nr_frames;
    t->status = f->status;
    t->frame_list.p = PTR(f->frame_list);
}

static void narrow_setup(void *to, const void *from)
{
    ((struct setup32 *)to)->status = ((const struct gnttab_setup_table *)from)->status;
}
const struct hc_compat compat_setup_table = { sizeof(struct setup32), widen_setup, narrow_setup };

struct copy_ptr32 { uint32_t ref_or_gmfn; uint16_t domid, offset; };
struct copy32 {
    struct copy_ptr32 source, dest;
    uint16_t len, flags;
    int16_t status;
    uint16_t pad;
};
SAME_SIZE(struct copy32, 24);

static void widen_copy(void *to, const void *from)
{
    const struct copy32 *f = from;
    struct gnttab_copy *t = to;

    t->source.u.gmfn = f->source.ref_or_gmfn;
    t->source.domid = f->source.domid;
    t->source.offset = f->source.offset;
    t->dest.u.gmfn = f->dest.ref_or_gmfn;
    t->dest.domid = f->dest.domid;
    t->dest.offset = f->dest.offset;
    t->len = f->len;
    t->flags = f->flags;
    t->status = f->status;
}

static void narrow_copy(void *to, const void *from)
{
    ((struct copy32 *)to)->status = ((const struct gnttab_copy *)from)->status;
}
const struct hc_compat compat_gnttab_copy = { sizeof(struct copy32), widen_copy, narrow_copy };
