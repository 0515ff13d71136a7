/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling core: states of vCPUs, wake and block without lost wake-ups, hand-over of registers from
 * CPU to CPU, pause, timers. Who runs where is the policy's business (sched/policy.h). Knows `struct
 * sched_unit` (embedded in struct vcpu) and `struct sched_group` (in struct domain), not domains.
 * Lock: SCHED of the unit's cpupool, taken inside.
 *
 * States: down -> (set_down false) -> runnable <-> running; running -> (block) -> blocked ->
 * (wake) -> runnable; a pause count above zero, or waiting, keeps a unit off the CPU in any state.
 * `on_cpu` says that a CPU still holds the unit's registers; another CPU may take it over only
 * after sched_left(). Source of the parameters' meaning: xen/domctl.h, xen/sysctl.h.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <credit2/credit2.h>
#include <hv/types.h>
#include <lib/list.h>
#include <pvhvm/guest_time.h>
#include <sched/timer.h>
#include <x86/softirq.h>

#define CPUMASK_WORDS (MAX_CPUS / 64)
struct cpumask { uint64_t bits[CPUMASK_WORDS]; };

struct sched_pool;
struct sched_unit;

/* Parameters as sched-credit2 shows them. */
#define SCHED_ID_CREDIT2 6U
#define SCHED_ID_NULL 9U
struct sched_params { uint16_t weight, cap; };

/* What the units of one domain have in common. */
struct sched_group {
    domid_t domid;
    struct sched_pool *pool;
    struct sched_params params;
    struct list units, link;
    struct timer refill;
    ns_t refill_at;                   /* as the policy wants it; NS_NEVER */
    struct sched_group *rearm_next;
    union { struct credit2_group credit2; } policy;
};

struct null_unit {
    unsigned int cpu;                 /* its own CPU; MAX_CPUS: none yet */
    bool runnable;
    struct list wait;
};

struct sched_unit {
    domid_t domid;
    uint32_t vcpu_id;
    unsigned int cpu;             /* where it runs or ran last */
    bool on_cpu;                  /* that CPU holds its registers */
    bool blocked;                 /* HLT, poll, block */
    bool waiting;                 /* for a device model's answer */
    bool down;                    /* offline: never brought up, or VCPUOP_down */
    bool yielded;
    bool wake_pending;            /* a wake came since sched_block_prepare() */
    uint32_t pause_count;
    struct runstate runstate;
    struct cpumask hard, soft;
    struct cpumask allowed;       /* hard affinity within the pool */
    struct sched_pool *pool;
    struct sched_group *group;
    struct list in_group;
    uint32_t seen_queue;          /* credit2's run queue when it ran last, for the trace */
    union { struct credit2_unit credit2; struct null_unit null; } policy;
};

enum sched_group_event { SCHED_GROUP_ADD, SCHED_GROUP_REMOVE, SCHED_GROUP_PARAMS, SCHED_GROUP_TIMER };

/* The boot's choices, before sched_init(): XEN_SCHEDULER_* of pool 0, and which CPUs share a run queue. */
enum sched_arrangement { SCHED_PER_SOCKET, SCHED_PER_CORE, SCHED_PER_CPU, SCHED_ALL };
void sched_configure(uint32_t id, enum sched_arrangement arrangement, unsigned int limit_us);

/* -ESRCH: no such pool; -ENODEV: no CPU in it. */
int sched_group_init(struct sched_group *g, domid_t domid, uint32_t pool_id) must_check;
/* Requires: no units are left. */
void sched_group_fini(struct sched_group *g);
/* -EINVAL: weight 0. */
int sched_group_set(struct sched_group *g, uint16_t weight, uint16_t cap) must_check;
uint32_t sched_group_pool(const struct sched_group *g);
/* After sched_unit_init(), before anything else is done with u. */
void sched_group_add(struct sched_group *g, struct sched_unit *u);

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
/* Until it is taken back no event wakes the unit: the request of a device that somebody else plays. Counts as blocked. */
void sched_set_waiting(struct sched_unit *u, bool waiting);

/* On the unit's own CPU: prepare, look whether there is a reason to go on, then block. */
void sched_block_prepare(struct sched_unit *u);
void sched_block(struct sched_unit *u);
/* Lets others that wait go first. (Not sched_yield: the host C library has one.) */
void sched_give_way(struct sched_unit *u);
static inline bool sched_is_runnable(const struct sched_unit *u)
{
    return (READ_ONCE(u->pause_count) | READ_ONCE(u->blocked) | READ_ONCE(u->waiting) | READ_ONCE(u->down)) == 0;
}

/* The CPU loop: what this CPU shall run now; NULL: nothing. */
struct sched_unit *sched_next(void);
/* This CPU is about to hold u's registers / has given them up. */
void sched_entered(struct sched_unit *u);
void sched_left(struct sched_unit *u);
/* Must the unit that this CPU still holds, though it does not run it, be given up? */
bool sched_must_give_up(const struct sched_unit *u);
/* Asked with IRQs off before entering the guest: must this CPU leave the unit? */
static inline bool sched_must_leave(const struct sched_unit *u)
{
    return softirq_is_pending() || !sched_is_runnable(u);
}
void sched_idle_begin(void);
void sched_idle_end(void);
ns_t sched_cpu_idle_time(unsigned int cpu);

/* Affinity: -EINVAL when no CPU of the pool is left. Takes effect at the next scheduling point. */
int sched_set_affinity(struct sched_unit *u, const struct cpumask *hard,
                       const struct cpumask *soft) must_check;

unsigned int sched_id(void);                   /* of pool 0 */
/* By pool; -ENOENT. The limit: -EINVAL if it is neither 0 nor within Xen's bounds. */
int sched_pool_policy(uint32_t pool, uint32_t *sched_id, unsigned int *ratelimit) must_check;
int sched_set_ratelimit_us(uint32_t pool, unsigned int us) must_check;
void sched_dump(void);                         /* debug key r */

#endif
