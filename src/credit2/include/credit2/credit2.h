/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The credit2 policy: who runs next, where, and for how long. Units (vCPUs) of groups (domains) burn
 * credit while they run, the faster the lighter their group; on each run queue the one with most
 * credit runs. A run queue serves the CPUs of a core, a socket or all; a cap bounds what a group gets
 * in each period. docs/scheduling.md has the design and the bounds.
 *
 * Pure: time and events are parameters, what is to be done outside comes back in struct
 * credit2_effects. It takes no lock (the caller's lock covers one struct credit2 with all its units and
 * groups), allocates nothing and calls nobody. It knows neither vCPUs nor domains.
 */
#ifndef CREDIT2_CREDIT2_H
#define CREDIT2_CREDIT2_H

#include <hv/types.h>
#include <lib/list.h>

#ifndef CREDIT2_MAX_CPUS
#define CREDIT2_MAX_CPUS 128U                    /* the simulator has more */
#endif
#define CREDIT2_MASK_WORDS (CREDIT2_MAX_CPUS / 64)
#define CREDIT2_NONE UINT32_MAX                  /* no CPU, no run queue */

#define CREDIT2_WEIGHT_DEFAULT 256U
#define CREDIT2_CAP_PERIOD (10 * NS_PER_MS)      /* a cap holds in each period of this length */
#define CREDIT2_INIT (10 * NS_PER_MS)            /* credit handed out by a reset */
#define CREDIT2_MOST (12 * NS_PER_MS)            /* nobody has more: a sleeper is ahead of all who just got theirs */
#define CREDIT2_SLICE_MIN NS_PER_MS
#define CREDIT2_SLICE_MAX (10 * NS_PER_MS)
#define CREDIT2_TIMER_MIN (NS_PER_MS / 10)       /* no timer is nearer than that, but a cap's */
#define CREDIT2_GRAIN (2 * NS_PER_MS)            /* how far a runner may fall behind the one that waits */
#define CREDIT2_WAKE_MARGIN (NS_PER_MS / 2)      /* what a waker must be ahead to interrupt */
#define CREDIT2_MIGRATE_MARGIN (NS_PER_MS / 2)   /* and more, if it ran on another CPU last */
#define CREDIT2_SOFT_SLACK (2 * NS_PER_MS)       /* what soft affinity may cost the one with most credit */
#define CREDIT2_BALANCE_PERIOD (50 * NS_PER_MS)  /* in the mean: from half to three halves, in step with nobody's slices */
#define CREDIT2_RATELIMIT_DEFAULT NS_PER_MS

struct credit2_mask { uint64_t bits[CREDIT2_MASK_WORDS]; };

enum credit2_state {
    CREDIT2_OUT,       /* not runnable, or runnable and about to be given to wake() by the caller */
    CREDIT2_QUEUED,
    CREDIT2_RUNNING,
    CREDIT2_PARKED,    /* its group has used up its cap for this period */
};

struct credit2_group {
    uint16_t weight, cap;            /* set by credit2_group_set(); cap in percent of a CPU, 0: none */
    int64_t budget;                  /* ns left in this period; below 0: overdrawn */
    ns_t refill_at;                  /* end of this period */
    ns_t timer_at;                   /* when credit2_refill() is wanted; NS_NEVER: not at all */
    uint32_t active;                 /* units queued or running */
    struct list parked, link;
    struct credit2_group *rearm_next;
};

struct credit2_unit {
    struct credit2_group *group;
    /* The caller's to set while the unit is CREDIT2_OUT or just before credit2_wake(). */
    struct credit2_mask allowed;     /* hard affinity within the pool */
    struct credit2_mask preferred;   /* soft affinity */
    uint32_t only_cpu;               /* the CPU that holds its registers; CREDIT2_NONE: no longer any */

    enum credit2_state state;
    uint32_t rq;                     /* its run queue, or CREDIT2_NONE */
    uint32_t last_cpu;
    bool displaced;                  /* lost its CPU to one with more credit, and is about to be woken */
    uint32_t called_to;              /* the idle CPU that was asked to take it, or CREDIT2_NONE */
    uint64_t used;                   /* credit used up; credit = run queue's base - used */
    ns_t since;                      /* credit is burned up to here */
    int64_t grant;                   /* ns of its group's budget in its hands while it runs */
    uint32_t weight;                 /* as counted in its run queue's sum */
    uint64_t migrations;
    struct list park;
    struct credit2_unit *left, *right, *parent;
    uint32_t priority;
    struct credit2_mask here, below[2];   /* may run on; union over the subtree: [0] allowed, [1] preferred */
};

struct credit2_cpu {
    uint32_t rq;                     /* CREDIT2_NONE: not ours */
    struct credit2_unit *unit;       /* that runs; NULL: idle */
    ns_t started, resched_at;        /* when unit was chosen; when pick() is due again at the latest */
    bool untimed;                    /* runs something, resched_at NS_NEVER */
    bool tickled;                    /* asked to pick, has not yet */
    struct credit2_unit *called_for; /* idle, asked on behalf of this one, which still waits */
};

struct credit2_runq {
    struct credit2_mask cpus;
    uint32_t cpu_count, waiting, runnable;
    uint32_t called;                 /* of those waiting: on whose behalf an idle CPU was asked */
    uint32_t untimed;                /* CPUs that run something and will not look by themselves */
    uint64_t weight;                 /* sum over the runnable ones */
    struct credit2_unit *root;
    uint64_t base;                   /* all credit ever handed out */
    uint64_t resets;
    /* load: mean number of runnable units, 18 fractional bits */
    uint64_t load;
    ns_t load_at;
    uint64_t balance_base;           /* base at the last balancing */
    ns_t balanced_at;                /* when it last gave or took one */
    bool contended, busy;            /* units waited then; no CPU was idle */
    int64_t lag;                     /* how far it is behind the mean of the busy ones */
};

struct credit2 {
    struct credit2_cpu cpu[CREDIT2_MAX_CPUS];
    struct credit2_runq rq[CREDIT2_MAX_CPUS];
    uint32_t rq_count;
    uint16_t rq_of[CREDIT2_MAX_CPUS];
    struct credit2_mask idle;        /* our CPUs that run nothing and were not asked to */
    uint32_t reference;              /* highest weight: burns 1 ns of credit in 1 ns */
    ns_t ratelimit, balance_at, balanced_at;
    struct list groups;
    uint32_t random;
    uint64_t decisions, migrations, visits;   /* visits: nodes of run queues that were looked at */
};

struct credit2_effects {
    struct credit2_mask kick;        /* CPUs that shall call credit2_pick() soon */
    struct credit2_group *rearm;     /* whose timer_at changed: a list through rearm_next */
};

struct credit2_choice {
    struct credit2_unit *unit;       /* NULL: idle */
    ns_t until;                      /* pick again then; NS_NEVER: when something happens */
};

/* rq_of[cpu] is the number of the CPU's run queue; the CPUs themselves are added by credit2_set_cpu(). */
void credit2_init(struct credit2 *c, const uint16_t rq_of[CREDIT2_MAX_CPUS], uint32_t seed);
/*
 * A CPU comes or goes. Requires: when it goes, no unit is queued (the caller takes them out and wakes
 * them again). What ran there is CREDIT2_OUT afterwards.
 */
void credit2_set_cpu(struct credit2 *c, unsigned int cpu, bool in, ns_t now);

void credit2_group_add(struct credit2 *c, struct credit2_group *g, uint16_t weight, uint16_t cap, ns_t now);
/* Requires: no unit of it is active. */
void credit2_group_remove(struct credit2 *c, struct credit2_group *g);
/* Requires: weight > 0. */
void credit2_group_set(struct credit2 *c, struct credit2_group *g, uint16_t weight, uint16_t cap,
                       ns_t now, struct credit2_effects *fx);
/* A new unit, CREDIT2_OUT; near: a CPU to begin with. */
void credit2_unit_init(struct credit2 *c, struct credit2_unit *u, struct credit2_group *g,
                       unsigned int near);

/*
 * u is runnable and runs nowhere: it shall run. May be called again at any time, and must be called
 * again when `allowed`, `preferred` or `only_cpu` has changed.
 */
void credit2_wake(struct credit2 *c, struct credit2_unit *u, ns_t now, struct credit2_effects *fx);
/* u, not running, is no longer to run. */
void credit2_sleep(struct credit2 *c, struct credit2_unit *u, ns_t now);
/*
 * What cpu runs from now on. go_on: what it ran until now wants to and may go on here; yielded: but
 * would rather not. A runnable unit that loses its CPU is CREDIT2_OUT until the caller, having put
 * its registers away, hands it to credit2_wake().
 */
struct credit2_choice credit2_pick(struct credit2 *c, unsigned int cpu, bool go_on, bool yielded,
                                   ns_t now, struct credit2_effects *fx);
/* The group's timer. */
void credit2_refill(struct credit2 *c, struct credit2_group *g, ns_t now, struct credit2_effects *fx);

/* For those who look on. */
int64_t credit2_credit(const struct credit2 *c, const struct credit2_unit *u);
/* Next waiting unit of a run queue in order; NULL first and last. */
struct credit2_unit *credit2_next_waiting(const struct credit2_runq *rq, const struct credit2_unit *after);

#endif
