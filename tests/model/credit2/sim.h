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

struct sim_load { ns_t run, sleep; bool yields, random; };   /* run 0: for ever */

struct sim_unit {
    struct credit2_unit u;
    unsigned int group;
    struct sim_load load;
    bool wants;                    /* runnable */
    uint64_t burst_version;
    ns_t left;                     /* of the present burst */
    ns_t ran_from, ran, wait_from, wait_max, woken_at;
    bool just_woke;
};

struct sim_group {
    struct credit2_group g;
    ns_t ran, period_ran, period_max, cap_from;
    int64_t period;
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
    ns_t idle_ran, latency[65536];
    unsigned int latencies;
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
void sim_start(struct sim *s);
void sim_run(struct sim *s, ns_t until);
void sim_set_group(struct sim *s, unsigned int group, uint16_t weight, uint16_t cap);
/* CPU time of a unit, group up to now. */
ns_t sim_unit_time(const struct sim *s, const struct sim_unit *u);
ns_t sim_group_time(struct sim *s, unsigned int group);
ns_t sim_latency(struct sim *s, unsigned int per_mille);             /* of wake-ups */

#endif
