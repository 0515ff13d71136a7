/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_mm.h"

#include <hv/assert.h>
#include <mm/heap.h>
#include <stdlib.h>

void fake_mm_init(uint64_t bytes, uint64_t identity_bytes)
{
    static struct frame *table;

    fake_phys_init(bytes);
    free(table);
    table = malloc((bytes >> PAGE_SHIFT) * sizeof(*table));
    BUG_ON(table == NULL);
    heap_forget_all();
    frames_fail_countdown = 0;
    frames_init(table, bytes >> PAGE_SHIFT);
    if (identity_bytes != 0)
        frames_assign_identity((struct mem_range){ 0, identity_bytes }, 0);
    if (identity_bytes < bytes)
        frames_add_free((struct mem_range){ identity_bytes, bytes });
}
