/* SPDX-License-Identifier: BSD-2-Clause */
/* The state at the PVH entry (xen/arch-x86/hvm/start_info.h) and what start_info leads to. */
#include "cpu.h"
#include "hypercall.h"

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/memory.h>

#define RFLAGS_FIXED 0x2
#define RAM 1
#define ACPI 3

struct e820 { uint64_t start, size; uint32_t type; } __attribute__((packed));

GUEST_TEST(entry_registers, "the first CPU begins in flat 32-bit mode with start_info in EBX and nothing else on")
{
    const struct entry_state *e = &entry_state;

    check_equal(e->cr0 & ~(uint32_t)CR0_ET, CR0_PE);
    check_equal(e->cr4, 0);
    check_equal(e->efer, 0);
    check_equal(e->eflags & 0x3ffd7, RFLAGS_FIXED);
    check(e->ebx != 0 && e->ebx < 0x40000000);
    check_equal(e->ldtr, 0);
}

GUEST_TEST(entry_start_info, "start_info names a command line, a memory map and ACPI tables")
{
    const struct hvm_start_info *s = (const void *)(uintptr_t)entry_state.ebx;
    const uint8_t *rsdp = (const void *)(uintptr_t)s->rsdp_paddr;
    uint8_t sum = 0;

    check_equal(s->magic, XEN_HVM_START_MAGIC_VALUE);
    check(s->version >= 1);
    check_equal(s->flags, SIF_PRIVILEGED | SIF_INITDOMAIN);
    check_equal(s->nr_modules, 0);
    check(command_line_has("guest-test"));
    check(s->memmap_entries > 0 && s->memmap_paddr != 0 && s->memmap_paddr < 0x40000000);
    if (!check(memcmp(rsdp, "RSD PTR ", 8) == 0))
        return;
    for (unsigned int i = 0; i < 20; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    check_equal(sum, 0);
    check_equal(rsdp[15], 2);
    check_equal(cpus_told(), command_line_number("cpus=", 1));
}

static const struct hvm_memmap_table_entry *map_entry(unsigned int i)
{
    const struct hvm_start_info *s = (const void *)(uintptr_t)entry_state.ebx;

    return (const struct hvm_memmap_table_entry *)(uintptr_t)s->memmap_paddr + i;
}

static bool is_ram(uint64_t a, uint64_t size)
{
    const struct hvm_start_info *s = (const void *)(uintptr_t)entry_state.ebx;

    for (unsigned int i = 0; i < s->memmap_entries; i++)
        if (map_entry(i)->type == RAM && a >= map_entry(i)->addr &&
            a + size <= map_entry(i)->addr + map_entry(i)->size)
            return true;
    return false;
}

GUEST_TEST(entry_memory_map, "the memory map is sorted, does not overlap, holds what we use, and is XENMEM_memory_map's too")
{
    const struct hvm_start_info *s = (const void *)(uintptr_t)entry_state.ebx;
    static struct e820 e[128];
    struct xen_memory_map m = { .nr_entries = 128 };
    uint64_t end = 0;

    for (unsigned int i = 0; i < s->memmap_entries; i++) {
        check(map_entry(i)->addr >= end);
        check(map_entry(i)->size > 0);
        end = map_entry(i)->addr + map_entry(i)->size;
    }
    check(is_ram(0x1000000, address(image_end) - 0x1000000));
    check(is_ram(LOW_PAGE, 8192));
    check(is_ram(entry_state.ebx, sizeof(*s)));
    check(is_ram(s->cmdline_paddr, 1));
    set_xen_guest_handle(m.buffer, e);
    check_equal(memory_op(XENMEM_memory_map, &m), 0);
    if (!check_equal(m.nr_entries, s->memmap_entries))
        return;
    for (unsigned int i = 0; i < m.nr_entries; i++) {
        check_equal(e[i].start, map_entry(i)->addr);
        check_equal(e[i].size, map_entry(i)->size);
        check_equal(e[i].type, map_entry(i)->type);
    }
}

/* Writes a pattern to a page here and there in every RAM entry, then reads all back. */
GUEST_TEST(entry_ram_is_there, "every RAM entry can be written and keeps what was written")
{
    const struct hvm_start_info *s = (const void *)(uintptr_t)entry_state.ebx;
    const uint64_t step = 0x1f7000;

    for (int pass = 0; pass < 2; pass++)
        for (unsigned int i = 0; i < s->memmap_entries; i++) {
            const struct hvm_memmap_table_entry *r = map_entry(i);

            if (r->type != RAM || r->addr < 0x4000000)      /* the low ones are full of things in use */
                continue;
            for (uint64_t a = r->addr + (8UL << 20); a + 8 <= r->addr + r->size; a += step) {
                volatile uint64_t *p = (uint64_t *)a;

                if (pass == 0)
                    *p = a ^ 0x5a5a;
                else
                    check_equal(*p, a ^ 0x5a5a);
            }
        }
}
