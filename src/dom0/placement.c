/* SPDX-License-Identifier: BSD-2-Clause */
/* First-fit searches over memory maps: places in dom0's RAM, and the hole that Linux will choose
 * for its scratch range. */
#include "layout_parts.h"

#define SECTION (128ULL << 20)      /* Linux's unit of memory hotplug, in size and alignment */
#define MAX_PHYSMEM_BITS 46U        /* what Linux manages with four-level paging */
#define BIOS_ROM_START 0xffe00000ULL
#define BIOS_ROM_LAST 0xffffffffULL
#define LOW_MIB (1ULL << 20)

/* The obstacle that [at, at + size) meets, or NULL. */
static init_text const struct mem_region *obstacle(const struct placement *p, uint64_t at)
{
    for (unsigned int set = 0; set < ARRAY_COUNT(p->avoid); set++)
        for (unsigned int i = 0; i < p->avoid[set].count; i++) {
            const struct mem_region *r = &p->avoid[set].r[i];

            if (r->size != 0 && at < r->start + r->size && r->start < at + p->size)
                return r;
        }
    return NULL;
}

init_text uint64_t placement_lowest(const struct placement *p)
{
    for (unsigned int i = 0; i < p->map->count; i++) {
        const struct mem_region *ram = &p->map->r[i];
        uint64_t at = max_of(ram->start, p->lo), end = min_of(ram->start + ram->size, p->hi);

        while (ram->type == E820_RAM && at < end && p->size <= end - at) {
            const struct mem_region *o = obstacle(p, at);

            if (!o)
                return at;
            at = ALIGN_UP(o->start + o->size, PAGE_SIZE);
        }
    }
    return 0;
}

init_text uint64_t placement_highest(const struct placement *p)
{
    for (unsigned int i = p->map->count; i-- > 0;) {
        const struct mem_region *ram = &p->map->r[i];
        uint64_t start = max_of(ram->start, p->lo), end = min_of(ram->start + ram->size, p->hi);

        while (ram->type == E820_RAM && start < end && p->size <= end - start) {
            const struct mem_region *o = obstacle(p, end - p->size);

            if (!o)
                return end - p->size;
            end = ALIGN_DOWN(o->start, PAGE_SIZE);
        }
    }
    return 0;
}

/* A span of addresses, both ends included, as Linux keeps them; empty when first > last. */
struct span { uint64_t first, last; };

/* Linux takes a conflict out of a span by keeping the larger of what is left on its two sides. */
static init_text void span_clip(struct span *s, uint64_t first, uint64_t last)
{
    uint64_t low, high;

    if (s->first > s->last || s->last < first || s->first > last)
        return;
    low = s->first < first ? first - s->first : 0;
    high = s->last > last ? s->last - last : 0;
    if (low > high)
        s->last = first - 1;
    else
        s->first = last + 1;
}

/* Regions that are busy in Linux's resource tree when it looks; reserved ones above 1 MiB get into
 * it only later. */
static init_text bool is_busy(const struct mem_region *r)
{
    return r->type != E820_RESERVED || r->start < LOW_MIB;
}

static init_text bool scratch_in_hole(const struct memmap *map, struct span hole, uint64_t *start,
                                      uint64_t *size)
{
    span_clip(&hole, BIOS_ROM_START, BIOS_ROM_LAST);
    for (unsigned int i = 0; i < map->count; i++)
        span_clip(&hole, map->r[i].start, map->r[i].start + map->r[i].size - 1);
    if (hole.first > hole.last)
        return false;
    *start = ALIGN_UP(hole.first, SECTION);
    if (*start > hole.last || hole.last - *start < SECTION - 1)
        return false;
    *size = ALIGN_DOWN(hole.last - *start + 1, SECTION);
    return true;
}

init_text void dom0_scratch_find(const struct memmap *map, unsigned int phys_bits, uint64_t *start,
                                 uint64_t *size)
{
    uint64_t last = BIT(min_of(phys_bits ? phys_bits : 36U, MAX_PHYSMEM_BITS)) - 1;
    uint64_t first = 0;

    *start = 0;
    *size = 0;
    for (unsigned int i = 0; i < map->count && first <= last; i++) {
        const struct mem_region *r = &map->r[i];

        if (!is_busy(r))
            continue;
        if (r->start > first &&
            scratch_in_hole(map, (struct span){ first, min_of(r->start - 1, last) }, start, size))
            return;
        first = r->start + r->size;
    }
    if (first > last || !scratch_in_hole(map, (struct span){ first, last }, start, size))
        *size = 0;
}
