/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caps. A group has a budget of CPU time for each period; a unit that is to run takes a share of what
 * is left beforehand and may not run longer, so that all its units together cannot exceed it. What
 * was not used of a share goes back, what was overrun (a late timer) is owed. Without budget a unit
 * is parked until the period ends.
 */
#include <hv/assert.h>

#include "private.h"

#define SHARE_MIN (NS_PER_MS / 20)   /* less is not worth a context switch */

static int64_t cap_total(const struct credit2_group *g)
{
    return CREDIT2_CAP_PERIOD / 100 * g->cap;
}

/*
 * One or more periods are over. What runs pays the old one up to its end; shares still in units' hands
 * count against the new one.
 */
void cap_new_period(struct credit2 *c, struct credit2_group *g, ns_t now)
{
    int64_t held = 0, total = cap_total(g), periods = (now - g->refill_at) / CREDIT2_CAP_PERIOD + 1;
    ns_t begin = g->refill_at + (periods - 1) * CREDIT2_CAP_PERIOD;

    for (unsigned int cpu = 0; cpu < CREDIT2_MAX_CPUS; cpu++) {
        struct credit2_unit *u = c->cpu[cpu].unit;

        if (!u || u->group != g)
            continue;
        credit_pay(c, u, begin);
        held += max_of(u->grant, (int64_t)0);
    }
    g->refill_at = begin + CREDIT2_CAP_PERIOD;
    if (g->budget < 0)
        g->budget += total * min_of(periods, (int64_t)1000);
    else
        g->budget = total;
    g->budget = min_of(g->budget, total) - held;
}

bool cap_take(struct credit2 *c, struct credit2_unit *u, ns_t now)
{
    struct credit2_group *g = u->group;
    uint32_t sharers = g->active + (u->state != CREDIT2_RUNNING);
    int64_t share;

    if (!g->cap || u->grant > 0)
        return true;
    g->budget += u->grant;
    u->grant = 0;
    if (now >= g->refill_at)
        cap_new_period(c, g, now);
    if (g->budget < min_of(SHARE_MIN, cap_total(g)))
        return false;
    /* More than the rest of the period nobody can use: others may. */
    share = min_of(g->budget / sharers, (int64_t)(g->refill_at - now));
    share = max_of(share, (int64_t)SHARE_MIN);
    u->grant = min_of(share, g->budget);
    g->budget -= u->grant;
    return true;
}

void cap_return(struct credit2_unit *u)
{
    if (u->group->cap)
        u->group->budget += u->grant;
    u->grant = 0;
}

static void set_timer(struct credit2_group *g, ns_t at, struct credit2_effects *fx)
{
    if (g->timer_at == at)
        return;
    g->timer_at = at;
    for (struct credit2_group *i = fx->rearm; i; i = i->rearm_next)
        if (i == g)
            return;
    g->rearm_next = fx->rearm;
    fx->rearm = g;
}

void cap_park(struct credit2_unit *u, struct credit2_effects *fx)
{
    ASSERT(u->state == CREDIT2_OUT);
    u->state = CREDIT2_PARKED;
    list_add_tail(&u->park, &u->group->parked);
    set_timer(u->group, u->group->refill_at, fx);
}

/* Those that find no budget again are parked again. */
static void unpark_all(struct credit2 *c, struct credit2_group *g, ns_t now, struct credit2_effects *fx)
{
    struct list again;
    struct credit2_unit *u, *next;

    list_init(&again);
    list_for_each_safe(u, next, &g->parked, park) {
        list_del(&u->park);
        list_add_tail(&u->park, &again);
    }
    list_for_each_safe(u, next, &again, park) {
        list_del(&u->park);
        u->state = CREDIT2_OUT;
        credit2_wake(c, u, now, fx);
    }
}

void credit2_refill(struct credit2 *c, struct credit2_group *g, ns_t now, struct credit2_effects *fx)
{
    g->timer_at = NS_NEVER;
    if (g->cap && now >= g->refill_at)
        cap_new_period(c, g, now);
    unpark_all(c, g, now, fx);
}

void credit2_group_set(struct credit2 *c, struct credit2_group *g, uint16_t weight, uint16_t cap,
                       ns_t now, struct credit2_effects *fx)
{
    struct credit2_group *other;
    bool capped = g->cap != 0;

    ASSERT(weight > 0);
    /* What runs pays by the old terms until now. */
    for (unsigned int cpu = 0; cpu < CREDIT2_MAX_CPUS; cpu++) {
        struct credit2_unit *u = c->cpu[cpu].unit;

        if (!u)
            continue;
        credit_burn(c, u, now);
        if (u->group == g) {
            cap_return(u);
            tickle(c, cpu, fx);
        }
    }
    g->weight = weight;
    g->cap = cap;
    if (!capped) {
        g->refill_at = now + CREDIT2_CAP_PERIOD;
        g->budget = cap_total(g);
    } else {
        g->budget = min_of(g->budget, cap_total(g));
    }
    c->reference = 1;
    list_for_each(other, &c->groups, link)
        c->reference = max_of(c->reference, (uint32_t)other->weight);
    if (!cap)
        unpark_all(c, g, now, fx);
}
