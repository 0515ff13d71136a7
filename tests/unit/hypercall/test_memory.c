/* SPDX-License-Identifier: BSD-2-Clause */
/* Reservations, the physical map, foreign mappings, resources and grants through the door. */
#include "world.h"

#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <mm/frames.h>
#include <x86/softirq.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

#define MEM(v, cmd, arg) OP(v, __HYPERVISOR_memory_op, cmd, arg)
#define GNT(v, cmd, arg) OP(v, __HYPERVISOR_grant_table_op, cmd, arg)
#define SCRATCH 0x10000UL      /* gfns of dom0 where nothing is */

static int64_t reservation(struct vcpu *v, uint64_t cmd, domid_t domid, const uint64_t *gfn,
                           uint64_t n, unsigned int order)
{
    struct xen_memory_reservation r = { .nr_extents = n, .extent_order = order, .domid = domid };

    r.extent_start.p = (void *)world_put(v->domain, gfn, n * sizeof(*gfn));
    return MEM(v, cmd, &r);
}

static enum p2m_type type_at(struct domain *d, uint64_t gfn)
{
    return p2m_lookup(&d->p2m, gfn_of(gfn)).type;
}

static void dom0_gets_the_same_page_back(void **state)
{
    uint64_t gfn[2] = { 0x400, 0x7ff }, before = world.dom0->tot_pages, one = 1;

    (void)state;
    assert_int_equal(reservation(world.v0, XENMEM_decrease_reservation, DOMID_SELF, gfn, 2, 0), 2);
    assert_int_equal(world.dom0->tot_pages, before - 2);
    assert_int_equal(type_at(world.dom0, 0x400), P2M_HOLE);
    assert_int_equal(frame_of(mfn_of(0x400))->refs, 0);
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, DOMID_SELF, gfn, 2, 0), 2);
    assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(0x400)).mfn.v, 0x400);
    assert_int_equal(world.dom0->tot_pages, before);
    world_get(world.dom0, 0x400UL << 12, &one, sizeof(one));
    assert_int_equal(one, 0);
}

static void dom0_gets_no_page_that_was_not_its_own(void **state)
{
    uint64_t gfn = SCRATCH;

    (void)state;
    world.dom0->max_pages += 100;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, DOMID_SELF, &gfn, 1, 0), 0);
    gfn = 0x300;   /* is there already */
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, DOMID_SELF, &gfn, 1, 0), 0);
    assert_int_equal(frame_of(mfn_of(0x300))->refs, 1);
}

static void a_page_given_up_twice_is_counted_once(void **state)
{
    uint64_t gfn[2] = { 0x400, 0x400 };

    (void)state;
    assert_int_equal(reservation(world.v0, XENMEM_decrease_reservation, DOMID_SELF, gfn, 2, 0), 1);
}

static void a_guest_is_populated_up_to_its_limit(void **state)
{
    uint64_t gfn[65];

    (void)state;
    for (unsigned int i = 0; i < 65; i++)
        gfn[i] = 0x1000 + i;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, gfn, 65, 0), 64);
    assert_int_equal(world.guest->tot_pages, world.guest->max_pages);
    assert_int_equal(type_at(world.guest, 0x1000 + 63), P2M_RAM_RW);
    assert_int_equal(type_at(world.guest, 0x1000 + 64), P2M_HOLE);
}

static void large_pages_are_used_and_can_be_taken_apart(void **state)
{
    uint64_t gfn = 0x1000, page = 0x1005, free = frames_free_count();

    (void)state;
    world.guest->max_pages += 1024;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, &gfn, 1, 9), 1);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(0x1000)).order, 9);
    assert_int_equal(reservation(world.v0, XENMEM_decrease_reservation, 1, &page, 1, 0), 1);
    assert_int_equal(type_at(world.guest, 0x1005), P2M_HOLE);
    assert_int_equal(type_at(world.guest, 0x1006), P2M_RAM_RW);
    assert_int_equal(world.guest->tot_pages, WORLD_GUEST_PAGES + 511);
    assert_true(frames_free_count() <= free - 511);
    /* A gigabyte at once is left to smaller steps. */
    gfn = 0x40000;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, &gfn, 1, 18), 0);
}

static void running_out_of_frames_undoes_the_extent(void **state)
{
    uint64_t gfn = 0x1001, before = world.guest->tot_pages;   /* not aligned: page by page */

    (void)state;
    world.guest->max_pages += 1024;
    frames_fail_countdown = 100;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, &gfn, 1, 9), 0);
    frames_fail_countdown = 0;
    assert_int_equal(world.guest->tot_pages, before);
    assert_int_equal(type_at(world.guest, 0x1001), P2M_HOLE);
}

static void a_page_can_be_moved(void **state)
{
    struct xen_add_to_physmap a = {
        .domid = 1, .space = XENMAPSPACE_gmfn, .idx = 5, .gpfn = 0x500
    };
    uint64_t mfn = p2m_lookup(&world.guest->p2m, gfn_of(5)).mfn.v, before = world.guest->tot_pages;

    (void)state;
    assert_int_equal(MEM(world.v0, XENMEM_add_to_physmap, &a), 0);
    assert_int_equal(type_at(world.guest, 5), P2M_HOLE);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(0x500)).mfn.v, mfn);
    assert_int_equal(frame_of(mfn_of(mfn))->refs, 1);
    assert_int_equal(world.guest->tot_pages, before);
    assert_int_equal(MEM(world.v0, XENMEM_add_to_physmap, &a), -EINVAL);
}

static void a_range_of_pages_moves_with_interruptions(void **state)
{
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_range, .size = 4,
                                    .idx = 0x300, .gpfn = SCRATCH };
    uint64_t at = world_put(world.dom0, &a, sizeof(a));

    (void)state;
    (void)dom0_call(__HYPERVISOR_xen_version, 0, 0, 0);
    softirq_raise(SOFTIRQ_TIMER);
    assert_int_equal(world_call(world.v0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, at, 0, 0),
                     0);
    assert_int_equal(world.restarts, 3);
    for (unsigned int i = 0; i < 4; i++) {
        assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(SCRATCH + i)).mfn.v, 0x300 + i);
        assert_int_equal(type_at(world.dom0, 0x300 + i), P2M_HOLE);
        assert_int_equal(frame_of(mfn_of(0x300 + i))->refs, 1);
    }
}

/* ---- foreign ---- */

static int64_t map_foreign(const uint64_t *idx, const uint64_t *gpfn, int *errs, uint16_t n)
{
    struct xen_add_to_physmap_batch b = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign, .size = n, .u.foreign_domid = 1
    };
    uint64_t errs_at = world_put(world.dom0, errs, n * sizeof(*errs));
    int64_t rc;

    b.idxs.p = (void *)world_put(world.dom0, idx, n * sizeof(*idx));
    b.gpfns.p = (void *)world_put(world.dom0, gpfn, n * sizeof(*gpfn));
    b.errs.p = (void *)errs_at;
    rc = MEM(world.v0, XENMEM_add_to_physmap_batch, &b);
    world_get(world.dom0, errs_at, errs, n * sizeof(*errs));
    return rc;
}

static void foreign_pages_are_mapped_one_by_one_with_errors_of_their_own(void **state)
{
    uint64_t idx[3] = { 3, 0x999, 4 }, gpfn[3] = { SCRATCH, SCRATCH + 1, SCRATCH + 2 };
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = SCRATCH };
    mfn_t m = p2m_lookup(&world.guest->p2m, gfn_of(3)).mfn;
    int errs[3] = { 9, 9, 9 };
    char text[6];

    (void)state;
    world_put_at(world.guest, 3 << 12, "hello", 6);
    assert_int_equal(map_foreign(idx, gpfn, errs, 3), 0);
    assert_int_equal(errs[0], 0);
    assert_int_equal(errs[1], -EINVAL);
    assert_int_equal(errs[2], 0);
    world_get(world.dom0, SCRATCH << 12, text, 6);
    assert_string_equal(text, "hello");
    assert_int_equal(frame_of(m)->refs, 2);
    assert_int_equal(MEM(world.v0, XENMEM_remove_from_physmap, &r), 0);
    assert_int_equal(frame_of(m)->refs, 1);
    assert_int_equal(type_at(world.dom0, SCRATCH), P2M_HOLE);
    assert_int_equal(MEM(world.v0, XENMEM_remove_from_physmap, &r), -ENOENT);
}

static void a_batch_goes_on_after_an_interruption(void **state)
{
    uint64_t idx[8], gpfn[8];
    int errs[8];

    (void)state;
    for (unsigned int i = 0; i < 8; i++) {
        idx[i] = i;
        gpfn[i] = SCRATCH + i;
        errs[i] = 1;
    }
    (void)dom0_call(__HYPERVISOR_xen_version, 0, 0, 0);
    softirq_raise(SOFTIRQ_TIMER);
    assert_int_equal(map_foreign(idx, gpfn, errs, 8), 0);
    assert_int_equal(world.restarts, 7);
    for (unsigned int i = 0; i < 8; i++)
        assert_int_equal(errs[i], 0);
}

static void a_guest_sees_no_foreign_pages(void **state)
{
    struct xen_add_to_physmap_batch b = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign, .size = 1, .u.foreign_domid = 0
    };

    (void)state;
    assert_int_equal(MEM(world.g0, XENMEM_add_to_physmap_batch, &b), -EPERM);
    b.domid = 0;
    assert_int_equal(MEM(world.g0, XENMEM_add_to_physmap_batch, &b), -EPERM);
}

static void a_mapped_page_outlives_its_giving_up(void **state)
{
    uint64_t idx = 7, gpfn = SCRATCH, free = frames_free_count();
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = SCRATCH };
    mfn_t m = p2m_lookup(&world.guest->p2m, gfn_of(7)).mfn;
    int err = 0;

    (void)state;
    assert_int_equal(map_foreign(&idx, &gpfn, &err, 1), 0);
    free = frames_free_count();
    assert_int_equal(reservation(world.g0, XENMEM_decrease_reservation, DOMID_SELF, &idx, 1, 0), 1);
    assert_int_equal(frame_of(m)->refs, 1);
    assert_int_equal(frames_free_count(), free);
    assert_int_equal(MEM(world.v0, XENMEM_remove_from_physmap, &r), 0);
    assert_int_equal(frames_free_count(), free + 1);
}

/* ---- resources ---- */

static void the_grant_table_of_a_guest_is_a_resource(void **state)
{
    struct xen_mem_acquire_resource a = { .domid = 1, .type = XENMEM_resource_grant_table };
    uint64_t gfn = SCRATCH;
    grant_entry_v1_t e = { .flags = GTF_permit_access, .domid = 0, .frame = 0x55 };

    (void)state;
    assert_int_equal(MEM(world.v0, XENMEM_acquire_resource, &a), 0);
    assert_int_equal(a.nr_frames, 64);
    a.nr_frames = 1;
    a.frame_list.p = (void *)world_put(world.dom0, &gfn, sizeof(gfn));
    assert_int_equal(MEM(world.v0, XENMEM_acquire_resource, &a), 0);
    world_put_at(world.dom0, (SCRATCH << 12) + sizeof(e), &e, sizeof(e));
    assert_int_equal(world.guest->grants.frame[0][1].frame, 0x55);
    a.frame = 64;
    assert_int_equal(MEM(world.v0, XENMEM_acquire_resource, &a), -EINVAL);
    a.type = XENMEM_resource_ioreq_server;
    assert_int_equal(MEM(world.v0, XENMEM_acquire_resource, &a), -ENOENT);
    a.type = XENMEM_resource_vmtrace_buf;
    assert_int_equal(MEM(world.v0, XENMEM_acquire_resource, &a), -EOPNOTSUPP);
}

static void tools_get_the_errors_that_they_tolerate(void **state)
{
    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_memory_op, XENMEM_get_sharing_freed_pages, 0, 0),
                     -ENOSYS);
    assert_int_equal(dom0_call(__HYPERVISOR_memory_op, XENMEM_get_sharing_shared_pages, 0, 0),
                     -ENOSYS);
    assert_int_equal(dom0_call(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, 0, 0), -EOPNOTSUPP);
    assert_int_equal(dom0_call(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0, 0),
                     (WORLD_RAM >> 12) - 1);
}

static void the_memory_map_is_cut_to_the_callers_room(void **state)
{
    struct { uint64_t start, size; uint32_t type; } __attribute__((packed)) e = { 1, 2, 3 };
    struct xen_memory_map m = { .nr_entries = 128 };

    (void)state;
    m.buffer.p = (void *)world_put(world.dom0, &e, sizeof(e));
    assert_int_equal(MEM(world.v0, XENMEM_memory_map, &m), 0);
    assert_int_equal(m.nr_entries, 1);
    world_get(world.dom0, (uint64_t)m.buffer.p, &e, sizeof(e));
    assert_int_equal(e.size, WORLD_DOM0_RAM);
    m.nr_entries = 0;
    assert_int_equal(MEM(world.v0, XENMEM_memory_map, &m), 0);
    assert_int_equal(m.nr_entries, 0);
}

/* ---- grants ---- */

/* The guest grants its page 9 to dom0 under reference ref. */
static void grant(uint32_t ref, uint16_t flags)
{
    struct xen_add_to_physmap a = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = 0, .gpfn = 0x800
    };
    grant_entry_v1_t e = { .flags = GTF_permit_access | flags, .domid = 0, .frame = 9 };

    assert_int_equal(MEM(world.g0, XENMEM_add_to_physmap, &a), 0);
    world_put_at(world.guest, (0x800 << 12) + ref * sizeof(e), &e, sizeof(e));
}

static uint16_t entry_flags(uint32_t ref)
{
    return world.guest->grants.frame[0][ref].flags;
}

static void a_granted_page_is_mapped_and_unmapped(void **state)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = SCRATCH << 12, .flags = GNTMAP_host_map, .ref = 8, .dom = 1
    };
    struct gnttab_unmap_grant_ref u = { .host_addr = SCRATCH << 12 };
    mfn_t page = p2m_lookup(&world.guest->p2m, gfn_of(9)).mfn;
    char text[6];

    (void)state;
    grant(8, 0);
    world_put_at(world.guest, 9 << 12, "grant", 6);
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_equal(m.status, GNTST_okay);
    world_get(world.dom0, SCRATCH << 12, text, 6);
    assert_string_equal(text, "grant");
    assert_int_equal(frame_of(page)->refs, 2);
    assert_int_equal(entry_flags(8) & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    u.handle = m.handle;
    assert_int_equal(GNT(world.v0, GNTTABOP_unmap_grant_ref, &u), 0);
    assert_int_equal(u.status, GNTST_okay);
    assert_int_equal(frame_of(page)->refs, 1);
    assert_int_equal(entry_flags(8) & (GTF_reading | GTF_writing), 0);
    assert_int_equal(type_at(world.dom0, SCRATCH), P2M_HOLE);
    assert_int_equal(GNT(world.v0, GNTTABOP_unmap_grant_ref, &u), 0);
    assert_int_equal(u.status, GNTST_bad_handle);
}

static void what_is_not_granted_is_not_mapped(void **state)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = SCRATCH << 12, .flags = GNTMAP_host_map, .ref = 8, .dom = 1
    };

    (void)state;
    grant(8, GTF_readonly);
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_not_equal(m.status, GNTST_okay);
    m.ref = 9;
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_not_equal(m.status, GNTST_okay);
    m.ref = 100000;
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_equal(m.status, GNTST_bad_gntref);
    m.dom = 55;
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_equal(m.status, GNTST_bad_domain);
    m = (struct gnttab_map_grant_ref){
        .host_addr = SCRATCH << 12, .flags = GNTMAP_host_map | GNTMAP_readonly, .ref = 8, .dom = 1
    };
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_equal(m.status, GNTST_okay);
    assert_int_equal(type_at(world.dom0, SCRATCH), P2M_GRANT_RO);
}

static void a_mapped_grant_is_not_replaced_from_below(void **state)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = SCRATCH << 12, .flags = GNTMAP_host_map, .ref = 8, .dom = 1
    };
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = SCRATCH };
    struct xen_add_to_physmap a = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn, .idx = 0x300, .gpfn = SCRATCH
    };

    (void)state;
    grant(8, 0);
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_equal(m.status, GNTST_okay);
    assert_int_equal(MEM(world.v0, XENMEM_remove_from_physmap, &r), -EBUSY);
    assert_int_equal(MEM(world.v0, XENMEM_add_to_physmap, &a), -EBUSY);
    assert_int_equal(frame_of(mfn_of(0x300))->refs, 1);
    assert_int_equal(type_at(world.dom0, 0x300), P2M_RAM_RW);
}

/* A mapped grant is taken back some day; what the hypervisor writes on its own must not follow it.
 */
static void shared_areas_lie_in_own_memory_only(void **state)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = SCRATCH << 12, .flags = GNTMAP_host_map, .ref = 8, .dom = 1
    };
    struct vcpu_register_vcpu_info r = { .mfn = SCRATCH };
    struct evtchn_init_control i = { .control_gfn = SCRATCH };
    uint64_t at;

    (void)state;
    grant(8, 0);
    assert_int_equal(GNT(world.v0, GNTTABOP_map_grant_ref, &m), 0);
    assert_int_equal(m.status, GNTST_okay);
    at = world_put(world.dom0, &r, sizeof(r));
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, at), -EINVAL);
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, &i),
                     -EINVAL);
}

/* More than are copied at one go, and one of them across the end of a page. */
#define MANY 20U
static void put_maps(uint64_t at)
{
    for (uint32_t i = 0; i < MANY; i++) {
        struct gnttab_map_grant_ref m = {
            .host_addr = (SCRATCH + i) << 12, .flags = GNTMAP_host_map, .ref = 8 + i, .dom = 1
        };

        grant(8 + i, 0);
        if (at + (i + 1) * sizeof(m) <= WORLD_DOM0_RAM)
            world_put_at(world.dom0, at + i * sizeof(m), &m, sizeof(m));
    }
}

static void many_grants_are_mapped_and_unmapped_by_one_call(void **state)
{
    uint64_t maps = (0x311UL << 12) - 3 * sizeof(struct gnttab_map_grant_ref) - 16, unmaps = (0x321UL << 12) - 40;
    mfn_t page = p2m_lookup(&world.guest->p2m, gfn_of(9)).mfn;
    struct gnttab_unmap_grant_ref u;
    struct gnttab_map_grant_ref m;

    (void)state;
    put_maps(maps);
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, maps, MANY), 0);
    assert_int_equal(frame_of(page)->refs, 1 + MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        world_get(world.dom0, maps + i * sizeof(m), &m, sizeof(m));
        assert_int_equal(m.status, GNTST_okay);
        assert_int_equal(m.dev_bus_addr, page.v << 12);
        assert_int_equal(type_at(world.dom0, SCRATCH + i), P2M_GRANT_RW);
        u = (struct gnttab_unmap_grant_ref){ .host_addr = m.host_addr, .handle = i == 4 ? 999 : m.handle, .status = 1 };
        world_put_at(world.dom0, unmaps + i * sizeof(u), &u, sizeof(u));
    }
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, unmaps, MANY), 0);
    for (uint32_t i = 0; i < MANY; i++) {
        world_get(world.dom0, unmaps + i * sizeof(u), &u, sizeof(u));
        assert_int_equal(u.status, i == 4 ? GNTST_bad_handle : GNTST_okay);
        assert_int_equal(type_at(world.dom0, SCRATCH + i), i == 4 ? P2M_GRANT_RW : P2M_HOLE);
        assert_int_equal(entry_flags(8 + i) & GTF_reading, i == 4 ? GTF_reading : 0);
    }
    assert_int_equal(frame_of(page)->refs, 2);
}

static void requests_before_a_missing_page_are_done(void **state)
{
    uint64_t maps = WORLD_DOM0_RAM - 3 * sizeof(struct gnttab_map_grant_ref) - 16;
    struct gnttab_map_grant_ref m;

    (void)state;
    put_maps(maps);
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, maps, MANY), -EFAULT);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(type_at(world.dom0, SCRATCH + i), i < 3 ? P2M_GRANT_RW : P2M_HOLE);
    for (uint32_t i = 0; i < 3; i++) {
        world_get(world.dom0, maps + i * sizeof(m), &m, sizeof(m));
        assert_int_equal(m.dev_bus_addr >> 12, p2m_lookup(&world.guest->p2m, gfn_of(9)).mfn.v);
    }
}

static void copies_go_between_grants_and_own_pages(void **state)
{
    struct gnttab_copy c = { .source = { .u.ref = 8, .domid = 1, .offset = 0x10 },
                             .dest = { .u.gmfn = 0x301, .domid = DOMID_SELF, .offset = 0x20 },
                             .len = 5, .flags = GNTCOPY_source_gref };
    char text[6] = "";

    (void)state;
    grant(8, GTF_readonly);
    world_put_at(world.guest, (9 << 12) + 0x10, "bytes", 5);
    assert_int_equal(GNT(world.v0, GNTTABOP_copy, &c), 0);
    assert_int_equal(c.status, GNTST_okay);
    world_get(world.dom0, (0x301 << 12) + 0x20, text, 5);
    assert_string_equal(text, "bytes");
    assert_int_equal(entry_flags(8) & GTF_reading, 0);
    c.len = 4096;
    assert_int_equal(GNT(world.v0, GNTTABOP_copy, &c), 0);
    assert_int_equal(c.status, GNTST_bad_copy_arg);
    c = (struct gnttab_copy){ .source = { .u.gmfn = 0x301, .domid = DOMID_SELF }, .len = 5,
                              .dest = { .u.ref = 8, .domid = 1 }, .flags = GNTCOPY_dest_gref };
    assert_int_equal(GNT(world.v0, GNTTABOP_copy, &c), 0);
    assert_int_not_equal(c.status, GNTST_okay);
}

static void counts_of_grant_requests_are_bounded(void **state)
{
    struct gnttab_query_size q = { .dom = DOMID_SELF };
    uint64_t at = world_put(world.dom0, &q, sizeof(q));

    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, at, 0), -EINVAL);
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, at, 2), -EINVAL);
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, at, 1), 0);
    world_get(world.dom0, at, &q, sizeof(q));
    assert_int_equal(q.status, GNTST_okay);
    assert_int_equal(q.max_nr_frames, 64);
    assert_int_equal(
        dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, WORLD_BAD_POINTER, 0), 0);
    assert_int_equal(
        dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, WORLD_BAD_POINTER, 1),
        -EFAULT);
    assert_int_equal(
        dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, at, 0x80000000UL), -EINVAL);
    assert_int_equal(dom0_call(__HYPERVISOR_grant_table_op, GNTTABOP_transfer, at, 1), -ENOSYS);
}

static void only_version_1_can_be_set(void **state)
{
    struct gnttab_set_version s = { 2 };
    struct gnttab_get_version g = { .dom = DOMID_SELF };

    (void)state;
    assert_int_equal(GNT(world.v0, GNTTABOP_set_version, &s), -ENOSYS);
    s.version = 1;
    assert_int_equal(GNT(world.v0, GNTTABOP_set_version, &s), 0);
    assert_int_equal(GNT(world.v0, GNTTABOP_get_version, &g), 0);
    assert_int_equal(g.version, 1);
}

/* ---- 32-bit callers: what hvmloader does ---- */

static void a_32_bit_caller_gets_the_same_effects(void **state)
{
    struct {
        uint16_t domid, size;
        uint32_t space, idx, gpfn;
    } add = { DOMID_SELF, 0, XENMAPSPACE_shared_info, 0, 0x600 };
    struct {
        uint32_t extents, n, order, flags;
        uint16_t domid, pad;
    } r = { 0, 2, 0, 0, DOMID_SELF, 0 };
    uint32_t gfn[2] = { 0x700, 0x701 };

    (void)state;
    world.bits32 = true;
    assert_int_equal(MEM(world.g0, XENMEM_add_to_physmap, &add), 0);
    assert_int_equal(type_at(world.guest, 0x600), P2M_SHARED);
    r.extents = (uint32_t)world_put(world.guest, gfn, sizeof(gfn));
    assert_int_equal(MEM(world.g0, XENMEM_populate_physmap, &r), 2);
    assert_int_equal(type_at(world.guest, 0x701), P2M_RAM_RW);
    /* Tools have no 32-bit form. */
    assert_int_equal(dom0_call(__HYPERVISOR_domctl, WORLD_BAD_POINTER, 0, 0), -ENOSYS);
}

/* hvmloader clears the page before it hands over, and the kernel behind it divides by the clock's multiplier. */
static void shared_info_has_a_clock_whenever_it_is_mapped(void **state)
{
    struct xen_add_to_physmap add = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = 0x600 };
    struct shared_info *s = world.guest->shared_info;

    (void)state;
    assert_int_equal(MEM(world.g0, XENMEM_add_to_physmap, &add), 0);
    assert_int_not_equal(s->vcpu_info[0].time.tsc_to_system_mul, 0);
    memset(s, 0, sizeof(*s));
    add.gpfn = 1;
    assert_int_equal(MEM(world.g0, XENMEM_add_to_physmap, &add), 0);
    assert_int_not_equal(s->vcpu_info[0].time.tsc_to_system_mul, 0);
    assert_int_not_equal(s->wc_version, 0);
}

static int64_t claim(uint64_t pages)
{
    struct xen_memory_reservation r = { .nr_extents = pages, .domid = 1 };

    return MEM(world.v0, XENMEM_claim_pages, &r);
}

static void a_claim_is_kept_until_it_is_used_or_given_up(void **state)
{
    uint64_t gfn = 0x5000, has = world.guest->tot_pages;

    (void)state;
    world.guest->max_pages = frames_total();
    assert_int_equal(claim(has), -EINVAL);
    assert_int_equal(claim(frames_total()), -ENOMEM);
    assert_int_equal(claim(has + 3), 0);
    assert_int_equal(frames_claimed(), 3);
    assert_int_equal(claim(has + 3), -EINVAL);
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, &gfn, 1, 0), 1);
    assert_int_equal(frames_claimed(), 2);
    assert_int_equal(claim(0), 0);
    assert_int_equal(frames_claimed(), 0);
    world.guest->max_pages = has + 2;
    assert_int_equal(claim(has + 3), -EINVAL);
}

/* What was small pages, all given up, becomes a large one again; the table that stood there is freed after the flush. */
static void a_large_page_takes_the_place_of_an_emptied_table(void **state)
{
    uint64_t gfn[512], tables;

    (void)state;
    world.guest->max_pages += 1024;
    for (uint64_t i = 0; i < 512; i++)
        gfn[i] = 0x400 + i;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, gfn, 512, 0), 512);
    tables = world.guest->p2m.slat.table_count;
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, gfn, 1, 9), 1);   /* page by page: something is there */
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(0x400)).order, 0);
    assert_int_equal(reservation(world.v0, XENMEM_decrease_reservation, 1, gfn, 512, 0), 512);
    assert_int_equal(world.guest->p2m.slat.table_count, tables);
    assert_int_equal(reservation(world.v0, XENMEM_populate_physmap, 1, gfn, 1, 9), 1);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(0x400)).order, PAGE_ORDER_2M);
    assert_int_equal(world.guest->p2m.slat.table_count, tables - 1);
    assert_int_equal(world.guest->p2m.slat.retired_count, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(dom0_gets_the_same_page_back),
        T(dom0_gets_no_page_that_was_not_its_own),
        T(a_page_given_up_twice_is_counted_once),
        T(a_guest_is_populated_up_to_its_limit),
        T(large_pages_are_used_and_can_be_taken_apart),
        T(running_out_of_frames_undoes_the_extent),
        T(a_page_can_be_moved),
        T(a_range_of_pages_moves_with_interruptions),
        T(foreign_pages_are_mapped_one_by_one_with_errors_of_their_own),
        T(a_batch_goes_on_after_an_interruption),
        T(a_guest_sees_no_foreign_pages),
        T(a_mapped_page_outlives_its_giving_up),
        T(the_grant_table_of_a_guest_is_a_resource),
        T(tools_get_the_errors_that_they_tolerate),
        T(the_memory_map_is_cut_to_the_callers_room),
        T(a_granted_page_is_mapped_and_unmapped),
        T(what_is_not_granted_is_not_mapped),
        T(a_mapped_grant_is_not_replaced_from_below),
        T(shared_areas_lie_in_own_memory_only),
        T(many_grants_are_mapped_and_unmapped_by_one_call),
        T(requests_before_a_missing_page_are_done),
        T(copies_go_between_grants_and_own_pages),
        T(counts_of_grant_requests_are_bounded),
        T(only_version_1_can_be_set),
        T(a_claim_is_kept_until_it_is_used_or_given_up),
        T(a_large_page_takes_the_place_of_an_emptied_table),
        T(a_32_bit_caller_gets_the_same_effects),
        T(shared_info_has_a_clock_whenever_it_is_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
