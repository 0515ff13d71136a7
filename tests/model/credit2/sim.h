/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A discrete-event simulator around the very object code of src/credit2: CPUs that run what the policy
 * says, units that compute, sleep and yield, a virtual clock. Everything random comes from the seed.
 * What must hold at any moment is checked after every event; the rest is counted for the tests.
 */
#ifndef SIM_H
#define SIM_H

#include <credit2/credit2.h>
#include <stdio.h>

#define SIM_MAX_UNITS 8192
#define SIM_MAX_GROUPS 512

/*
 * What a unit does. run 0: computes for ever. Else it computes for `run` and then
 *   plain: sleeps (or, yields: would rather not go on);
 *   barrier: waits until all units of its group have come as far;
 *   bursty: sleeps a short while as often as not, now and then ten times as long (packets come in trains).
 * random: lengths are uniform between 0 and twice what is given.
 */
enum sim_kind { SIM_PLAIN, SIM_BARRIER, SIM_BURSTY };
struct sim_load { ns_t run, sleep; bool yields, random; enum sim_kind kind; };

/* Counts of lengths of time, 32 to an octave: what is read back is at most a thirtieth too long. */
#define SIM_HISTOGRAM 2048U
struct sim_histogram { uint64_t count[SIM_HISTOGRAM], total; };

struct sim_unit {
    struct credit2_unit u;
    unsigned int group;
    struct sim_load load;
    bool wants;                    /* runnable */
    uint64_t burst_version;
    ns_t left;                     /* of the present burst */
    ns_t ran_from, ran, wait_from, wait_max, woken_at;
    bool just_woke, has_soft;
    uint32_t ran_on;
};

struct sim_group {
    struct credit2_group g;
    ns_t ran, period_ran, period_max, cap_from;
    int64_t period;
    unsigned int members, arrived;   /* at the barrier */
    uint64_t rounds;
};

struct sim {
    struct credit2 c;
    uint64_t seed;
    unsigned int cpus, units, groups;
    ns_t now, kick_latency, wait_worst;
    struct sim_unit unit[SIM_MAX_UNITS];
    struct sim_group group[SIM_MAX_GROUPS];
    struct { uint64_t version; struct sim_unit *unit; } cpu[CREDIT2_MAX_CPUS];
    struct credit2_mask tickled;
    uint64_t switches, picks, events;
    uint64_t cpu_moves, soft_starts, soft_kept;   /* starts elsewhere than last; with a soft affinity; within it */
    struct sim_histogram latency;
    unsigned int check_every;        /* events from one check of work conservation to the next */
    uint64_t (*clock)(void);         /* NULL: decisions are not timed */
    /* If each decision held a lock for lock_hold: how long the others would wait, with one lock, and with one per queue. */
    ns_t lock_hold, one_lock_free, queue_lock_free[CREDIT2_MAX_CPUS], one_lock_wait, queue_lock_wait;
    uint64_t timed, ticks;           /* decisions (picks and wakes), and what they took by clock() */
    struct event *heap;
    size_t heap_used, heap_size;
    uint64_t sequence;
};

struct sim *sim_new(uint64_t seed, unsigned int cpus, unsigned int cpus_per_rq);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s);
unsigned int sim_add_group(struct sim *s, uint16_t weight, uint16_t cap);
struct sim_unit *sim_add_unit(struct sim *s, unsigned int group, struct sim_load load);
void sim_pin(struct sim_unit *u, uint64_t hard, uint64_t soft);      /* CPUs 0 to 63; before it starts */
void sim_prefer(struct sim_unit *u, unsigned int from, unsigned int count);   /* soft affinity; before it starts */
void sim_start(struct sim *s);
void sim_run(struct sim *s, ns_t until);
void sim_set_group(struct sim *s, unsigned int group, uint16_t weight, uint16_t cap);
/* CPU time of a unit, group up to now. */
ns_t sim_unit_time(const struct sim *s, const struct sim_unit *u);
ns_t sim_group_time(struct sim *s, unsigned int group);
ns_t sim_latency(const struct sim *s, unsigned int per_mille);       /* of wake-ups */

#endif
