/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: a heap per CPU, fired from SOFTIRQ_TIMER on that CPU with interrupts on and no lock held. A timer may be set, moved and
 * stopped from any CPU. Lock: TIMER (irqsave), inside.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <hv/types.h>

struct timer {
    ns_t expires;
    void (*fn)(void *arg);
    void *arg;
    unsigned int cpu;
    int index;               /* in the heap, -1: not queued */
    bool running;
};
void timers_init_cpu(void);  /* on each CPU */
void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
void timer_set(struct timer *t, ns_t expires);
void timer_stop(struct timer *t);                 /* may still be running elsewhere */
void timer_kill(struct timer *t);                 /* stops and waits until it does not run */
void timer_migrate(struct timer *t, unsigned int cpu);

#endif
