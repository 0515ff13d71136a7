/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credit, kept as what a unit has used up and what its run queue has handed out. A reset then is one
 * addition that leaves the order of those who wait as it is, however many they are; that no one has
 * more than CREDIT2_MOST is seen to when a unit is next looked at. Both run up for ever and are
 * compared by signed difference.
 */
#include "private.h"

#define BURN_MAX (1LL << 40)      /* about 18 minutes: longer runs saw no competition */
#define LOAD_WINDOW_SHIFT 30U     /* about a second */

void credit_clip(const struct credit2_runq *rq, struct credit2_unit *u)
{
    if (credit_of(rq, u) > CREDIT2_MOST)
        u->used = rq->base - CREDIT2_MOST;
}

/* A running unit pays for the time since it last did. */
void credit_pay(struct credit2 *c, struct credit2_unit *u, ns_t now)
{
    ns_t ran = now - u->since;

    if (ran <= 0)
        return;
    u->since = now;
    if (u->group->cap)
        u->grant -= ran;
    ran = min_of(ran, (ns_t)BURN_MAX);
    u->used += u->group->weight == c->reference ? (uint64_t)ran
                                                : (uint64_t)ran * c->reference / u->group->weight;
    credit_clip(&c->rq[u->rq], u);
}

void credit_burn(struct credit2 *c, struct credit2_unit *u, ns_t now)
{
    if (u->group->cap && now >= u->group->refill_at)
        cap_new_period(c, u->group, now);
    credit_pay(c, u, now);
}

/* Everyone gets as much as makes the credit of u positive. */
void credit_reset(struct credit2_runq *rq, const struct credit2_unit *u)
{
    int64_t credit = credit_of(rq, u);

    rq->base += (uint64_t)(-credit / CREDIT2_INIT + 1) * (uint64_t)CREDIT2_INIT;
    rq->resets++;
}

/* One that nobody waited for owes nothing: what it took beyond its credit was there for the taking. */
void credit_forgive(const struct credit2_runq *rq, struct credit2_unit *u)
{
    if (credit_of(rq, u) < 0)
        u->used = rq->base;
}

/* The mean moves towards the present number by the part of the window that has gone by. */
static void load_update(struct credit2_runq *rq, ns_t now)
{
    uint64_t present = (uint64_t)rq->runnable << CREDIT2_LOAD_SHIFT;
    int64_t part = (now - rq->load_at) >> 10;      /* of 2^20 */

    if (now <= rq->load_at)
        return;
    rq->load_at = now;
    if (part >= 1LL << (LOAD_WINDOW_SHIFT - 10)) {
        rq->load = present;
        return;
    }
    rq->load = (uint64_t)((int64_t)rq->load +
                          ((int64_t)(present - rq->load) * part) / (1LL << (LOAD_WINDOW_SHIFT - 10)));
}

void load_change(struct credit2_runq *rq, struct credit2_unit *u, bool in, ns_t now)
{
    load_update(rq, now);
    if (in) {
        u->weight = u->group->weight;
        rq->runnable++;
        rq->weight += u->weight;
        u->group->active++;
    } else {
        rq->runnable--;
        rq->weight -= u->weight;
        u->group->active--;
    }
}
