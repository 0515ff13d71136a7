/* SPDX-License-Identifier: BSD-2-Clause */
#include <boot/bootmem.h>

#include <hv/assert.h>
#include <lib/string.h>
#include <x86/paging.h>

/* dom0 and the firmware get everything down here. */
#define LOWEST 0x1000000UL

static struct memmap map init_data;
/* Sorted by nothing; adjacent ones are merged as they come, which is the usual case. */
static struct mem_region kept[BOOTMEM_MAX_KEPT] init_data;
static unsigned int kept_count init_data;
static struct mem_region reserved[BOOT_MAX_MODULES + 2] init_data;
static unsigned int reserved_count init_data;

static uint64_t region_end(const struct mem_region *r) { return r->start + r->size; }

static init_text void limit_ram(uint64_t limit)
{
    for (unsigned int i = 0; i < map.count; i++) {
        struct mem_region *r = &map.r[i];

        if (r->type != E820_RAM || region_end(r) <= limit)
            continue;
        if (r->start >= limit)
            r->type = E820_RESERVED;
        else
            r->size = limit - r->start;
    }
    memmap_normalise(&map);
}

init_text const char *bootmem_init(const struct bootinfo *info, uint64_t mem_limit,
                                   uint64_t image_start, uint64_t image_end)
{
    map.count = 0;
    for (unsigned int i = 0; i < info->mmap_count && i < MEMMAP_MAX; i++)
        map.r[map.count++] = (struct mem_region){ info->mmap[i].start, info->mmap[i].size,
                                                  info->mmap[i].type };
    memmap_normalise(&map);
    if (mem_limit != 0)
        limit_ram(ALIGN_DOWN(mem_limit, PAGE_SIZE));
    kept_count = 0;
    reserved_count = 0;
    kept[kept_count++] = (struct mem_region){ image_start, image_end - image_start, E820_RESERVED };
    for (unsigned int i = 0; i < info->module_count; i++)
        bootmem_reserve(info->module[i].start, info->module[i].end);
    if (memmap_total(&map, E820_RAM) < LOWEST)
        return "The boot loader's memory map shows less than 16 MiB of RAM: Tenon cannot run.";
    return NULL;
}

init_text void bootmem_reserve(uint64_t start, uint64_t end)
{
    BUG_ON(reserved_count == ARRAY_COUNT(reserved));
    reserved[reserved_count++] = (struct mem_region){ start, end - start, E820_RESERVED };
}

/* Where [start, end) meets something of the list: the lowest start of those, else end. */
static init_text uint64_t obstacle(const struct mem_region *r, unsigned int count, uint64_t start,
                                   uint64_t end)
{
    uint64_t lowest = end;

    for (unsigned int i = 0; i < count; i++)
        if (start < region_end(&r[i]) && r[i].start < end)
            lowest = min_of(lowest, r[i].start);
    return lowest;
}

/* The highest place in one region of RAM; 0: none. */
static init_text uint64_t find_in(const struct mem_region *r, uint64_t size, uint64_t align,
                                  uint64_t below)
{
    uint64_t end = min_of(region_end(r), below);
    uint64_t floor = max_of(r->start, LOWEST);

    while (end > floor && end - floor >= size) {
        uint64_t start = ALIGN_DOWN(end - size, align);
        uint64_t hit = obstacle(kept, kept_count, start, start + size);

        if (start < floor)
            return 0;
        hit = min_of(hit, obstacle(reserved, reserved_count, start, start + size));
        if (hit == start + size)
            return start;
        end = hit;
    }
    return 0;
}

static init_text void keep(uint64_t start, uint64_t size)
{
    for (unsigned int i = 0; i < kept_count; i++)
        if (kept[i].start == start + size) {
            kept[i].start = start;
            kept[i].size += size;
            return;
        }
    BUG_ON(kept_count == BOOTMEM_MAX_KEPT);
    kept[kept_count++] = (struct mem_region){ start, size, E820_RESERVED };
}

init_text uint64_t bootmem_alloc(uint64_t size, uint64_t align, uint64_t below, bool zero)
{
    size = ALIGN_UP(size, PAGE_SIZE);
    for (unsigned int i = map.count; i-- > 0;) {
        uint64_t at = map.r[i].type == E820_RAM ? find_in(&map.r[i], size, align, below) : 0;

        if (at == 0)
            continue;
        keep(at, size);
        if (zero)
            memset(phys_to_virt(hpa_of(at)), 0, size);
        return at;
    }
    return 0;
}

init_text const struct memmap *bootmem_map(void) { return &map; }

init_text uint64_t bootmem_ram_end(void)
{
    uint64_t end = 0;

    for (unsigned int i = 0; i < map.count; i++)
        if (map.r[i].type == E820_RAM)
            end = max_of(end, region_end(&map.r[i]));
    return end;
}

init_text unsigned int bootmem_kept(const struct mem_region **out)
{
    *out = kept;
    return kept_count;
}
