/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory maps for tests, and a seeded source of numbers. */
#ifndef TESTS_DOM0_MAPS_H
#define TESTS_DOM0_MAPS_H

#include <dom0/layout.h>

#define K 1024ULL
#define M (1024ULL * K)
#define G (1024ULL * M)

static inline void add(struct memmap *m, uint64_t start, uint64_t end, uint32_t type)
{
    m->r[m->count++] = (struct mem_region){ start, end - start, type };
}

/* A BIOS PC with `mib` MiB of RAM as QEMU and Bochs describe it, from 3 GiB on above 4 GiB. */
static inline void pc_map(struct memmap *m, uint64_t mib)
{
    uint64_t low = mib > 3072 ? 3072 : mib;

    m->count = 0;
    add(m, 0, 0x9fc00, E820_RAM);
    add(m, 0x9fc00, 0xa0000, E820_RESERVED);
    add(m, 0xf0000, 0x100000, E820_RESERVED);
    add(m, 0x100000, low * M - 0x20000, E820_RAM);
    add(m, low * M - 0x20000, low * M, E820_RESERVED);
    add(m, 0xfffc0000, 0x100000000, E820_RESERVED);
    if (mib > low)
        add(m, 4 * G, 4 * G + (mib - low) * M, E820_RAM);
}

static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
