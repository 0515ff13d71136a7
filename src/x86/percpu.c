/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUs that are up. percpu_of() is an index into an array: no CPU ever goes away again. */
#include <x86/percpu.h>

#include <hv/assert.h>

#include "cpus.h"

static struct percpu others[MAX_CPUS - 1];
static unsigned int online = 1;

struct percpu *percpu_of(unsigned int cpu)
{
    ASSERT(cpu < MAX_CPUS);
    return cpu == 0 ? &percpu_bsp : &others[cpu - 1];
}

unsigned int cpu_count(void) { return READ_ONCE(online); }
void cpu_came_online(void) { WRITE_ONCE(online, online + 1); }
