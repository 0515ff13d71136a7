/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which CPU hears of a unit that wants to run: an idle one near its data if there is one, else the one
 * whose unit has least credit, at the moment when it will have fallen behind far enough. A CPU that
 * will look by itself by then is left alone, so that a storm of wake-ups is no storm of interrupts.
 */
#include "private.h"

void tickle(struct credit2 *c, unsigned int cpu, struct credit2_effects *fx)
{
    mask_set(&fx->kick, cpu);
    mask_clear(&c->idle, cpu);
    c->cpu[cpu].tickled = true;
}

/* An idle CPU is to run u, which waits there: of several that wake at once each keeps its own CPU. */
void call_idle(struct credit2 *c, unsigned int cpu, struct credit2_unit *u, struct credit2_effects *fx)
{
    tickle(c, cpu, fx);
    call_off(c, u);
    c->cpu[cpu].called_for = u;
    u->called_to = cpu;
    c->rq[u->rq].called++;
}

void call_off(struct credit2 *c, struct credit2_unit *u)
{
    if (u->called_to == CREDIT2_NONE)
        return;
    c->cpu[u->called_to].called_for = NULL;
    u->called_to = CREDIT2_NONE;
    c->rq[u->rq].called--;
}

/* Where it ran last, else in its run queue (going round from there), else anywhere. */
static uint32_t choose_near(const struct credit2 *c, const struct credit2_unit *u,
                            const struct credit2_mask *from)
{
    struct credit2_mask near;
    uint32_t cpu;

    if (mask_test(from, u->last_cpu))
        return u->last_cpu;
    if (u->rq != CREDIT2_NONE) {
        near = mask_and(from, &c->rq[u->rq].cpus);
        cpu = mask_next(&near, u->last_cpu);
        if (cpu == CREDIT2_NONE)
            cpu = mask_next(&near, 0);
        if (cpu != CREDIT2_NONE)
            return cpu;
    }
    return mask_next(from, 0);
}

uint32_t find_idle(const struct credit2 *c, const struct credit2_unit *u)
{
    struct credit2_mask may = mask_and(&c->idle, &u->allowed), likes;

    if (u->only_cpu != CREDIT2_NONE)
        return mask_test(&may, u->only_cpu) ? u->only_cpu : CREDIT2_NONE;
    if (mask_is_empty(&may))
        return CREDIT2_NONE;
    likes = mask_and(&may, &u->preferred);
    return choose_near(c, u, mask_is_empty(&likes) ? &may : &likes);
}

/* What the runner will have when it pays now. */
static inline int64_t credit_now(const struct credit2 *c, const struct credit2_runq *rq, const struct credit2_unit *u,
                                 ns_t now)
{
    uint64_t ran = now > u->since ? (uint64_t)(now - u->since) : 0;

    return credit_of(rq, u) - (int64_t)(u->group->weight == c->reference ? ran : ran * c->reference / u->group->weight);
}

/* When u may take cpu from what runs there with so much credit. */
static inline ns_t due_at(const struct credit2 *c, const struct credit2_unit *u, unsigned int cpu, int64_t credit, ns_t now)
{
    const struct credit2_cpu *on = &c->cpu[cpu];
    int64_t ahead = credit + margin_against(u, cpu) - credit_of(&c->rq[u->rq], u);
    ns_t due = now;

    if (ahead >= 0) {
        due = now + credit_burn_time(c, on->unit, ahead);
        due = max_of(due, now + CREDIT2_SLICE_MIN);
        due = min_of(due, now + CREDIT2_SLICE_MAX);
    }
    return max_of(due, on->started + c->ratelimit);
}

/* Of two that are due at once the one with less credit; u's soft affinity breaks the tie. */
void tickle_busy(struct credit2 *c, struct credit2_unit *u, ns_t now, struct credit2_effects *fx)
{
    const struct credit2_runq *rq = &c->rq[u->rq];
    uint32_t best = CREDIT2_NONE;
    int64_t best_credit = 0;
    ns_t best_due = NS_NEVER;
    struct credit2_mask may = mask_and(&u->here, &rq->cpus);

    mask_for_each(cpu, &may) {
        const struct credit2_cpu *on = &c->cpu[cpu];
        int64_t credit;
        ns_t due;

        if (on->tickled || !on->unit || on->started + c->ratelimit > best_due)
            continue;
        credit = credit_now(c, rq, on->unit, now);
        due = due_at(c, u, cpu, credit, now);
        if (due < best_due ||
            (due == best_due && (credit < best_credit ||
                                 (mask_test(&u->preferred, cpu) && !mask_test(&u->preferred, best))))) {
            best = cpu;
            best_due = due;
            best_credit = credit;
        }
    }
    if (best != CREDIT2_NONE && c->cpu[best].resched_at > best_due)
        tickle(c, best, fx);
}

/*
 * This CPU has chosen. It may have been called for another one than it took: if an idle CPU can run
 * one of those left, it is called.
 */
void tickle_idle(struct credit2 *c, unsigned int cpu, struct credit2_effects *fx)
{
    const struct credit2_runq *rq = rq_of_cpu(c, cpu);
    struct credit2_unit *u;

    if (rq->waiting == 0 || mask_is_empty(&c->idle))
        return;
    u = runq_find(c, rq, &c->idle, false);
    if (u)
        call_idle(c, find_idle(c, u), u, fx);
}
