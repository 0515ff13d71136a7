/* SPDX-License-Identifier: BSD-2-Clause */
/* From the loader's memory map to page tables, frame allocator and heap. */
#include "boot.h"

#include <boot/bootmem.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <x86/acpi.h>
#include <x86/paging.h>

#define FOUR_GIB (1UL << 32)
#define LOW_MEMORY (1UL << 20)
/* What the allocator starts with; the rest comes when dom0's share is known. */
#define POOL_FIXED (10UL << 20)     /* stacks of 128 CPUs and what the scheduler and VMX need for them */
#define POOL_SHIFT 9U              /* plus 1/512 of RAM */
#define POOL_ALIGN (2UL << 20)

/* Early page tables reach 4 GiB, so that is where table pages come from. */
static init_text hpa_t early_page(void)
{
    return hpa_of(bootmem_alloc(PAGE_SIZE, PAGE_SIZE, FOUR_GIB, true));
}

static hpa_t heap_page(void)
{
    void *p = heap_alloc_pages(0);

    return p != NULL ? virt_to_phys(p) : hpa_of(0);
}

/* RAM, and what the firmware left in it; the first MiB whole, for tables and the text screen. */
static init_text unsigned int direct_ranges(struct paging_range *to)
{
    const struct memmap *m = bootmem_map();
    unsigned int n = 0;

    to[n++] = (struct paging_range){ 0, LOW_MEMORY };
    for (unsigned int i = 0; i < m->count; i++) {
        const struct mem_region *r = &m->r[i];
        uint64_t start = max_of(ALIGN_DOWN(r->start, PAGE_SIZE), LOW_MEMORY);
        uint64_t end = ALIGN_UP(r->start + r->size, PAGE_SIZE);

        if ((r->type == E820_RAM || r->type == E820_ACPI || r->type == E820_NVS) && start < end)
            to[n++] = (struct paging_range){ start, end };
    }
    return n;
}

init_text const char *memory_map_pages(void)
{
    static struct paging_range ranges[MEMMAP_MAX + 1] init_data;
    struct paging_request req = { ranges, direct_ranges(ranges), early_page };

    paging_init(&req);
    return NULL;
}

/* A pool of its own, so that boot can allocate before dom0's share of RAM is decided. */
static init_text uint64_t fill_pool(void)
{
    uint64_t want = ALIGN_UP(POOL_FIXED + (memmap_total(bootmem_map(), E820_RAM) >> POOL_SHIFT),
                             POOL_ALIGN);
    uint64_t got = 0;

    for (uint64_t size = want; size >= POOL_ALIGN && got < want;) {
        uint64_t at = size <= want - got ? bootmem_alloc(size, POOL_ALIGN, UINT64_MAX, false) : 0;

        if (at == 0) {
            size /= 2;
            continue;
        }
        frames_add_free((struct mem_range){ at, at + size });
        got += size;
    }
    return got;
}

init_text const char *memory_start_allocators(void)
{
    uint64_t frames = bootmem_ram_end() >> PAGE_SHIFT;
    uint64_t table = bootmem_alloc(frames * sizeof(struct frame), PAGE_SIZE, UINT64_MAX, false);
    uint64_t pool;

    if (table == 0)
        return "There is not enough RAM for Tenon's frame table.";
    frames_init(phys_to_virt(hpa_of(table)), frames);
    pool = fill_pool();
    if (pool < POOL_FIXED / 2)
        return "There is not enough RAM for Tenon itself: it needs 16 MiB above address 16 MiB.";
    paging_set_page_source(heap_page);
    log_info("Memory: %lu MiB of RAM, frame table %lu KiB, first pool %lu MiB",
             memmap_total(bootmem_map(), E820_RAM) >> 20, frames * sizeof(struct frame) >> 10,
             pool >> 20);
    return NULL;
}

static init_text const void *acpi_map(void *ctx unused_arg, hpa_t a, size_t size)
{
    if (size == 0 || a.v + size < a.v)
        return NULL;
    return paging_is_direct_mapped(a, size) ? phys_to_virt(a) : map_device(a, size, MAP_WB);
}

init_text const struct acpi_memory *memory_acpi_window(void)
{
    static const struct acpi_memory window = { acpi_map, NULL };

    return &window;
}
