/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling core: states of vCPUs, wake and block without lost wake-ups, choice of what a CPU runs
 * next. Knows `struct sched_unit` (embedded in struct vcpu), not domains. Lock: SCHED, taken inside.
 *
 * States: down -> (set_down false) -> runnable <-> running; running -> (block) -> blocked ->
 * (wake) -> runnable; a pause count above zero keeps a unit off the CPU in any state.
 * `on_cpu` says that a CPU still holds the unit's registers; another CPU may take it over only
 * after sched_left(). Source of the parameters' meaning: xen/domctl.h, xen/sysctl.h.
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
    domid_t domid;
    uint32_t vcpu_id;
    unsigned int cpu;             /* where it runs, ran last, or is queued */
    bool on_cpu;                  /* a CPU holds its registers */
    bool queued;
    bool blocked;                 /* HLT, poll, block */
    bool down;                    /* offline: never brought up, or VCPUOP_down */
    bool yielded;
    bool wake_pending;            /* a wake came since sched_block_prepare() */
    uint32_t pause_count;
    ns_t slice_end;
    struct runstate runstate;
    struct cpumask hard, soft;
    struct list queue;
};

struct cpumask cpumask_all(void);              /* online CPUs */
void sched_init(void);                         /* boot CPU, after all CPUs are online */
void sched_init_cpu(void);                     /* each CPU */
void sched_unit_init(struct sched_unit *u, domid_t domid, uint32_t vcpu_id, unsigned int cpu);
void sched_unit_fini(struct sched_unit *u);    /* must be down or paused, and off its CPU */

/* Any CPU. */
void sched_wake(struct sched_unit *u);         /* ends a block; never lost */
void sched_kick(struct sched_unit *u);         /* wakes, and if it is in the guest: forces an exit */
void sched_pause(struct sched_unit *u);        /* does not wait */
void sched_wait_off_cpu(struct sched_unit *u); /* of a paused unit: until no CPU holds it; not on oneself */
void sched_unpause(struct sched_unit *u);
void sched_set_down(struct sched_unit *u, bool down);

/* On the unit's own CPU: prepare, look whether there is a reason to go on, then block. */
void sched_block_prepare(struct sched_unit *u);
void sched_block(struct sched_unit *u);
/* Lets others that wait go first. (Not sched_yield: the host C library has one.) */
void sched_give_way(struct sched_unit *u);
bool sched_is_runnable(const struct sched_unit *u);

/* The CPU loop: what this CPU shall run now; NULL: nothing. */
struct sched_unit *sched_next(void);
/* This CPU is about to hold u's registers / has given them up. */
void sched_entered(struct sched_unit *u);
void sched_left(struct sched_unit *u);
/* Must the unit that this CPU still holds, though it does not run it, be given up? */
bool sched_must_give_up(const struct sched_unit *u);
/* Asked with IRQs off before entering the guest: must this CPU leave the unit? */
bool sched_must_leave(const struct sched_unit *u);
void sched_idle_begin(void);
void sched_idle_end(void);
ns_t sched_cpu_idle_time(unsigned int cpu);

/* Affinity: -EINVAL when no online CPU is left. Takes effect at the next scheduling point. */
int sched_set_affinity(struct sched_unit *u, const struct cpumask *hard,
                       const struct cpumask *soft) must_check;

/* Parameters as sched-credit2 shows them. */
#define SCHED_ID_CREDIT2 6U
struct sched_params { uint16_t weight, cap; };
unsigned int sched_id(void);
unsigned int sched_ratelimit_us(void);
int sched_set_ratelimit_us(unsigned int us) must_check;
void sched_dump(void);                         /* debug key r */

#endif
