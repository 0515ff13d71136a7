/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs that go round the CPU loop by hand: a step is what src/vcpu/run.c does between two guest entries. */
#ifndef TEST_SCHED_MACHINE_H
#define TEST_SCHED_MACHINE_H

#include <sched/cpupool.h>
#include <sched/sched.h>

#define MACHINE_UNITS 8

struct machine {
    struct sched_unit *held[MAX_CPUS];           /* whose registers each CPU has */
    struct sched_group group[MACHINE_UNITS];
    struct sched_unit unit[MACHINE_UNITS];
    unsigned int made;
};
extern struct machine machine;

void machine_start(unsigned int cpus, uint32_t sched_id);
/* A domain with one vCPU, down; id as its number. */
struct sched_unit *machine_unit(uint32_t pool);
struct sched_unit *machine_step(unsigned int cpu);      /* what it runs now */
void machine_settle(unsigned int cpus);                 /* all CPUs, until none has anything to do */
void machine_pass(ns_t time, unsigned int cpus);        /* timers fire on the way */
struct cpumask only(unsigned int cpu);

#endif
