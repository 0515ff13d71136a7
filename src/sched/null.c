/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy without a policy: each unit has a CPU for itself, from when there is one free that its
 * affinity allows until it goes; there are no timers and nobody is ever interrupted. Units beyond the
 * number of CPUs wait until one is free. Runnable or not does not matter for who has which CPU.
 */
#include <sched/policy.h>

#include <lib/bitmap.h>
#include <lib/log.h>
#include <lib/string.h>
#include <trace/trace.h>

#define NOWHERE MAX_CPUS
#define TRACE_ASSIGN TRC_SCHED_CLASS_EVT(SNULL, 2)
#define TRACE_DEASSIGN TRC_SCHED_CLASS_EVT(SNULL, 3)

struct null_state {
    struct cpumask cpus;
    struct sched_unit *owner[MAX_CPUS];
    struct list waiting;
};

static void null_init(void *state)
{
    struct null_state *s = state;

    memset(s, 0, sizeof(*s));
    list_init(&s->waiting);
}

static void give(struct null_state *s, unsigned int cpu, struct sched_unit *u, struct sched_effects *fx)
{
    list_del(&u->policy.null.wait);
    s->owner[cpu] = u;
    u->policy.null.cpu = cpu;
    TRACE(TRACE_ASSIGN, trace_vcpu(u->domid, u->vcpu_id), cpu);
    if (u->policy.null.runnable)
        bit_set(fx->kick.bits, cpu);
}

/* The longest waiting unit that may have the CPU gets it. */
static void offer(struct null_state *s, unsigned int cpu, struct sched_effects *fx)
{
    struct sched_unit *u;

    if (s->owner[cpu] || !bit_test(s->cpus.bits, cpu))
        return;
    list_for_each(u, &s->waiting, policy.null.wait)
        if (bit_test(u->allowed.bits, cpu)) {
            give(s, cpu, u, fx);
            return;
        }
}

/* The CPU it was on last, else the first one free. */
static void seek(struct null_state *s, struct sched_unit *u, struct sched_effects *fx)
{
    unsigned int cpu = u->cpu;

    for (unsigned int i = 0; i < MAX_CPUS; i++, cpu = (cpu + 1) % MAX_CPUS)
        if (!s->owner[cpu] && bit_test(s->cpus.bits, cpu) && bit_test(u->allowed.bits, cpu)) {
            give(s, cpu, u, fx);
            return;
        }
}

static void leave(struct null_state *s, struct sched_unit *u, struct sched_effects *fx)
{
    unsigned int cpu = u->policy.null.cpu;

    list_del(&u->policy.null.wait);
    if (cpu == NOWHERE)
        return;
    s->owner[cpu] = NULL;
    u->policy.null.cpu = NOWHERE;
    TRACE(TRACE_DEASSIGN, trace_vcpu(u->domid, u->vcpu_id), cpu);
    offer(s, cpu, fx);
}

static void null_set_cpu(void *state, unsigned int cpu, bool in, ns_t now unused_arg)
{
    struct null_state *s = state;
    struct sched_unit *u = s->owner[cpu];

    if (in) {
        bit_set(s->cpus.bits, cpu);
        return;    /* the core wakes everyone afterwards */
    }
    bit_clear(s->cpus.bits, cpu);
    if (!u)
        return;
    s->owner[cpu] = NULL;
    u->policy.null.cpu = NOWHERE;
    list_add_tail(&u->policy.null.wait, &s->waiting);
}

static void null_group(void *state unused_arg, struct sched_group *g unused_arg,
                       enum sched_group_event e unused_arg, ns_t now unused_arg,
                       struct sched_effects *fx unused_arg)
{
}

static void null_unit(void *state, struct sched_unit *u, bool in)
{
    struct null_state *s = state;
    struct sched_effects fx = { { { 0 } }, NULL };

    if (in) {
        u->policy.null = (struct null_unit){ .cpu = NOWHERE };
        list_init(&u->policy.null.wait);
        list_add_tail(&u->policy.null.wait, &s->waiting);
        return;
    }
    leave(s, u, &fx);
}

static void null_wake(void *state, struct sched_unit *u, ns_t now unused_arg, struct sched_effects *fx)
{
    struct null_state *s = state;
    unsigned int cpu = u->policy.null.cpu;

    u->policy.null.runnable = true;
    if (cpu != NOWHERE && !bit_test(u->allowed.bits, cpu)) {
        leave(s, u, fx);
        list_add_tail(&u->policy.null.wait, &s->waiting);
        cpu = NOWHERE;
    }
    if (cpu == NOWHERE)
        seek(s, u, fx);
    else
        bit_set(fx->kick.bits, cpu);
}

static void null_sleep(void *state, struct sched_unit *u, ns_t now unused_arg, struct sched_effects *fx)
{
    u->policy.null.runnable = false;
    /* One that is brought down or taken away gives its CPU to the next; one that sleeps keeps it. */
    if (u->down && u->policy.null.cpu != NOWHERE) {
        struct null_state *s = state;

        leave(s, u, fx);
        list_add_tail(&u->policy.null.wait, &s->waiting);
    }
}

static struct sched_choice null_pick(void *state, const struct sched_ask *ask, struct sched_effects *fx)
{
    struct null_state *s = state;
    struct sched_unit *u = s->owner[ask->cpu];

    if (!u) {
        offer(s, ask->cpu, fx);
        u = s->owner[ask->cpu];
    }
    /* Its registers are still elsewhere: whoever holds them wakes it once more when it has let go. */
    if (u && (!u->policy.null.runnable || !sched_is_runnable(u) || !bit_test(u->allowed.bits, ask->cpu) ||
              (u->on_cpu && u->cpu != ask->cpu)))
        u = NULL;
    return (struct sched_choice){ u, NS_NEVER };
}

static void null_set_ratelimit(void *state unused_arg, ns_t ratelimit unused_arg)
{
}

static void null_dump(const void *state, ns_t now unused_arg)
{
    const struct null_state *s = state;
    const struct sched_unit *u;

    for (unsigned int i = 0; i < cpu_count(); i++)
        if (s->owner[i])
            log_info("  CPU %u belongs to d%uv%u", i, s->owner[i]->domid, s->owner[i]->vcpu_id);
    list_for_each(u, &s->waiting, policy.null.wait)
        log_info("  d%uv%u has no CPU%s", u->domid, u->vcpu_id, u->policy.null.runnable ? ", and wants one" : "");
}

const struct sched_policy sched_null = {
    .id = SCHED_ID_NULL,
    .name = "null",
    .state_size = sizeof(struct null_state),
    .init = null_init,
    .set_cpu = null_set_cpu,
    .group = null_group,
    .unit = null_unit,
    .wake = null_wake,
    .sleep = null_sleep,
    .pick = null_pick,
    .set_ratelimit = null_set_ratelimit,
    .dump = null_dump,
};
