/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run queues against each other. A CPU that finds nothing in its own takes from the one with most
 * waiting units, at once. Among queues that have no idle CPU, credit is handed out the slower the more
 * weight shares a CPU: one that falls behind the mean by more than CREDIT2_INIT gives a unit to the
 * fastest. Uneven numbers thus take turns, and none is moved more often than the lag asks for.
 */
#include "private.h"

#define LAG_MAX NS_PER_SEC

void unit_set_rq(struct credit2 *c, struct credit2_unit *u, uint32_t rq)
{
    if (u->rq == rq)
        return;
    if (u->rq != CREDIT2_NONE) {
        u->used += c->rq[rq].base - c->rq[u->rq].base;
        u->migrations++;
        c->migrations++;
    } else {
        u->used = c->rq[rq].base;
    }
    u->rq = rq;
}

/* Runnable units per CPU, the present ones and the mean counting alike. */
static uint64_t load_of(const struct credit2_runq *rq)
{
    return (((uint64_t)rq->runnable << CREDIT2_LOAD_SHIFT) + rq->load) / rq->cpu_count;
}

uint32_t least_loaded(const struct credit2 *c, const struct credit2_mask *allowed)
{
    uint32_t best = CREDIT2_NONE;
    uint64_t best_load = UINT64_MAX;

    for (uint32_t i = 0; i < c->rq_count; i++) {
        const struct credit2_runq *rq = &c->rq[i];
        uint64_t load;

        if (rq->cpu_count == 0 || !masks_meet(&rq->cpus, allowed))
            continue;
        load = load_of(rq);
        if (load < best_load) {
            best_load = load;
            best = i;
        }
    }
    return best;
}

/* One that would rather be elsewhere goes there, unless it is much busier there or has been slower. */
uint32_t preferred_queue(const struct credit2 *c, const struct credit2_unit *u)
{
    struct credit2_mask likes = mask_and(&u->preferred, &u->allowed);
    const struct credit2_runq *own = &c->rq[u->rq];
    uint32_t there;

    if (masks_meet(&likes, &own->cpus))
        return u->rq;
    there = least_loaded(c, &likes);
    if (there == CREDIT2_NONE || c->rq[there].lag - own->lag >= CREDIT2_INIT ||
        load_of(&c->rq[there]) > load_of(own) + load_of(own) / 4)
        return u->rq;
    return there;
}

/* Requires: u is queued. */
static void move(struct credit2 *c, struct credit2_unit *u, uint32_t to, ns_t now)
{
    dequeue(c, u, now);
    enqueue(c, u, to, now);
}

/* The one that this CPU was called for; those for whom another is on its way are left to that, near their data. */
struct credit2_unit *steal_for(struct credit2 *c, unsigned int cpu, ns_t now)
{
    struct credit2_mask here = { { 0 } };
    struct credit2_unit *called = c->cpu[cpu].called_for, *best = called;
    uint32_t most = 0;

    mask_set(&here, cpu);
    for (uint32_t i = 0; !called && i < c->rq_count; i++) {
        uint32_t waiting = c->rq[i].waiting - c->rq[i].called;
        struct credit2_unit *u;

        if (i == c->cpu[cpu].rq || waiting <= most)
            continue;
        u = runq_find(c, &c->rq[i], &here, false);
        if (!u)
            continue;
        best = u;
        most = waiting;
    }
    if (best)
        move(c, best, c->cpu[cpu].rq, now);
    return best;
}

static bool is_busy(const struct credit2_runq *rq)
{
    return rq->waiting > 0 || (rq->cpu_count > 0 && rq->runnable >= rq->cpu_count);
}

/* The credit that it has handed out since last time; where nobody waits, nobody needs any: what would have been used up. */
static int64_t handed_out(const struct credit2 *c, const struct credit2_runq *rq, ns_t elapsed)
{
    if (rq->contended && rq->waiting > 0)
        return (int64_t)(rq->base - rq->balance_base);
    return elapsed * rq->runnable * c->reference / (int64_t)rq->weight;
}

/* How much credit each queue that has been busy has handed out since last time, against their mean. */
static uint32_t update_lags(struct credit2 *c, ns_t elapsed)
{
    int64_t sum = 0;
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->rq_count; i++) {
        const struct credit2_runq *rq = &c->rq[i];

        if (rq->busy && is_busy(rq)) {
            sum += handed_out(c, rq, elapsed);
            n++;
        }
    }
    for (uint32_t i = 0; i < c->rq_count; i++) {
        struct credit2_runq *rq = &c->rq[i];
        bool busy = is_busy(rq);

        rq->lag = n > 1 && rq->busy && busy ? rq->lag + sum / n - handed_out(c, rq, elapsed) : 0;
        rq->lag = min_of(rq->lag, (int64_t)LAG_MAX);
        rq->lag = max_of(rq->lag, (int64_t)-LAG_MAX);
        rq->contended = rq->waiting > 0;
        rq->busy = busy;
        rq->balance_base = rq->base;
    }
    return n;
}

static bool is_heavier(const struct credit2_runq *a, const struct credit2_runq *b)
{
    return a->weight * b->cpu_count > b->weight * a->cpu_count;
}

/*
 * From the slowest queue to the fastest among those that have taken no part yet. False: it is not worth it. True, and nothing
 * is moved: the fastest may have none of the slowest one's, and is left out.
 */
static bool even_out(struct credit2 *c, ns_t now, struct credit2_effects *fx, uint32_t *moved)
{
    uint32_t slow = CREDIT2_NONE, fast = CREDIT2_NONE;
    struct credit2_unit *u = NULL;

    for (uint32_t i = 0; i < c->rq_count; i++) {
        if (!c->rq[i].busy || c->rq[i].balanced_at == now)
            continue;
        if (c->rq[i].waiting > 0 && (slow == CREDIT2_NONE || c->rq[i].lag > c->rq[slow].lag))
            slow = i;
        if (fast == CREDIT2_NONE || c->rq[i].lag < c->rq[fast].lag)
            fast = i;
    }
    if (slow == CREDIT2_NONE || c->rq[slow].lag - c->rq[fast].lag < CREDIT2_INIT)
        return false;
    c->rq[fast].balanced_at = now;
    if (is_heavier(&c->rq[slow], &c->rq[fast])) {
        u = runq_find(c, &c->rq[slow], &c->rq[fast].cpus, true);
        if (!u)
            u = runq_find(c, &c->rq[slow], &c->rq[fast].cpus, false);
    }
    if (!u)
        return true;
    c->rq[slow].balanced_at = now;
    (*moved)++;
    move(c, u, fast, now);
    tickle_busy(c, u, now, fx);
    return true;
}

#define EVEN_OUT_MISSES 8U       /* pairs without anything to move, at a time */

void balance(struct credit2 *c, ns_t now, struct credit2_effects *fx)
{
    ns_t elapsed = now - c->balanced_at;
    uint32_t busy, moved = 0, tries = 0;

    if (now < c->balance_at)
        return;
    c->balanced_at = now;
    c->balance_at = now + CREDIT2_BALANCE_PERIOD / 2 + (ns_t)(next_random(c) % CREDIT2_BALANCE_PERIOD);
    if (c->rq_count < 2)
        return;
    busy = update_lags(c, min_of(elapsed, (ns_t)LAG_MAX));
    /* One pair of queues in eight. */
    while (busy >= 2 && moved < 1 + busy / 8 && tries++ < moved + EVEN_OUT_MISSES)
        if (!even_out(c, now, fx, &moved))
            break;
}
