/* SPDX-License-Identifier: BSD-2-Clause */
/* What the writer of the rings and their owner share. */
#ifndef TRACE_PRIVATE_H
#define TRACE_PRIVATE_H

#include <trace/trace.h>

struct trace_ring {
    uint32_t **page;              /* NULL: this CPU has none */
    uint32_t size;                /* bytes behind struct t_buf */
    uint32_t prod;                /* ours; the reader's copy is only written */
    uint32_t lost;
    uint64_t lost_since;
    bool wanted;                  /* this CPU is in the mask */
} __attribute__((aligned(64)));

extern struct trace_ring trace_rings[MAX_CPUS];

#endif
