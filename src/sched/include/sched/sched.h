/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling core: states of vCPUs, wake and block without lost wake-ups, choice of what a CPU runs next. Knows `struct sched_unit`
 * (embedded in struct vcpu), not domains. Policy (credit2, null) is bound through struct sched_policy. Lock: SCHED, inside.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <hv/types.h>
#include <lib/list.h>
#include <pvhvm/guest_time.h>
#include <x86/percpu.h>

#define CPUMASK_WORDS (MAX_CPUS / 64)
struct cpumask { uint64_t bits[CPUMASK_WORDS]; };

struct sched_unit {
    domid_t domid; uint32_t vcpu_id;
    unsigned int cpu;                 /* where it runs or ran last */
    bool on_cpu;                      /* a CPU holds its state (running, or not yet unloaded) */
    bool blocked;                     /* HLT, poll, block */
    bool down;                        /* offline: never brought up, or VCPUOP_down */
    uint32_t pause_count;             /* atomic: reasons to keep it off the CPU */
    bool wake_pending;                /* shared: an event came while it was going to block */
    struct runstate runstate;
    struct cpumask hard, soft;
    struct list queue;
    void *policy_data;
};

struct cpumask cpumask_all(void);      /* online CPUs */
void sched_init(void);                 /* boot CPU */
void sched_init_cpu(void);             /* each CPU */
int sched_unit_init(struct sched_unit *u, domid_t domid, uint32_t vcpu_id, unsigned int cpu) must_check;
void sched_unit_fini(struct sched_unit *u);

/* Any CPU. */
void sched_wake(struct sched_unit *u);             /* blocked -> runnable; no-op otherwise, never lost */
void sched_kick(struct sched_unit *u);             /* if it is in the guest somewhere: force an exit; if blocked: wake */
void sched_pause(struct sched_unit *u);            /* does not wait */
void sched_pause_sync(struct sched_unit *u);       /* returns when it is off its CPU; not on oneself */
void sched_unpause(struct sched_unit *u);
void sched_set_down(struct sched_unit *u, bool down);

/* On the unit's own CPU, from its exit path. */
void sched_block(struct sched_unit *u);            /* until sched_wake(); a wake that came in between wins */
void sched_yield(struct sched_unit *u);
bool sched_is_runnable(const struct sched_unit *u);

/* The CPU loop: what to run now; NULL: idle. The previous unit's state must have been given up (sched_unit.on_cpu handled inside). */
struct sched_unit *sched_next(struct sched_unit *previous);
/* Asked with IRQs off before entering: must this CPU leave the unit? */
bool sched_must_leave(const struct sched_unit *u);
ns_t sched_cpu_idle_time(unsigned int cpu);

/* Affinity: -EINVAL when no online CPU is left. Takes effect at the next scheduling point. */
int sched_set_affinity(struct sched_unit *u, const struct cpumask *hard, const struct cpumask *soft) must_check;

/* Parameters as sched-credit2 shows them. */
#define SCHED_ID_CREDIT2 6U
struct sched_params { uint16_t weight, cap; };
unsigned int sched_id(void);
unsigned int sched_ratelimit_us(void);
int sched_set_ratelimit_us(unsigned int us) must_check;
void sched_dump(void);                             /* debug key r */

#endif
