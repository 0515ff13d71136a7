/* SPDX-License-Identifier: BSD-2-Clause */
/* Private: memory_op (xen/memory.h). The command's low 6 bits are the sub-op, the rest says how far
 * a long one is. */
#ifndef HYPERCALL_OP_MEMORY_H
#define HYPERCALL_OP_MEMORY_H

#include "door.h"

#include <xen/physdev.h>
#include <xen/memory.h>

#define MEM_CMD_BITS 6U
#define GFN_LIMIT (1ULL << 36)          /* 48 bits of guest-physical address */

static inline uint64_t mem_progress(const struct hc *c) { return c->arg[0] >> MEM_CMD_BITS; }
/* Remembers progress for the call that comes again. */
static inline int64_t mem_restart(struct hc *c, uint64_t done)
{
    c->arg[0] = (c->arg[0] & ((1U << MEM_CMD_BITS) - 1)) | done << MEM_CMD_BITS;
    return -ERESTART;
}

int64_t mem_add_to_physmap(struct hc *c, void *arg);
int64_t mem_add_to_physmap_batch(struct hc *c, void *arg);
int64_t mem_remove_from_physmap(struct hc *c, void *arg);
int64_t mem_acquire_resource(struct hc *c, void *arg);
int64_t mem_populate_physmap(struct hc *c, void *arg);
int64_t mem_decrease_reservation(struct hc *c, void *arg);

#endif
