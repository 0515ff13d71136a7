/* SPDX-License-Identifier: BSD-2-Clause */
/* credit2 (src/credit2) as a policy of the core: its terms for ours and back. */
#include <sched/policy.h>

#include <lib/bitmap.h>
#include <lib/log.h>
#include <lib/string.h>

#include "private.h"

_Static_assert(CREDIT2_MAX_CPUS == MAX_CPUS, "masks are copied word by word");
_Static_assert(sizeof(struct credit2_mask) == sizeof(struct cpumask), "masks are copied word by word");

#define SEED 0x7e505eedU

static struct sched_group *group_of(struct credit2_group *g)
{
    return g ? container_of(g, struct sched_group, policy.credit2) : NULL;
}

static struct sched_unit *unit_of(struct credit2_unit *u)
{
    return u ? container_of(u, struct sched_unit, policy.credit2) : NULL;
}

static void add_once(struct sched_group *g, struct sched_effects *fx)
{
    for (const struct sched_group *i = fx->rearm; i; i = i->rearm_next)
        if (i == g)
            return;
    g->rearm_next = fx->rearm;
    fx->rearm = g;
}

/* Run-queue events as credit2's in xenalyze: a CPU is told, a unit changes queues. */
#define TRACE_TICKLE TRC_SCHED_CLASS_EVT(CSCHED2, 6)
#define TRACE_MIGRATE TRC_SCHED_CLASS_EVT(CSCHED2, 15)

static cold_fn void trace_kicks(const struct credit2_effects *fx)
{
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        if (bit_test(fx->kick.bits, cpu))
            TRACE(TRACE_TICKLE, cpu);
}

static void note_queue(struct sched_unit *u)
{
    uint32_t rq = u->policy.credit2.rq;

    if (rq == u->seen_queue)
        return;
    if (u->seen_queue != CREDIT2_NONE)
        TRACE(TRACE_MIGRATE, trace_vcpu(u->domid, u->vcpu_id), rq << 16 | (u->seen_queue & 0xffff));
    u->seen_queue = rq;
}

static void hand_on(const struct credit2_effects *from, struct sched_effects *to)
{
    if (trace_is_on())
        trace_kicks(from);
    for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
        to->kick.bits[i] |= from->kick.bits[i];
    for (struct credit2_group *g = from->rearm; g; g = g->rearm_next) {
        struct sched_group *sg = group_of(g);

        sg->refill_at = g->timer_at;
        add_once(sg, to);
    }
}

static void bind_init(void *state)
{
    uint16_t rq_of[MAX_CPUS];

    sched_arrange(rq_of);
    credit2_init(state, rq_of, SEED);
}

static void bind_set_cpu(void *state, unsigned int cpu, bool in, ns_t now)
{
    credit2_set_cpu(state, cpu, in, now);
}

static void bind_group(void *state, struct sched_group *g, enum sched_group_event e, ns_t now,
                       struct sched_effects *fx)
{
    struct credit2_effects effects = { { { 0 } }, NULL };

    switch (e) {
    case SCHED_GROUP_ADD:
        credit2_group_add(state, &g->policy.credit2, g->params.weight, g->params.cap, now);
        break;
    case SCHED_GROUP_REMOVE:
        credit2_group_remove(state, &g->policy.credit2);
        break;
    case SCHED_GROUP_PARAMS:
        credit2_group_set(state, &g->policy.credit2, g->params.weight, g->params.cap, now, &effects);
        break;
    case SCHED_GROUP_TIMER:
        credit2_refill(state, &g->policy.credit2, now, &effects);
        break;
    }
    hand_on(&effects, fx);
}

static void bind_unit(void *state, struct sched_unit *u, bool in)
{
    if (in)
        credit2_unit_init(state, &u->policy.credit2, &u->group->policy.credit2, u->cpu);
    u->seen_queue = CREDIT2_NONE;
}

static void bind_wake(void *state, struct sched_unit *u, ns_t now, struct sched_effects *fx)
{
    struct credit2_effects effects = { { { 0 } }, NULL };
    struct credit2_unit *c = &u->policy.credit2;

    memcpy(&c->allowed, &u->allowed, sizeof(c->allowed));
    memcpy(&c->preferred, &u->soft, sizeof(c->preferred));
    c->only_cpu = u->on_cpu ? u->cpu : CREDIT2_NONE;
    credit2_wake(state, c, now, &effects);
    hand_on(&effects, fx);
}

static void bind_sleep(void *state, struct sched_unit *u, ns_t now, struct sched_effects *fx unused_arg)
{
    credit2_sleep(state, &u->policy.credit2, now);
}

static struct sched_choice bind_pick(void *state, const struct sched_ask *ask, struct sched_effects *fx)
{
    struct credit2_effects effects = { { { 0 } }, NULL };
    struct credit2_choice choice = credit2_pick(state, ask->cpu, ask->go_on, ask->yielded, ask->now, &effects);

    hand_on(&effects, fx);
    if (choice.unit)
        note_queue(unit_of(choice.unit));
    return (struct sched_choice){ unit_of(choice.unit), choice.until };
}

static void bind_set_ratelimit(void *state, ns_t ratelimit)
{
    ((struct credit2 *)state)->ratelimit = ratelimit;
}

static void dump_unit(const struct credit2 *c, const char *how, struct credit2_unit *cu)
{
    const struct sched_unit *u = unit_of(cu);

    log_info("    %s d%uv%u credit=%lld us weight=%u cap=%u%% last=%u migrations=%llu", how, u->domid, u->vcpu_id,
             (long long)(credit2_credit(c, cu) / NS_PER_US), cu->group->weight, cu->group->cap, cu->last_cpu,
             (unsigned long long)cu->migrations);
}

static void dump_runq(const struct credit2 *c, uint32_t i)
{
    const struct credit2_runq *rq = &c->rq[i];
    struct credit2_unit *u = NULL;

    log_info("  run queue %u: %u CPUs, %u runnable, %u wait, load %llu/256, %llu resets, lag %lld us", i,
             rq->cpu_count, rq->runnable, rq->waiting, (unsigned long long)(rq->load >> 10),
             (unsigned long long)rq->resets, (long long)(rq->lag / NS_PER_US));
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        if (c->cpu[cpu].rq == i && c->cpu[cpu].unit)
            dump_unit(c, "runs ", c->cpu[cpu].unit);
    while ((u = credit2_next_waiting(rq, u)) != NULL)
        dump_unit(c, "waits", u);
}

static void bind_dump(const void *state, ns_t now unused_arg)
{
    const struct credit2 *c = state;

    log_info("  %llu decisions, %llu migrations, rate limit %lld us", (unsigned long long)c->decisions,
             (unsigned long long)c->migrations, (long long)(c->ratelimit / NS_PER_US));
    for (uint32_t i = 0; i < c->rq_count; i++)
        if (c->rq[i].cpu_count)
            dump_runq(c, i);
}

const struct sched_policy sched_credit2 = {
    .id = SCHED_ID_CREDIT2,
    .name = "credit2",
    .state_size = sizeof(struct credit2),
    .init = bind_init,
    .set_cpu = bind_set_cpu,
    .group = bind_group,
    .unit = bind_unit,
    .wake = bind_wake,
    .sleep = bind_sleep,
    .pick = bind_pick,
    .set_ratelimit = bind_set_ratelimit,
    .dump = bind_dump,
};
