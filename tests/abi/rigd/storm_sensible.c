/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that get deep: arguments are well formed and mostly name things that exist. Pages are dom0's own from FIRST_GFN
 * on and gfns of its that rigd does not use itself; guests' are the first few. */
#define _GNU_SOURCE
#include "storm.h"

#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/sys/privcmd.h>

#define FIRST_GFN 0x8000UL
#define OUR_SCRATCH 0x200000UL
#define EXTENTS 24

struct page { uint64_t gfn[EXTENTS]; uint64_t idx[EXTENTS]; int err[EXTENTS]; };

static int fd;

static long call(uint64_t op, uint64_t a0, uint64_t a1, uint64_t a2)
{
    privcmd_hypercall_t h = { .op = op, .arg = { a0, a1, a2, 0, 0 } };

    return ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &h);
}

static uint16_t domain(void) { return (uint16_t)(below(12) ? below(5) : number()); }
static uint16_t target(void) { return (uint16_t)(below(3) ? domain() : DOMID_SELF); }
static uint64_t guest_gfn(void) { return below(10) ? below(48) : number(); }

static uint64_t own_gfn(void)
{
    switch (below(10)) {
    case 0:  return number();
    case 1:
    case 2:
    case 3:  return FIRST_GFN + below(64);
    default: return OUR_SCRATCH + below(64);
    }
}

static uint64_t gfn_for(uint16_t d) { return d == DOMID_SELF || d == 0 ? own_gfn() : guest_gfn(); }

/* ---- memory ---- */

static void reservation(unsigned int cmd)
{
    struct xen_memory_reservation *a = (void *)area;
    struct page *p = (void *)(area + PAGE);

    memset(a, 0, sizeof(*a));
    a->domid = target();
    a->nr_extents = below(EXTENTS + 1);
    a->extent_order = below(6) ? 0 : (unsigned int)below(11);
    set_xen_guest_handle(a->extent_start, p->gfn);
    for (int i = 0; i < EXTENTS; i++)
        p->gfn[i] = gfn_for(a->domid) >> a->extent_order << a->extent_order;
    (void)call(__HYPERVISOR_memory_op, cmd | below(8) / 7 * 64, (uint64_t)a, 0);
}

static void add_to_physmap(void)
{
    struct xen_add_to_physmap *a = (void *)area;

    *a = (struct xen_add_to_physmap){ .domid = target(), .size = (uint16_t)below(6), .space = (unsigned int)below(6) };
    a->idx = a->space >= XENMAPSPACE_gmfn ? gfn_for(a->domid) : below(4);
    a->gpfn = gfn_for(a->domid);
    (void)call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (uint64_t)a, 0);
}

static void add_batch(void)
{
    struct xen_add_to_physmap_batch *a = (void *)area;
    struct page *p = (void *)(area + PAGE);

    memset(a, 0, sizeof(*a));
    a->domid = target();
    a->size = (uint16_t)below(EXTENTS + 1);
    a->space = below(4) ? XENMAPSPACE_gmfn_foreign : (uint16_t)below(6);
    a->u.foreign_domid = domain();
    for (int i = 0; i < EXTENTS; i++) {
        p->idx[i] = guest_gfn();
        p->gfn[i] = gfn_for(a->domid);
    }
    set_xen_guest_handle(a->idxs, p->idx);
    set_xen_guest_handle(a->gpfns, p->gfn);
    set_xen_guest_handle(a->errs, p->err);
    (void)call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, (uint64_t)a, 0);
}

static void remove_page(void)
{
    struct xen_remove_from_physmap *a = (void *)area;

    *a = (struct xen_remove_from_physmap){ .domid = target() };
    a->gpfn = gfn_for(a->domid);
    (void)call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, (uint64_t)a, 0);
}

static void acquire(void)
{
    struct xen_mem_acquire_resource *a = (void *)area;
    struct page *p = (void *)(area + PAGE);

    *a = (struct xen_mem_acquire_resource){ .domid = domain(), .type = (uint16_t)(below(4) ? 1 : below(4)),
                                            .nr_frames = (uint32_t)below(5), .frame = below(4) };
    for (int i = 0; i < EXTENTS; i++)
        p->gfn[i] = own_gfn();
    if (below(6))
        set_xen_guest_handle(a->frame_list, p->gfn);
    (void)call(__HYPERVISOR_memory_op, XENMEM_acquire_resource, (uint64_t)a, 0);
}

/* ---- grants ---- */

/* Writes entries of a guest's table, as the guest would, through a mapping that is given up at once. */
static void grant(void)
{
    privcmd_mmap_resource_t m = { .dom = domain(), .type = XENMEM_resource_grant_table, .num = 1 };
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return;
    m.addr = (uint64_t)at;
    if (ioctl(fd, IOCTL_PRIVCMD_MMAP_RESOURCE, &m) == 0) {
        grant_entry_v1_t *e = at;

        for (int i = 0; i < 16; i++)
            e[i] = (grant_entry_v1_t){ (uint16_t)(below(5) ? GTF_permit_access | below(2) * GTF_readonly : any()),
                                       (uint16_t)below(3), (uint32_t)guest_gfn() };
    }
    (void)munmap(at, PAGE);
}

static void map_grants(void)
{
    struct gnttab_map_grant_ref *a = (void *)area;
    unsigned int n = 1 + (unsigned int)below(6);

    for (unsigned int i = 0; i < n; i++)
        a[i] = (struct gnttab_map_grant_ref){ .host_addr = own_gfn() << 12, .ref = (uint32_t)below(18), .dom = domain(),
            .flags = (uint32_t)(below(6) ? GNTMAP_host_map | below(2) * GNTMAP_readonly : below(16)) };
    (void)call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (uint64_t)a, n);
}

static void unmap_grants(void)
{
    struct gnttab_unmap_grant_ref *a = (void *)area;
    unsigned int n = 1 + (unsigned int)below(20);

    for (unsigned int i = 0; i < n; i++)
        a[i] = (struct gnttab_unmap_grant_ref){ .host_addr = (OUR_SCRATCH + below(64)) << 12,
                                                .handle = (uint32_t)below(40) };
    (void)call(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uint64_t)a, n);
}

static void copy_grants(void)
{
    struct gnttab_copy *a = (void *)area;
    unsigned int n = 1 + (unsigned int)below(6);

    for (unsigned int i = 0; i < n; i++) {
        a[i] = (struct gnttab_copy){ .len = (uint16_t)(below(3) ? below(4097) : any()), .flags = (uint16_t)below(4) };
        a[i].source.offset = (uint16_t)(below(2) ? 0 : below(4200));
        a[i].dest.offset = (uint16_t)(below(2) ? 0 : below(4200));
        a[i].source.domid = a[i].flags & GNTCOPY_source_gref ? domain() : DOMID_SELF;
        a[i].dest.domid = a[i].flags & GNTCOPY_dest_gref ? domain() : DOMID_SELF;
        a[i].source.u.gmfn = a[i].flags & GNTCOPY_source_gref ? below(18) : own_gfn();
        a[i].dest.u.gmfn = a[i].flags & GNTCOPY_dest_gref ? below(18) : own_gfn();
    }
    (void)call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uint64_t)a, n);
}

/* ---- events ---- */

static void event(void)
{
    uint32_t *w = (void *)area;
    unsigned int cmd = (unsigned int)below(15);

    memset(w, 0, 64);
    for (int i = 0; i < 6; i++)
        w[i] = (uint32_t)(below(8) ? below(24) : number());
    switch (cmd) {
    case EVTCHNOP_alloc_unbound:
        *(struct evtchn_alloc_unbound *)area = (struct evtchn_alloc_unbound){ .dom = target(), .remote_dom = target() };
        break;
    case EVTCHNOP_bind_interdomain:
        *(struct evtchn_bind_interdomain *)area =
            (struct evtchn_bind_interdomain){ .remote_dom = target(), .remote_port = (uint32_t)below(24) };
        break;
    case EVTCHNOP_status:
        ((struct evtchn_status *)area)->dom = target();
        break;
    case EVTCHNOP_init_control:
        *(struct evtchn_init_control *)area = (struct evtchn_init_control){ .control_gfn = FIRST_GFN + below(64),
            .offset = (uint32_t)(below(3) ? 0 : below(4096)), .vcpu = (uint32_t)below(5) };
        break;
    case EVTCHNOP_expand_array:
        ((struct evtchn_expand_array *)area)->array_gfn = FIRST_GFN + below(64);
        break;
    case EVTCHNOP_reset:
        if (below(20))
            return;
        ((struct evtchn_reset *)area)->dom = domain();
        break;
    default:
        break;
    }
    (void)call(__HYPERVISOR_event_channel_op, cmd, (uint64_t)area, 0);
}

/* ---- domains ---- */

static struct xen_domctl *domctl(uint32_t cmd, uint16_t d)
{
    struct xen_domctl *a = (void *)area;

    memset(a, 0, sizeof(*a));
    a->cmd = cmd;
    a->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    a->domain = d;
    return a;
}

/* A guest with vCPUs and room for memory. */
static void create(void)
{
    struct xen_domctl *a = domctl(XEN_DOMCTL_createdomain, (uint16_t)below(5));
    uint32_t vcpus = 1 + (uint32_t)below(4);
    uint16_t id;

    a->u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    a->u.createdomain.max_vcpus = vcpus;
    a->u.createdomain.max_evtchn_port = below(4) ? 1023 : (uint32_t)number();
    a->u.createdomain.max_grant_frames = below(4) ? -1 : (int32_t)below(4);
    a->u.createdomain.max_maptrack_frames = below(4) ? -1 : (int32_t)below(4);
    a->u.createdomain.grant_opts = 1;
    a->u.createdomain.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    if (call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0) != 0)
        return;
    id = a->domain;
    a = domctl(XEN_DOMCTL_max_vcpus, id);
    a->u.max_vcpus.max = vcpus;
    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
    a = domctl(XEN_DOMCTL_max_mem, id);
    a->u.max_mem.max_memkb = 4 * below(4096);
    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
}

static void control(void)
{
    static const uint32_t bare[] = { XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain, XEN_DOMCTL_resumedomain,
                                     XEN_DOMCTL_destroydomain, XEN_DOMCTL_destroydomain };
    struct xen_domctl *a = domctl(bare[below(5)], domain());

    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
}

static void context(void)
{
    struct xen_domctl *a = domctl(XEN_DOMCTL_gethvmcontext, domain());
    uint8_t *data = (uint8_t *)area + 2 * PAGE;

    a->u.hvmcontext.size = 8 * PAGE;
    set_xen_guest_handle(a->u.hvmcontext.buffer, data);
    if (call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0) != 0)
        return;
    for (uint64_t n = below(6); n > 0 && a->u.hvmcontext.size > 0; n--)
        data[below(a->u.hvmcontext.size)] = (uint8_t)any();
    if (below(8) == 0)
        a->u.hvmcontext.size = (uint32_t)below(a->u.hvmcontext.size + 1);
    a->cmd = XEN_DOMCTL_sethvmcontext;
    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
}

static void parameter(void)
{
    struct xen_hvm_param *a = (void *)area;

    *a = (struct xen_hvm_param){ .domid = target(), .index = (uint32_t)below(42), .value = number() };
    if (a->domid == DOMID_SELF && a->index == HVM_PARAM_CALLBACK_IRQ)
        return;
    (void)call(__HYPERVISOR_hvm_op, below(2), (uint64_t)a, 0);
}

static void shutdown_other(void)
{
    struct sched_remote_shutdown *a = (void *)area;

    *a = (struct sched_remote_shutdown){ (domid_t)(1 + below(4)), (unsigned int)below(7) };
    (void)call(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, (uint64_t)a, 0);
}

/* ---- saving ---- */

static void log_dirty(void)
{
    static const uint32_t ops[] = { XEN_DOMCTL_SHADOW_OP_OFF, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY,
                                    XEN_DOMCTL_SHADOW_OP_CLEAN, XEN_DOMCTL_SHADOW_OP_PEEK };
    struct xen_domctl *a = domctl(XEN_DOMCTL_shadow_op, domain());

    a->u.shadow_op.op = below(10) ? ops[below(4)] : (uint32_t)number();
    a->u.shadow_op.mode = (uint32_t)below(3);
    a->u.shadow_op.pages = below(8) ? below(4096) : number();
    if (below(6))
        set_xen_guest_handle(a->u.shadow_op.dirty_bitmap, (uint8_t *)area + PAGE + below(AREA - PAGE));
    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
}

static void modified(void)
{
    struct xen_dm_op *op = (void *)area;
    struct xen_dm_op_buf *buf = (void *)(area + 256);
    struct xen_dm_op_modified_memory_extent *e = (void *)(area + 512);

    memset(area, 0, PAGE);
    op->op = XEN_DMOP_modified_memory;
    op->u.modified_memory.nr_extents = (uint32_t)below(6);
    for (unsigned int i = 0; i < 5; i++) {
        e[i].first_pfn = guest_gfn();
        e[i].nr = (uint32_t)(below(6) ? below(64) : number());
    }
    set_xen_guest_handle(buf[0].h, (void *)op);
    buf[0].size = sizeof(*op);
    set_xen_guest_handle(buf[1].h, (void *)e);
    buf[1].size = below(6) ? 5 * sizeof(*e) : below(5 * sizeof(*e));
    (void)call(__HYPERVISOR_dm_op, domain(), 2, (uint64_t)buf);
}

static void registers(void)
{
    struct xen_domctl *a = domctl(XEN_DOMCTL_getvcpucontext, domain());
    uint8_t *data = (uint8_t *)area + 2 * PAGE;

    a->u.vcpucontext.vcpu = (uint32_t)below(5);
    set_xen_guest_handle(a->u.vcpucontext.ctxt, (void *)data);
    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
    for (uint64_t n = below(6); n > 0; n--)
        data[below(PAGE)] = (uint8_t)any();
    a->cmd = XEN_DOMCTL_setvcpucontext;
    (void)call(__HYPERVISOR_domctl, (uint64_t)a, 0, 0);
}

static void claim(void)
{
    struct xen_memory_reservation *r = (void *)area;

    *r = (struct xen_memory_reservation){ .nr_extents = below(3) ? below(4096) : number(), .domid = target() };
    (void)call(__HYPERVISOR_memory_op, XENMEM_claim_pages, (uint64_t)r, 0);
}

void sensible_call(int privcmd)
{
    fd = privcmd;
    switch (below(28)) {
    case 0:
    case 1:  reservation(XENMEM_populate_physmap); break;
    case 2:  reservation(below(2) ? XENMEM_decrease_reservation : XENMEM_increase_reservation); break;
    case 3:
    case 4:  add_to_physmap(); break;
    case 5:
    case 6:  add_batch(); break;
    case 7:  remove_page(); break;
    case 8:  acquire(); break;
    case 9:  grant(); break;
    case 10:
    case 11: map_grants(); break;
    case 12: unmap_grants(); break;
    case 13: copy_grants(); break;
    case 14: create(); break;
    case 15: if (below(3) == 0) control(); break;
    case 16: parameter(); break;
    case 17: if (below(8) == 0) shutdown_other(); break;
    case 18: context(); break;
    case 19: log_dirty(); break;
    case 20: modified(); break;
    case 21: registers(); break;
    case 22: claim(); break;
    default: event();
    }
}
