/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy's events: CPUs and groups come and go, units wake and sleep, a CPU picks. */
#include <credit2/credit2.h>

#include <hv/assert.h>
#include <lib/string.h>

#include "private.h"

void credit2_init(struct credit2 *c, const uint16_t rq_of[CREDIT2_MAX_CPUS], uint32_t seed)
{
    memset(c, 0, sizeof(*c));
    c->ratelimit = CREDIT2_RATELIMIT_DEFAULT;
    c->random = seed | 1;
    c->reference = 1;
    list_init(&c->groups);
    for (unsigned int i = 0; i < CREDIT2_MAX_CPUS; i++) {
        ASSERT(rq_of[i] < CREDIT2_MAX_CPUS);
        c->rq_of[i] = rq_of[i];
        c->cpu[i].rq = CREDIT2_NONE;
        c->cpu[i].resched_at = NS_NEVER;
        c->rq_count = max_of(c->rq_count, rq_of[i] + 1U);
    }
}

void credit2_group_add(struct credit2 *c, struct credit2_group *g, uint16_t weight, uint16_t cap, ns_t now)
{
    struct credit2_effects fx = { { { 0 } }, NULL };

    *g = (struct credit2_group){ .weight = weight, .timer_at = NS_NEVER };
    list_init(&g->parked);
    list_add_tail(&g->link, &c->groups);
    credit2_group_set(c, g, weight, cap, now, &fx);
}

void credit2_group_remove(struct credit2 *c, struct credit2_group *g)
{
    struct credit2_group *other;

    ASSERT(g->active == 0 && list_is_empty(&g->parked));
    list_del(&g->link);
    c->reference = 1;
    list_for_each(other, &c->groups, link)
        c->reference = max_of(c->reference, (uint32_t)other->weight);
}

void credit2_unit_init(struct credit2 *c, struct credit2_unit *u, struct credit2_group *g,
                       unsigned int near)
{
    *u = (struct credit2_unit){ .group = g, .rq = CREDIT2_NONE, .last_cpu = near, .only_cpu = CREDIT2_NONE,
                                .called_to = CREDIT2_NONE };
    for (unsigned int i = 0; i < CREDIT2_MASK_WORDS; i++)
        u->allowed.bits[i] = u->preferred.bits[i] = UINT64_MAX;
    list_init(&u->park);
    if (near < CREDIT2_MAX_CPUS && c->cpu[near].rq != CREDIT2_NONE)
        unit_set_rq(c, u, c->cpu[near].rq);
}

int64_t credit2_credit(const struct credit2 *c, const struct credit2_unit *u)
{
    return u->rq == CREDIT2_NONE ? 0 : credit_of(&c->rq[u->rq], u);
}

/*
 * Nobody was waiting, so whoever runs had no reason to pick and may have burned more than it had:
 * that is forgiven, as picking all along would have done, before someone waits.
 */
static void catch_up(struct credit2 *c, struct credit2_runq *rq, ns_t now)
{
    mask_for_each(cpu, &rq->cpus) {
        struct credit2_unit *u = c->cpu[cpu].unit;

        if (!u)
            continue;
        credit_burn(c, u, now);
        credit_forgive(rq, u);
    }
}

void enqueue(struct credit2 *c, struct credit2_unit *u, uint32_t to, ns_t now)
{
    struct credit2_runq *rq = &c->rq[to];

    ASSERT(u->state == CREDIT2_OUT);
    if (rq->waiting == 0)
        catch_up(c, rq, now);
    unit_set_rq(c, u, to);
    credit_clip(rq, u);
    runq_insert(c, rq, u);
    load_change(rq, u, true, now);
    u->state = CREDIT2_QUEUED;
}

void dequeue(struct credit2 *c, struct credit2_unit *u, ns_t now)
{
    struct credit2_runq *rq = &c->rq[u->rq];

    ASSERT(u->state == CREDIT2_QUEUED);
    runq_remove(rq, u);
    call_off(c, u);
    load_change(rq, u, false, now);
    u->state = CREDIT2_OUT;
}

/* The run queue for a unit that found no idle CPU: its own, if that has a CPU for it. */
static uint32_t home_of(const struct credit2 *c, const struct credit2_unit *u)
{
    if (u->only_cpu != CREDIT2_NONE && c->cpu[u->only_cpu].rq != CREDIT2_NONE)
        return c->cpu[u->only_cpu].rq;
    if (u->rq != CREDIT2_NONE && masks_meet(&c->rq[u->rq].cpus, &u->allowed))
        return preferred_queue(c, u);
    return least_loaded(c, &u->allowed);
}

/*
 * One that has just lost its CPU waits already (wait_here), and may now run on all of its CPUs: nothing else is new where none of them
 * is idle or has to be told, and no other queue is liked better.
 */
static bool waits_on(const struct credit2 *c, const struct credit2_unit *u)
{
    const struct credit2_runq *rq = &c->rq[u->rq];

    return u->state == CREDIT2_QUEUED && u->only_cpu == CREDIT2_NONE && rq->untimed == 0 && !masks_meet(&c->idle, &u->allowed) &&
           masks_meet(&rq->cpus, &u->allowed) && masks_meet(&rq->cpus, &u->preferred);
}

void credit2_wake(struct credit2 *c, struct credit2_unit *u, ns_t now, struct credit2_effects *fx)
{
    uint32_t cpu, rq;
    bool displaced = u->displaced;

    u->displaced = false;
    if (u->state == CREDIT2_RUNNING || u->state == CREDIT2_PARKED)
        return;
    if (displaced && waits_on(c, u)) {
        runq_renew(u);
        return;
    }
    if (u->state == CREDIT2_QUEUED)
        dequeue(c, u, now);
    cpu = find_idle(c, u);
    if (cpu != CREDIT2_NONE) {
        enqueue(c, u, c->cpu[cpu].rq, now);
        call_idle(c, cpu, u, fx);
        return;
    }
    rq = home_of(c, u);
    if (rq == CREDIT2_NONE)
        return;               /* no CPU of ours is allowed: the caller will change that and wake it again */
    /* One that was just found to have less credit than others takes nobody's CPU: it waits for their timers. */
    displaced = displaced && u->rq == rq && c->rq[rq].untimed == 0;
    enqueue(c, u, rq, now);
    if (!displaced)
        tickle_busy(c, u, now, fx);
}

void credit2_sleep(struct credit2 *c, struct credit2_unit *u, ns_t now)
{
    ASSERT(u->state != CREDIT2_RUNNING);
    u->displaced = false;
    if (u->state == CREDIT2_QUEUED)
        dequeue(c, u, now);
    if (u->state == CREDIT2_PARKED)
        list_del(&u->park);
    u->state = CREDIT2_OUT;
}

/* The CPUs whose unit has no timer are counted: only they must be told of everyone who begins to wait. */
static void set_resched(struct credit2 *c, unsigned int cpu, ns_t at)
{
    struct credit2_cpu *on = &c->cpu[cpu];
    struct credit2_runq *rq = rq_of_cpu(c, cpu);
    bool untimed = on->unit && at == NS_NEVER;

    rq->untimed = rq->untimed - on->untimed + untimed;
    on->untimed = untimed;
    on->resched_at = at;
}

/* What runs on cpu stops. It stays runnable or not: that is for the caller to say. */
static void stop(struct credit2 *c, unsigned int cpu, ns_t now)
{
    struct credit2_unit *u = c->cpu[cpu].unit;

    credit_burn(c, u, now);
    cap_return(u);
    load_change(&c->rq[u->rq], u, false, now);
    u->state = CREDIT2_OUT;
    c->cpu[cpu].unit = NULL;
}

static void start(struct credit2 *c, unsigned int cpu, struct credit2_unit *u, ns_t now)
{
    load_change(&c->rq[u->rq], u, true, now);
    credit_clip(&c->rq[u->rq], u);      /* resets while it waited may have given it more */
    u->state = CREDIT2_RUNNING;
    u->since = now;
    u->last_cpu = u->only_cpu = cpu;
    c->cpu[cpu].unit = u;
    c->cpu[cpu].started = now;
}

/* The waiting unit with most credit; one that likes this CPU better, if it is not far behind. */
static struct credit2_unit *candidate(struct credit2 *c, unsigned int cpu)
{
    const struct credit2_runq *rq = rq_of_cpu(c, cpu);
    struct credit2_mask here = { { 0 } };
    struct credit2_unit *u, *fond;

    mask_set(&here, cpu);
    u = runq_find(c, rq, &here, false);
    if (!u || mask_test(&u->preferred, cpu) || !masks_meet(&u->preferred, &rq->cpus))
        return u;
    fond = runq_find(c, rq, &here, true);
    return fond && credit_of(rq, u) - credit_of(rq, fond) < CREDIT2_SOFT_SLACK ? fond : u;
}

/*
 * Takes the unit that runs next out of a queue; NULL: `now_on`, what runs here, is to go on (or nothing
 * is there). Units without budget leave the queue on the way: each is parked once per period.
 */
static struct credit2_unit *choose(struct credit2 *c, unsigned int cpu, const struct credit2_unit *now_on,
                                   bool yielded, ns_t now, struct credit2_effects *fx)
{
    const struct credit2_runq *rq = rq_of_cpu(c, cpu);

    for (;;) {
        struct credit2_unit *u = candidate(c, cpu), *called = c->cpu[cpu].called_for;

        if (u && called && c->cpu[cpu].rq == called->rq &&
            credit_of(rq, u) - credit_of(rq, called) <= CREDIT2_WAKE_MARGIN + CREDIT2_MIGRATE_MARGIN)
            u = called;
        if (u && now_on && !yielded &&
            credit_of(rq, u) <= credit_of(rq, now_on) + margin_against(u, cpu))
            return NULL;
        if (!u && !now_on)
            u = steal_for(c, cpu, now);
        if (!u)
            return NULL;
        dequeue(c, u, now);
        if (cap_take(c, u, now))
            return u;
        cap_park(u, fx);
    }
}

/* When this CPU must choose again: someone waits, the unit's share is used up. */
static ns_t run_until(struct credit2 *c, unsigned int cpu, struct credit2_unit *u, ns_t now)
{
    const struct credit2_runq *rq = rq_of_cpu(c, cpu);
    const struct credit2_unit *waiting = candidate(c, cpu);
    ns_t until = NS_NEVER, started = c->cpu[cpu].started;

    if (waiting) {
        int64_t ahead = credit_of(rq, u) - credit_of(rq, waiting);

        until = started + c->ratelimit;
        if (ahead + margin_against(waiting, cpu) >= 0) {
            ns_t slice = credit_burn_time(c, u, ahead + CREDIT2_GRAIN);

            slice = min_of(slice, (ns_t)CREDIT2_SLICE_MAX);
            slice = max_of(slice, (ns_t)CREDIT2_SLICE_MIN);
            until = max_of(until, now + slice);
        }
        until = max_of(until, now + CREDIT2_TIMER_MIN);
    }
    if (u->group->cap)
        until = min_of(until, now + u->grant);
    return until;
}

/* Pays, and takes another share of the budget if the last one is used up; without one it is parked. */
static void settle(struct credit2 *c, struct credit2_unit *u, ns_t now, struct credit2_effects *fx)
{
    credit_burn(c, u, now);
    if (!u->group->cap || u->grant > 0 || cap_take(c, u, now))
        return;
    stop(c, u->last_cpu, now);
    cap_park(u, fx);
}

/*
 * One that had to make room waits at once, so that its CPU's timer reckons with it; for this CPU alone, which still has its
 * registers, until it is woken.
 */
static void wait_here(struct credit2 *c, struct credit2_unit *u, ns_t now)
{
    enqueue(c, u, c->cpu[u->last_cpu].rq, now);
    u->displaced = true;
}

/* u is to run and has no credit: everybody gets some if someone else wants this CPU, nobody if not. */
static void top_up(struct credit2 *c, unsigned int cpu, struct credit2_unit *u, bool wanted)
{
    struct credit2_runq *rq = rq_of_cpu(c, cpu);

    if (credit_of(rq, u) > 0)
        return;
    if (wanted || candidate(c, cpu))
        credit_reset(rq, u);
    else
        credit_forgive(rq, u);
}

struct credit2_choice credit2_pick(struct credit2 *c, unsigned int cpu, bool go_on, bool yielded,
                                   ns_t now, struct credit2_effects *fx)
{
    struct credit2_cpu *on = &c->cpu[cpu];
    struct credit2_unit *u = on->unit, *next = NULL, *displaced = NULL;

    ASSERT(on->rq != CREDIT2_NONE);
    c->decisions++;
    on->tickled = false;
    mask_clear(&c->idle, cpu);
    if (u && !go_on)
        stop(c, cpu, now);
    else if (u)
        settle(c, u, now, fx);
    u = on->unit;
    if (u)
        balance(c, now, fx);      /* before u makes room: then it is this CPU's alone for a moment, and no queue can take it */
    if (!u || yielded || now >= on->started + c->ratelimit)
        next = choose(c, cpu, u, yielded, now, fx);
    if (next) {
        if (u) {
            stop(c, cpu, now);
            displaced = u;
        }
        start(c, cpu, next, now);
    }
    if (on->called_for)
        call_off(c, on->called_for);
    if (!on->unit) {
        mask_set(&c->idle, cpu);
        set_resched(c, cpu, NS_NEVER);
        return (struct credit2_choice){ NULL, NS_NEVER };
    }
    top_up(c, cpu, on->unit, displaced != NULL);
    tickle_idle(c, cpu, fx);
    if (!u)
        balance(c, now, fx);
    if (displaced)
        wait_here(c, displaced, now);
    set_resched(c, cpu, run_until(c, cpu, on->unit, now));
    return (struct credit2_choice){ on->unit, on->resched_at };
}

void credit2_set_cpu(struct credit2 *c, unsigned int cpu, bool in, ns_t now)
{
    struct credit2_cpu *on = &c->cpu[cpu];
    struct credit2_runq *rq = &c->rq[c->rq_of[cpu]];

    ASSERT(rq->waiting == 0);
    if (in) {
        on->rq = c->rq_of[cpu];
        mask_set(&rq->cpus, cpu);
        rq->cpu_count++;
        mask_set(&c->idle, cpu);
        on->resched_at = NS_NEVER;
        return;
    }
    if (on->unit)
        stop(c, cpu, now);
    set_resched(c, cpu, NS_NEVER);
    mask_clear(&rq->cpus, cpu);
    mask_clear(&c->idle, cpu);
    rq->cpu_count--;
    on->rq = CREDIT2_NONE;
    on->tickled = false;
    if (on->called_for)
        call_off(c, on->called_for);
}
