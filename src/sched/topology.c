/* SPDX-License-Identifier: BSD-2-Clause */
/* Which CPUs share a run queue: those of a core, a socket, or all, from APIC ids (SDM vol. 3A 9.9.1). */
#include <sched/sched.h>

#include <x86/cpu.h>

#include "private.h"

#define RUNQ_MAX_CPUS 16U      /* a queue that more CPUs share costs more than it saves */

enum sched_arrangement sched_arrangement ro_after_init = SCHED_PER_SOCKET;

/* APIC id bits below the core's and below the socket's number; leaf 0xb, else nothing is known to be shared. */
static void id_shifts(unsigned int *core, unsigned int *socket)
{
    *core = 0;
    *socket = 8;
    if (cpu_cpuid(0, 0).eax >= 0xb && (cpu_cpuid(0xb, 0).ebx & 0xffff) != 0) {
        *core = cpu_cpuid(0xb, 0).eax & 31;
        *socket = cpu_cpuid(0xb, 1).eax & 31;
    }
}

static uint32_t place_of(unsigned int cpu)
{
    unsigned int core, socket;

    id_shifts(&core, &socket);
    switch (sched_arrangement) {
    case SCHED_PER_SOCKET:
        return percpu_of(cpu)->apic_id >> socket;
    case SCHED_PER_CORE:
        return percpu_of(cpu)->apic_id >> core;
    case SCHED_PER_CPU:
        return cpu;
    case SCHED_ALL:
        break;
    }
    return 0;
}

void sched_arrange(uint16_t rq_of[MAX_CPUS])
{
    uint32_t place[MAX_CPUS];
    uint8_t members[MAX_CPUS] = { 0 };
    unsigned int count = 0;
    unsigned int limit = sched_arrangement == SCHED_ALL ? MAX_CPUS : RUNQ_MAX_CPUS;

    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
        unsigned int rq = 0;

        rq_of[cpu] = 0;
        if (cpu >= cpu_count())
            continue;
        while (rq < count && (place[rq] != place_of(cpu) || members[rq] >= limit))
            rq++;
        if (rq == count)
            place[count++] = place_of(cpu);
        members[rq]++;
        rq_of[cpu] = (uint16_t)rq;
    }
}
