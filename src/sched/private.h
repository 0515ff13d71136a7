/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the core share. */
#ifndef SCHED_PRIVATE_H
#define SCHED_PRIVATE_H

#include <sched/cpupool.h>
#include <sched/policy.h>
#include <sched/sched.h>
#include <trace/trace.h>
#include <x86/spinlock.h>

#define SCHED_MAX_POOLS 32U

/* Locks stay where they are, so that a look at u->pool can be checked after taking its lock. */
struct sched_pool {
    spinlock_t lock;
    bool in_use;
    uint32_t id;
    const struct sched_policy *policy;
    void *state;
    struct cpumask cpus;
    struct list groups;
    uint32_t group_count;
    unsigned int ratelimit_us;
};

struct sched_cpu {
    struct sched_pool *pool;       /* NULL: free. Changed under the pool's lock */
    struct sched_unit *current;    /* chosen last; NULL: idle. Pool's lock */
    struct timer slice;
    ns_t slice_at;                 /* this CPU's own */
    bool stale;                    /* this CPU's own: something may have changed since sched_next() */
    ns_t idle_since, idle_time;
};

extern struct sched_pool sched_pools[SCHED_MAX_POOLS];
extern struct sched_cpu sched_cpus[MAX_CPUS];

struct sched_pool *sched_pool_find(uint32_t id);          /* NULL */
struct sched_pool *sched_lock_unit(struct sched_unit *u);
struct sched_pool *sched_lock_group(struct sched_group *g);
/* Lock held in all of these. */
void sched_apply(const struct sched_effects *fx);
bool sched_is_current(const struct sched_unit *u);
void sched_reconsider(struct sched_pool *p, struct sched_unit *u);
/* Takes u out of the policy's queues; sched_reconsider() puts it back. */
void sched_suspend(struct sched_pool *p, struct sched_unit *u);
void sched_update_allowed(struct sched_pool *p, struct sched_unit *u);

struct cpumask cpumask_and(const struct cpumask *a, const struct cpumask *b);
bool cpumask_is_empty(const struct cpumask *m);
static inline struct cpumask cpumask_none(void) { return (struct cpumask){ { 0 } }; }

/* trace.c: records of xen/trace.h, only while a trace is taken. A change of runstate as an event. */
static inline uint32_t sched_trace_change(uint32_t from, uint32_t to)
{
    return TRC_SCHED_RUNSTATE_CHANGE | (from & 3) << 8 | (to & 3) << 4;
}
/* Before the runstates change. */
void sched_trace_choice(const struct sched_unit *before, const struct sched_unit *next, ns_t now, ns_t until);
void sched_trace_idle(void);           /* this CPU, which ran something, has nothing to run */

/* topology.c: the run queue of each CPU. */
void sched_arrange(uint16_t rq_of[MAX_CPUS]);
extern enum sched_arrangement sched_arrangement;
extern uint32_t sched_boot_id;
extern unsigned int sched_boot_ratelimit_us;
void sched_pools_init(void);

#endif
