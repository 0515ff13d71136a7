/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants from us to ourselves (xen/grant_table.h): map, use, unmap, copy. */
#include "cpu.h"
#include "hypercall.h"

#define SCRATCH 0x100000000UL            /* above all RAM: where nothing is */

static volatile grant_entry_v1_t *table(void)
{
    static volatile grant_entry_v1_t *t;
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = 0 };

    if (!t) {
        void *page = page_alloc();

        a.gpfn = address(page) >> 12;
        check_equal(memory_op(XENMEM_add_to_physmap, &a), 0);
        t = page;
    }
    return t;
}

static void grant(uint32_t ref, const void *page, uint16_t flags)
{
    table()[ref].domid = 0;
    table()[ref].frame = (uint32_t)(address(page) >> 12);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    table()[ref].flags = flags;
}

static int map(uint32_t ref, uint32_t flags, uint64_t where, grant_handle_t *handle)
{
    struct gnttab_map_grant_ref m = { .host_addr = where, .flags = flags, .ref = ref, .dom = DOMID_SELF };

    check_equal(grant_op(GNTTABOP_map_grant_ref, &m, 1), 0);
    *handle = m.handle;
    return m.status;
}

static int unmap(uint64_t where, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref u = { .host_addr = where, .handle = handle };

    check_equal(grant_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    return u.status;
}

GUEST_TEST(grants_map, "a granted page is seen at the address it is mapped to, and gone after the unmap")
{
    volatile uint64_t *page = page_alloc(), *there = (uint64_t *)SCRATCH;
    grant_handle_t h, h2;

    grant(8, (void *)page, GTF_permit_access);
    page[5] = 0x1234567812345678;
    if (!check_equal(map(8, GNTMAP_host_map, SCRATCH, &h), GNTST_okay))
        return;
    check_equal(there[5], 0x1234567812345678);
    there[6] = 42;
    check_equal(page[6], 42);
    check_equal(table()[8].flags, GTF_permit_access | GTF_reading | GTF_writing);
    check_equal(map(8, GNTMAP_host_map, SCRATCH + 4096, &h2), GNTST_okay);
    check_equal(there[512 + 5], 0x1234567812345678);
    check_equal(unmap(SCRATCH, h2), GNTST_bad_virt_addr);
    check_equal(unmap(SCRATCH + 4096, h2), GNTST_okay);
    check_equal(unmap(SCRATCH + 4096, h2), GNTST_bad_handle);
    check_equal(unmap(SCRATCH, h), GNTST_okay);
    check_equal(table()[8].flags, GTF_permit_access);
    check(there[5] != 0x1234567812345678);
    check_equal(page[6], 42);
}

GUEST_TEST(grants_refuse, "what was not granted is not mapped, and read-only is read-only")
{
    uint64_t *page = page_alloc();
    grant_handle_t h;

    grant(9, page, GTF_permit_access | GTF_readonly);
    check_equal(map(9, GNTMAP_host_map, SCRATCH, &h), GNTST_general_error);
    check_equal(map(9, GNTMAP_host_map | GNTMAP_readonly, SCRATCH, &h), GNTST_okay);
    check_equal(unmap(SCRATCH, h), GNTST_okay);
    table()[9].flags = 0;
    check(map(9, GNTMAP_host_map | GNTMAP_readonly, SCRATCH, &h) < 0);
    check(map(0x7fffffff, GNTMAP_host_map, SCRATCH, &h) < 0);
    grant(9, (void *)0xfee00000, GTF_permit_access);       /* no RAM */
    check(map(9, GNTMAP_host_map, SCRATCH, &h) < 0);
    table()[9].flags = 0;
    check_equal(unmap(SCRATCH, 0x7fffffff), GNTST_bad_handle);
}

GUEST_TEST(grants_copy, "a copy by reference moves bytes, and refuses to leave a page")
{
    uint8_t *from = page_alloc(), *to = page_alloc();
    struct gnttab_copy c = { .flags = GNTCOPY_source_gref, .len = 100 };

    for (int i = 0; i < 4096; i++)
        from[i] = (uint8_t)(i * 7);
    grant(10, from, GTF_permit_access | GTF_readonly);
    c.source.u.ref = 10;
    c.source.domid = DOMID_SELF;
    c.source.offset = 50;
    c.dest.u.gmfn = address(to) >> 12;
    c.dest.domid = DOMID_SELF;
    c.dest.offset = 3996;
    check_equal(grant_op(GNTTABOP_copy, &c, 1), 0);
    check_equal(c.status, GNTST_okay);
    check_equal(memcmp(from + 50, to + 3996, 100), 0);
    c.dest.offset = 3997;
    check_equal(grant_op(GNTTABOP_copy, &c, 1), 0);
    check(c.status < 0);
    table()[10].flags = 0;
}
