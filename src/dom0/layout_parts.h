/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of dom0's layout that can be tested alone; private to the folder. All pure. */
#ifndef DOM0_LAYOUT_PARTS_H
#define DOM0_LAYOUT_PARTS_H

#include <dom0/layout.h>

/* What dom0_mem= comes to in bytes, never more than is available. */
uint64_t dom0_mem_amount(const struct dom0_mem *mem, uint64_t available,
                         uint64_t reserve) must_check;

/* Where Linux will put its "Xen scratch" given this map; *size is 0 when there is no place. */
void dom0_scratch_find(const struct memmap *map, unsigned int phys_bits, uint64_t *start,
                       uint64_t *size);

/* A search for size bytes (whole pages) of RAM in [lo, hi) that overlap nothing of avoid. */
struct placement {
    const struct memmap *map;
    uint64_t size, lo, hi;
    struct { const struct mem_region *r; unsigned int count; } avoid[2];
};
/* The address, page-aligned; 0 when there is none. */
uint64_t placement_lowest(const struct placement *p) must_check;
uint64_t placement_highest(const struct placement *p) must_check;

#endif
