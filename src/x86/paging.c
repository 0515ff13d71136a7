/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's page tables (SDM volume 3, chapter 4). Four areas, one PML4 slot or more each:
 *   direct map   slot 256 up    RAM, ACPI tables; writable, never executable; largest pages that fit
 *   device area  slot 384       map_device(); addresses are handed out once and never reused
 *   stacks       slot 385       map_stack(); an unmapped page below each
 *   image        slot 511       text RX, rodata R, data RW
 * The image's alias in the direct map is writable only where the image is. All table pages lie in the
 * direct map. Changes are made by the boot CPU while booting, or by callers that exclude each other.
 */
#include <x86/paging.h>

#include <hv/assert.h>
#include <hv/regs.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/smp.h>

#include "image.h"

#define PTE_P 0x1ULL
#define PTE_W 0x2ULL
#define PTE_PWT 0x8ULL
#define PTE_PCD 0x10ULL
#define PTE_LARGE 0x80ULL
#define PTE_PAT_4K 0x80ULL
#define PTE_NX BIT(63)
#define PTE_ADDR 0x000ffffffffff000ULL

#define RIGHTS_RX 0ULL
#define RIGHTS_R PTE_NX
#define RIGHTS_RW (PTE_NX | PTE_W)

#define DEVICE_BASE 0xffffc00000000000UL
#define STACK_BASE 0xffffc08000000000UL
#define AREA_SIZE (1UL << 39)
#define LOWER_HALF_END (1UL << 47)

extern uint64_t early_pml4[512];

static uint64_t image_phys;
static hpa_t root;
static hpa_t (*page_source)(void);
static bool have_1g;
static struct paging_range direct[64];
static unsigned int direct_count;
static uint64_t device_next = DEVICE_BASE, stack_next = STACK_BASE;

/* Bits of the address below the page of a level: 1 4K, 2 2M, 3 1G. */
static unsigned int level_shift(unsigned int level) { return PAGE_SHIFT + 9 * (level - 1); }

static uint64_t *table_of(uint64_t entry) { return phys_to_virt(hpa_of(entry & PTE_ADDR)); }

static uint64_t *entry_of(uint64_t *table, uint64_t va, unsigned int level)
{
    return &table[va >> level_shift(level) & 511];
}

/* The table below an entry, made if need be. NULL: out of memory, or a large page is there already. */
static uint64_t *descend(uint64_t *entry)
{
    hpa_t page;

    if ((*entry & PTE_P) && (*entry & PTE_LARGE))
        return NULL;
    if (!(*entry & PTE_P)) {
        page = page_source();
        if (page.v == 0)
            return NULL;
        *entry = page.v | PTE_P | PTE_W;
    }
    return table_of(*entry);
}

static unsigned int largest_level(uint64_t va, uint64_t pa, uint64_t size, unsigned int max_level)
{
    unsigned int level = max_level;

    while (level > 1 && (((va | pa) & ((1ULL << level_shift(level)) - 1)) != 0 ||
                         size < 1ULL << level_shift(level)))
        level--;
    return level;
}

/* Maps one page of the given level; a page that a larger one covers already stays as it is. */
static bool map_page(hpa_t top, uint64_t va, uint64_t pa, uint64_t bits, unsigned int level)
{
    uint64_t *table = phys_to_virt(top);

    for (unsigned int l = 4; l > level; l--) {
        uint64_t *entry = entry_of(table, va, l);

        table = descend(entry);
        if (table == NULL)
            return (*entry & PTE_P) != 0;
    }
    *entry_of(table, va, level) = pa | bits | PTE_P | (level > 1 ? PTE_LARGE : 0);
    return true;
}

/* Page-aligned. false: out of memory for tables. */
static bool map_range_in(hpa_t top, uint64_t va, uint64_t pa, uint64_t size, uint64_t bits,
                         unsigned int max_level)
{
    while (size > 0) {
        unsigned int level = largest_level(va, pa, size, max_level);
        uint64_t step = 1ULL << level_shift(level);

        if (!map_page(top, va, pa, bits, level))
            return false;
        va += step;
        pa += step;
        size -= step;
    }
    return true;
}

static bool map_range(uint64_t va, uint64_t pa, uint64_t size, uint64_t bits, unsigned int max_level)
{
    return map_range_in(root, va, pa, size, bits, max_level);
}

/* The entry that maps va, and its level; NULL if none. */
static uint64_t *lookup(uint64_t va, unsigned int *level)
{
    uint64_t *table = phys_to_virt(root);

    for (unsigned int l = 4; l >= 1; l--) {
        uint64_t *entry = entry_of(table, va, l);

        if (!(*entry & PTE_P))
            return NULL;
        if (l == 1 || (l < 4 && (*entry & PTE_LARGE))) {
            *level = l;
            return entry;
        }
        table = table_of(*entry);
    }
    return NULL;
}

/* An image part under its own address and, without execution, in the direct map. */
static void map_image_part(const char *start, const char *end, uint64_t rights)
{
    uint64_t offset = (uint64_t)(start - image_start);
    uint64_t size = (uint64_t)(end - start);

    BUG_ON(!map_range((uint64_t)(uintptr_t)start, image_phys + offset, size, rights, 1));
    BUG_ON(!map_range(DIRECT_MAP_BASE + image_phys + offset, image_phys + offset, size,
                      rights | PTE_NX, 1));
}

static void map_image(void)
{
    map_image_part(text_start, text_end, RIGHTS_RX);
    map_image_part(rodata_start, rodata_end, RIGHTS_R);
    map_image_part(ro_after_init_start, data_end, RIGHTS_RW);
    map_image_part(init_start, init_text_end, RIGHTS_RX);
    map_image_part(init_text_end, init_end, RIGHTS_RW);
    map_image_part(symbols_start, symbols_end, RIGHTS_R);
}

static void map_direct(uint64_t start, uint64_t end)
{
    if (start < end)
        BUG_ON(!map_range(DIRECT_MAP_BASE + start, start, end - start, RIGHTS_RW,
                          have_1g ? 3 : 2));
}

static void map_ram(const struct paging_range *r)
{
    uint64_t image_size = (uint64_t)(image_end - image_start);

    map_direct(r->start, min_of(r->end, image_phys));
    map_direct(max_of(r->start, image_phys + image_size), r->end);
}

void paging_set_image(uint64_t phys) { image_phys = phys; }
void paging_set_page_source(hpa_t (*page)(void)) { page_source = page; }
hpa_t paging_root(void) { return root; }
hpa_t paging_early_root(void) { return virt_to_phys(early_pml4); }

void paging_init(const struct paging_request *req)
{
    have_1g = cpu_cpuid(0x80000000U, 0).eax >= 0x80000001U &&
              (cpu_cpuid(0x80000001U, 0).edx & BIT(26));
    page_source = req->page;
    root = page_source();
    BUG_ON(root.v == 0 || req->ram_count > ARRAY_COUNT(direct));
    map_image();
    for (unsigned int i = 0; i < req->ram_count; i++) {
        direct[i] = req->ram[i];
        map_ram(&req->ram[i]);
    }
    direct_count = req->ram_count;
    cpu_write_cr3(root.v);
}

bool paging_is_direct_mapped(hpa_t a, uint64_t size)
{
    for (unsigned int i = 0; i < direct_count; i++)
        if (a.v >= direct[i].start && a.v < direct[i].end && size <= direct[i].end - a.v)
            return true;
    return false;
}

hpa_t virt_to_phys(const void *v)
{
    uint64_t va = (uint64_t)(uintptr_t)v;
    unsigned int level;
    const uint64_t *entry;
    uint64_t offset_mask;

    if (va >= (uint64_t)(uintptr_t)image_start)
        return hpa_of(va - (uint64_t)(uintptr_t)image_start + image_phys);
    if (va < DEVICE_BASE)
        return virt_to_phys_direct(v);
    entry = lookup(va, &level);
    BUG_ON(entry == NULL);
    offset_mask = (1ULL << level_shift(level)) - 1;
    return hpa_of((*entry & PTE_ADDR & ~offset_mask) | (va & offset_mask));
}

/* PAT entries as desc_enable_features() sets them; write-combining is entry 5: PAT and PWT. */
static uint64_t cache_bits(enum map_cache cache)
{
    switch (cache) {
    case MAP_WB: return 0;
    case MAP_UC: return PTE_PCD | PTE_PWT;
    case MAP_WC: return PTE_PAT_4K | PTE_PWT;
    }
    return PTE_PCD | PTE_PWT;
}

void *map_device(hpa_t a, size_t size, enum map_cache cache)
{
    uint64_t offset = a.v & ~PAGE_MASK;
    uint64_t bytes = ALIGN_UP(offset + size, PAGE_SIZE);
    /* WC in a large page has its PAT bit elsewhere, so only 4K pages there. */
    bool large = cache != MAP_WC && bytes >= 2UL << 20;
    uint64_t va = device_next;

    if (large)
        va = ALIGN_UP(va, 2UL << 20) | (a.v & ((2UL << 20) - 1) & PAGE_MASK);
    if (size == 0 || bytes < size || bytes > DEVICE_BASE + AREA_SIZE - va)
        return NULL;
    device_next = va + bytes;
    if (!map_range(va, a.v & PAGE_MASK, bytes, RIGHTS_RW | cache_bits(cache), large ? 2 : 1))
        return NULL;
    return (void *)(uintptr_t)(va + offset);
}

void unmap_device(void *v, size_t size)
{
    uint64_t va = (uint64_t)(uintptr_t)v & PAGE_MASK;
    uint64_t end = (uint64_t)(uintptr_t)v + size;
    unsigned int level;

    while (va < end) {
        uint64_t *entry = lookup(va, &level);

        if (entry == NULL)
            return;
        *entry = 0;
        cpu_invlpg((const void *)(uintptr_t)va);
        va = ALIGN_DOWN(va, 1UL << level_shift(level)) + (1UL << level_shift(level));
    }
}

/* --- The second root: foreign code at its physical addresses ---------------------------------- */

hpa_t paging_second_root(void) { return page_source(); }

bool paging_map_identity(hpa_t second, struct paging_range r, bool executable, enum map_cache cache)
{
    uint64_t start = ALIGN_DOWN(r.start, PAGE_SIZE), end = ALIGN_UP(r.end, PAGE_SIZE);
    uint64_t bits = PTE_W | cache_bits(cache) | (executable ? 0 : PTE_NX);

    if (start >= end || end > LOWER_HALF_END)
        return false;
    return map_range_in(second, start, start, end - start, bits, 1);
}

void paging_enter_second_root(hpa_t second)
{
    const uint64_t *from = phys_to_virt(root);
    uint64_t *to = phys_to_virt(second);

    /* The upper half may have got a table since the last time. */
    for (unsigned int i = 256; i < 512; i++)
        to[i] = from[i];
    cpu_write_cr3(second.v);
}

void paging_leave_second_root(void) { cpu_write_cr3(root.v); }

void *map_stack(unsigned int pages)
{
    uint64_t bottom = stack_next + PAGE_SIZE;

    if (bottom + pages * PAGE_SIZE > STACK_BASE + AREA_SIZE)
        return NULL;
    stack_next = bottom + pages * PAGE_SIZE;
    for (uint64_t va = bottom; va < stack_next; va += PAGE_SIZE) {
        hpa_t page = page_source();

        if (page.v == 0 || !map_page(root, va, page.v, RIGHTS_RW, 1))
            return NULL;
    }
    return (void *)(uintptr_t)stack_next;
}

static void set_image_rights(const char *start, const char *end, uint64_t entry_bits)
{
    unsigned int level;

    for (const char *p = start; p < end; p += PAGE_SIZE) {
        uint64_t phys = virt_to_phys(p).v;
        uint64_t *image = lookup((uint64_t)(uintptr_t)p, &level);
        uint64_t *alias = lookup(DIRECT_MAP_BASE + phys, &level);

        BUG_ON(image == NULL || alias == NULL);
        *image = entry_bits != 0 ? phys | entry_bits : 0;
        if (entry_bits != 0)
            *alias = phys | entry_bits;
    }
}

static void reload_tables(void *unused unused_arg) { cpu_write_cr3(root.v); }

struct paging_range paging_seal(void)
{
    uint64_t all[2] = { UINT64_MAX, UINT64_MAX };
    hpa_t init = virt_to_phys(init_start);

    set_image_rights(ro_after_init_start, ro_after_init_end, PTE_P | RIGHTS_R);
    set_image_rights(init_start, init_end, 0);
    /* What was code is ordinary memory from now on. */
    BUG_ON(!map_range(DIRECT_MAP_BASE + init.v, init.v, (uint64_t)(init_end - init_start),
                      RIGHTS_RW, 1));
    reload_tables(NULL);
    if (cpu_count() > 1)
        smp_call(all, reload_tables, NULL);
    return (struct paging_range){ init.v, init.v + (uint64_t)(init_end - init_start) };
}
