/* SPDX-License-Identifier: BSD-2-Clause */
#include "worlds.h"

#include <math.h>
#include <string.h>

#define US NS_PER_US
#define MS NS_PER_MS

static const struct sim_load hog = { 0 };
static const struct sim_load waker = { 100 * US, 1000 * US, false, true, SIM_PLAIN };
static const struct sim_load worker = { 2 * MS, 3 * MS, false, true, SIM_PLAIN };
static const struct sim_load network = { 50 * US, 200 * US, false, true, SIM_BURSTY };
static const struct sim_load parallel = { MS, 0, false, true, SIM_BARRIER };

/* Domains of eight vCPUs at most, of weights 256, 512 and 1024 in turn; larger ones where there would be too many. */
static unsigned int domain_for(struct sim *s, const struct world *w, unsigned int i)
{
    static const uint16_t weights[] = { 256, 512, 1024 };
    unsigned int each = (w->units + SIM_MAX_GROUPS - 2) / (SIM_MAX_GROUPS - 1);

    each = max_of(each, 8U);
    each = min_of(each, max_of(w->units / 3, 1U));
    return i % each == 0 ? sim_add_group(s, weights[s->groups % 3], 0) : s->groups - 1;
}

static const struct sim_load *load_of(const struct world *w, unsigned int i)
{
    if (strcmp(w->load, "hogs") == 0)
        return &hog;
    if (strcmp(w->load, "io") == 0)
        return &waker;
    if (strcmp(w->load, "mixed") == 0)
        return i % 4 == 1 ? &waker : i % 4 == 3 ? &worker : &hog;
    if (strcmp(w->load, "barrier") == 0)
        return i < w->units / 2 ? &parallel : &hog;
    if (strcmp(w->load, "bursty") == 0)
        return i % 2 ? &network : &hog;
    return NULL;
}

struct sim *world_make(const struct world *w)
{
    unsigned int quarter = max_of(w->cpus / 4, 1U);
    struct sim *s;

    if (!load_of(w, 0))
        return NULL;
    s = sim_new(w->seed, w->cpus, min_of(w->queue, w->cpus));
    for (unsigned int i = 0; i < w->units; i++) {
        struct sim_unit *u = sim_add_unit(s, domain_for(s, w, i), *load_of(w, i));

        if (w->soft)
            sim_prefer(u, i * 4 / w->units % (w->cpus / quarter) * quarter, quarter);
    }
    s->kick_latency = 2 * US;
    return s;
}

static bool is_hog(const struct sim_unit *u)
{
    return u->load.run == 0;
}

struct world_shares world_shares(const struct sim *s)
{
    struct world_shares r = { 0, 0, 0, 0 };
    double time = 0, weights = 0, of_group[SIM_MAX_GROUPS] = { 0 };
    unsigned int hogs[SIM_MAX_GROUPS] = { 0 }, counted = 0;

    for (unsigned int i = 0; i < s->units; i++) {
        const struct sim_unit *u = &s->unit[i];

        if (!is_hog(u))
            continue;
        r.hogs++;
        time += (double)u->ran;
        weights += s->group[u->group].g.weight;
        of_group[u->group] += (double)u->ran;
        hogs[u->group]++;
    }
    for (unsigned int g = 0; g < s->groups; g++) {
        double error = hogs[g] ? fabs(of_group[g] / (time * hogs[g] * s->group[g].g.weight / weights) - 1) : 0;

        r.worst = fmax(r.worst, error);
        r.rms += error * error;
        counted += hogs[g] != 0;
    }
    r.rms = counted ? sqrt(r.rms / counted) : 0;
    for (unsigned int i = 0; i < s->units; i++)
        if (is_hog(&s->unit[i]))
            r.vcpu = fmax(r.vcpu,
                          fabs((double)s->unit[i].ran * hogs[s->unit[i].group] / of_group[s->unit[i].group] - 1));
    return r;
}
