/* SPDX-License-Identifier: BSD-2-Clause */
/* Other CPUs: starting them, kicking them out of a guest, calling a function on them, stopping them. */
#ifndef X86_SMP_H
#define X86_SMP_H

#include <x86/percpu.h>

/* Starts every enabled CPU of the MADT up to max; each runs ap_main() on its own stack with IRQs off. */
void smp_start_cpus(unsigned int max, void (*ap_main)(void));
/* An IPI with no other purpose than to force a VM exit or end HLT. */
void smp_kick(unsigned int cpu);
void smp_kick_mask(const uint64_t *cpus);   /* bitmap of MAX_CPUS; self is left out */
/* Runs fn(arg) on the CPUs of mask with interrupts off there and waits. IRQs must be on here. */
void smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg);
void smp_stop_others(void);                 /* panic: NMI, each prints nothing and halts */

#endif
