/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that an interrupt handler (or another CPU) leaves for a CPU to do with interrupts on, before
 * it enters a guest or idles. One handler per kind, set once at boot.
 */
#ifndef X86_SOFTIRQ_H
#define X86_SOFTIRQ_H

#include <x86/percpu.h>

enum softirq { SOFTIRQ_TIMER, SOFTIRQ_SCHED, SOFTIRQ_IRQ /* host device interrupts to dom0 */,
               SOFTIRQ_TLB /* remote flush wanted */, SOFTIRQ_CONSOLE,
               SOFTIRQ_TRACE /* a trace ring is half full */, SOFTIRQ_COUNT };

void softirq_set_handler(enum softirq s, void (*fn)(void));
void softirq_raise(enum softirq s);                         /* on this CPU; any context */
void softirq_raise_on(unsigned int cpu, enum softirq s);    /* sends an IPI if it is another CPU */
static inline bool softirq_is_pending(void) { return READ_ONCE(this_cpu()->softirq_pending) != 0; }
void softirq_run(void);                                     /* IRQs on; until none is pending */
/*
 * Sleeps until an interrupt or a softirq; IRQs are off before, on afterwards. In MWAIT, if the CPU has it and it is
 * allowed, so that another CPU's softirq wakes this one by its bit alone; else in HLT. Either may end for no reason.
 */
void softirq_wait(void);
/* Whether MWAIT may be used; true: it will be. Once, at boot. */
bool softirq_allow_mwait(bool allowed);

#endif
