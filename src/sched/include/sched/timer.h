/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: a leftist heap per CPU (no allocation, O(log n)), fired from SOFTIRQ_TIMER on that CPU with
 * interrupts on and no lock held. A timer may be set, moved and stopped from any CPU.
 * Lock: TIMER (irqsave), taken inside.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <hv/types.h>

struct timer {
    ns_t expires;
    void (*fn)(void *arg);
    void *arg;
    unsigned int cpu;
    bool queued, killed;
    struct timer *left, *right, *parent;
    unsigned int rank;       /* length of the right spine below, plus one */
};

void timers_init(void);      /* boot CPU, once, for all */
void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu);
/* Arms or moves it; NS_NEVER stops it. A time in the past fires at once. */
void timer_set(struct timer *t, ns_t expires);
void timer_stop(struct timer *t);                 /* its function may still be running elsewhere */
/* Stops it for good, whoever sets it afterwards (its own function may, where it runs just now), and waits until
 * that has returned. */
void timer_kill(struct timer *t);
void timer_migrate(struct timer *t, unsigned int cpu);

#endif
