/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads for guests of dom0, which show how a hypervisor (Tenon or Debian's Xen) shares the CPUs out. They say
 * on the console how far they have come, by Xen's clock, which is one for all guests. On the command line:
 *   seconds=N   ends after so long (0: never); report=MS: the time between two lines, at multiples of it
 *   work=N      units of 1000 instructions, where a load works between two sleeps
 *   hogs=N      so many of the CPUs, the last ones, only compute
 *   pin=CPU     in dom0: pins its vCPUs to that CPU; pins=N: the first N of them
 */
#ifndef GUEST_LOAD_H
#define GUEST_LOAD_H

#include "cpu.h"
#include "hypercall.h"

#define MS 1000000UL
#define US 1000UL
#define SECOND 1000000000UL

/* What one CPU of the guest has done. */
struct lane {
    volatile uint64_t done;            /* units of work, or wake-ups, or jobs */
    uint64_t spare[7];                 /* a cache line */
};
extern struct lane lanes[CPUS_MAX];

void burn(uint64_t units);             /* executes 1000 instructions for each */
void sleep_until(uint64_t time);
/* Runs work(cpu) on all CPUs until load_over(). */
void load_run(const char *name, void (*work)(unsigned int cpu));
/* To be asked now and then by every CPU: CPU 0 writes the report when it is time. */
bool load_over(unsigned int cpu);
void load_pin(void);                   /* as pin= says */
/* Event channels between the CPUs of this guest and to other guests, waited for with interrupts off. */
uint32_t port_for(unsigned int cpu);
void port_send(uint32_t port);
void port_wait(uint32_t port);
void ports_mask(void);

#endif
