/* SPDX-License-Identifier: BSD-2-Clause */
/* Worlds of the simulator, by name of their load, and what is asked of them. */
#ifndef WORLDS_H
#define WORLDS_H

#include "sim.h"

struct world {
    unsigned int cpus, queue, units;     /* queue: CPUs that share a run queue */
    const char *load;                    /* hogs, io, mixed, barrier, bursty */
    uint64_t seed;
    bool soft;                           /* each unit prefers a quarter of the machine */
};

struct sim *world_make(const struct world *w);             /* NULL: no such load */

/*
 * Of units that always want to run: how far the worst domain, and on average (root mean square), is from its share by
 * weight; how far the worst vCPU is from its domain's mean. Parts of one. hogs 0: there is none.
 */
struct world_shares { unsigned int hogs; double worst, rms, vcpu; };
struct world_shares world_shares(const struct sim *s);

#endif
