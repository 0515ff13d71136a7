/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's own memory: moving pages, giving them back, and what is not RAM. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define SCRATCH 0x110000000UL
#define IOAPIC 0xfec00000UL

static int64_t reservation(unsigned int op, xen_pfn_t gfn)
{
    static xen_pfn_t list[1];
    struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = 0, .domid = DOMID_SELF };

    list[0] = gfn;
    set_xen_guest_handle(r.extent_start, list);
    return memory_op(op, &r);
}

GUEST_TEST(memory_balloon, "a page that is given up is gone, and comes back when asked for")
{
    volatile uint64_t *page = page_alloc();
    uint64_t gfn = address(page) >> 12, before, domid = DOMID_SELF;

    before = (uint64_t)memory_op(XENMEM_current_reservation, &domid);
    page[0] = 77;
    check_equal(reservation(XENMEM_decrease_reservation, gfn), 1);
    check_equal(memory_op(XENMEM_current_reservation, &domid), before - 1);
    check(page[0] != 77);
    check_equal(reservation(XENMEM_decrease_reservation, gfn), 0);
    check_equal(reservation(XENMEM_populate_physmap, gfn), 1);
    page[0] = 78;
    check_equal(page[0], 78);
    check_equal(memory_op(XENMEM_current_reservation, &domid), before);
}

GUEST_TEST(memory_move, "a page can be moved to another frame, with what it holds")
{
    volatile uint64_t *page = page_alloc(), *there = (uint64_t *)SCRATCH;
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn, .idx = address(page) >> 12,
                                    .gpfn = SCRATCH >> 12 };
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = SCRATCH >> 12 };

    page[3] = 0xabcdef;
    check_equal(memory_op(XENMEM_add_to_physmap, &a), 0);
    check_equal(there[3], 0xabcdef);
    check(page[3] != 0xabcdef);
    a.idx = SCRATCH >> 12;
    a.gpfn = address(page) >> 12;
    check_equal(memory_op(XENMEM_add_to_physmap, &a), 0);
    check_equal(page[3], 0xabcdef);
    check(memory_op(XENMEM_remove_from_physmap, &r) < 0);
    a.space = 99;
    check(memory_op(XENMEM_add_to_physmap, &a) < 0);
}

GUEST_TEST(memory_nothing_there, "addresses where nothing is read as all ones and swallow writes, in every size")
{
    static const uint64_t holes[] = { 0x120000000, 0x180000000, 0x90000000, 0xd0000000, 0xfed10000 };

    for (unsigned int i = 0; i < ARRAY_COUNT(holes); i++) {
        volatile uint8_t *p = (uint8_t *)holes[i];

        *(volatile uint32_t *)p = 0x12345678;
        *p = 1;
        *(volatile uint64_t *)p = 1;
        if (*p != 0xff || *(volatile uint16_t *)p != 0xffff || *(volatile uint32_t *)p != ~0U ||
            *(volatile uint64_t *)p != ~0UL)
            fail("at 0x%lx: 0x%lx", holes[i], *(volatile uint64_t *)p);
    }
}

/* Instructions that touch a hole in other ways than MOV. */
GUEST_TEST(memory_instructions, "string, locked and read-modify-write instructions on a hole do not end anything")
{
    uint8_t *hole = (uint8_t *)0x120001000, *page = page_alloc();
    uint64_t v = 5;

    memcpy(page, hole, 64);
    for (int i = 0; i < 64; i++)
        check_equal(page[i], 0xff);
    memset(hole, 0, 64);
    memcpy(hole, page, 64);
    __asm__ volatile("lock incl (%0); lock xadd %1, (%0); orl $1, (%0); btsl $3, (%0); cmpl $0, (%0)"
                     : : "r"(hole), "r"(v) : "memory", "cc");
    __asm__ volatile("lock cmpxchg %1, (%0)" : : "r"(hole), "r"(v), "a"(0UL) : "memory", "cc");
}

GUEST_TEST(memory_rom, "the BIOS can be read, and survives writes")
{
    volatile uint8_t *bios = (uint8_t *)0xffff0;
    uint8_t before = bios[0];

    check_equal(before, 0xea);                             /* a far jump, on every PC */
    bios[0] = 0;
    check_equal(bios[0], before);
}

static uint32_t ioapic_read(uint8_t index)
{
    *(volatile uint32_t *)IOAPIC = index;
    return *(volatile uint32_t *)(IOAPIC + 0x10);
}

static void ioapic_write(uint8_t index, uint32_t value)
{
    *(volatile uint32_t *)IOAPIC = index;
    *(volatile uint32_t *)(IOAPIC + 0x10) = value;
}

GUEST_TEST(memory_ioapic, "the IO-APIC's registers are emulated: version, and redirection entries that keep their bits")
{
    uint32_t version = ioapic_read(1), pins = (version >> 16 & 0xff) + 1;

    check(pins >= 24);
    for (uint32_t i = 0; i < pins; i++)
        check(ioapic_read((uint8_t)(0x10 + 2 * i)) & 0x10000);        /* masked at first */
    ioapic_write(0x10 + 2 * 20, 0x10061);
    ioapic_write(0x11 + 2 * 20, 0);
    check_equal(ioapic_read(0x10 + 2 * 20), 0x10061);
    /* Delivery status and remote IRR are read-only. */
    ioapic_write(0x10 + 2 * 20, 0x10061 | 0x5000);
    check_equal(ioapic_read(0x10 + 2 * 20), 0x10061);
    ioapic_write(0x10 + 2 * 20, 0x10000);
    for (unsigned int i = 0; i < 256; i++)
        (void)ioapic_read((uint8_t)i);
    for (unsigned int offset = 0; offset < 4096; offset += 4)
        if (offset != 0x40)
            (void)*(volatile uint32_t *)(IOAPIC + offset);
}
