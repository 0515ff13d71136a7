/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port between the core and a policy. A policy has one state per cpupool and decides; the core
 * has the states of units, the CPUs, timers and the lock (SCHED of the pool), which is held in every
 * call. A policy takes no lock, allocates nothing and calls nobody: what is to be done comes back in
 * struct sched_effects. Const objects only; the list is in policies.c.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include <sched/sched.h>

struct sched_effects {
    struct cpumask kick;             /* CPUs that shall ask again what to run */
    struct sched_group *rearm;       /* whose refill_at changed; a list through rearm_next */
};

struct sched_choice {
    struct sched_unit *unit;         /* NULL: idle */
    ns_t until;                      /* ask again then; NS_NEVER: only when something happens */
};

/* What the CPU ran until now wants to go on and may; it would rather not. */
struct sched_ask { unsigned int cpu; bool go_on, yielded; ns_t now; };

struct sched_policy {
    uint32_t id;                     /* XEN_SCHEDULER_* (xen/domctl.h) */
    const char *name;
    size_t state_size;
    void (*init)(void *state);
    /* Requires: no unit is queued. A unit that runs there is out afterwards and has left the CPU or will. */
    void (*set_cpu)(void *state, unsigned int cpu, bool in, ns_t now);
    void (*group)(void *state, struct sched_group *g, enum sched_group_event e, ns_t now,
                  struct sched_effects *fx);
    void (*unit)(void *state, struct sched_unit *u, bool in);
    /* Runnable, not running: it shall run. Again whenever allowed, soft or on_cpu has changed. */
    void (*wake)(void *state, struct sched_unit *u, ns_t now, struct sched_effects *fx);
    void (*sleep)(void *state, struct sched_unit *u, ns_t now, struct sched_effects *fx);
    /* A runnable unit that is not chosen again is out until the core, its registers put away, wakes it. */
    struct sched_choice (*pick)(void *state, const struct sched_ask *ask, struct sched_effects *fx);
    void (*set_ratelimit)(void *state, ns_t ratelimit);
    void (*dump)(const void *state, ns_t now);
};

const struct sched_policy *sched_policy_of(uint32_t id);   /* NULL: we have none of that number */
extern const struct sched_policy sched_credit2, sched_null;

#endif
