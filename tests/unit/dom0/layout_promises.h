/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of every layout of dom0, whatever the machine. The includer defines
 * HOLDS(condition). */
#ifndef TESTS_DOM0_LAYOUT_PROMISES_H
#define TESTS_DOM0_LAYOUT_PROMISES_H

#include <dom0/layout.h>

#include "maps.h"

static inline bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a_size && b_size && a < b + b_size && b < a + a_size;
}

static inline uint32_t type_at(const struct memmap *m, uint64_t at)
{
    for (unsigned int i = 0; i < m->count; i++)
        if (at >= m->r[i].start && at - m->r[i].start < m->r[i].size)
            return m->r[i].type;
    return 0;
}

static inline void check_layout_promises(const struct memmap *host,
                                         const struct dom0_layout_request *req,
                                         const struct dom0_layout *l)
{
    struct mem_region part[] = {
        { l->kernel_start, l->kernel_end - l->kernel_start, 0 }, { l->start_info, l->info_size, 0 },
        { l->initrd, l->initrd_size, 0 }, { l->acpi_start, l->acpi_size, 0 },
    };

    for (unsigned int i = 0; i < 4; i++) {
        HOLDS(memmap_covers(&l->map, part[i].start, part[i].size, i == 3 ? E820_ACPI : E820_RAM));
        HOLDS(memmap_covers(host, part[i].start, part[i].size, E820_RAM));
        HOLDS(part[i].size == 0 || part[i].start >= M);
        HOLDS(part[i].start + part[i].size <= (i == 1 ? G : 4 * G));
        for (unsigned int j = 0; j < i; j++)
            HOLDS(!overlap(part[i].start, part[i].size, part[j].start, part[j].size));
        for (unsigned int j = 0; j < req->kept_count; j++)
            HOLDS(!overlap(part[i].start, part[i].size, req->kept[j].start, req->kept[j].size));
        for (unsigned int j = 0; j < req->busy_count; j++)
            HOLDS(!overlap(part[i].start, part[i].size, req->busy[j].start, req->busy[j].size));
    }
    HOLDS(l->start_info < l->modlist && l->modlist < l->memmap_table &&
          l->memmap_table < l->cmdline);
    HOLDS(l->cmdline + req->cmdline_size <= l->start_info + l->info_size);
    HOLDS(l->ram_bytes == memmap_total(&l->map, E820_RAM));
    for (unsigned int i = 0; i < l->map.count; i++) {
        const struct mem_region *r = &l->map.r[i];

        HOLDS(i == 0 || l->map.r[i - 1].start + l->map.r[i - 1].size <= r->start);
        if (r->type == E820_RAM) {
            HOLDS(memmap_covers(host, r->start, r->size, E820_RAM));
            for (unsigned int j = 0; j < req->kept_count; j++)
                HOLDS(!overlap(r->start, r->size, req->kept[j].start, req->kept[j].size));
        }
    }
    /* Every page of host RAM is spoken of, every other entry is as firmware has it. */
    for (unsigned int i = 0; i < host->count; i++) {
        const struct mem_region *r = &host->r[i];

        if (r->type != E820_RAM) {
            HOLDS(memmap_covers(&l->map, r->start, r->size, r->type));
            continue;
        }
        for (unsigned int k = 0; k <= 64; k++) {
            uint64_t at = r->start + (r->size - 1) / 64 * k;
            uint32_t t = type_at(&l->map, at);

            HOLDS(t == E820_RAM || t == E820_UNUSABLE || t == E820_ACPI);
        }
    }
    for (unsigned int i = 0; i < l->map.count; i++)
        HOLDS(!overlap(l->scratch_start, l->scratch_size, l->map.r[i].start, l->map.r[i].size));
    HOLDS(l->scratch_start % (128 * M) == 0);
}

#endif
