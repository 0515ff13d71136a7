/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core: states of units, and who holds whose registers. A unit belongs to a cpupool; that pool's
 * lock guards the unit, the pool's CPUs and its policy. What a CPU runs is decided in sched_next();
 * every reason to decide anew raises SOFTIRQ_SCHED there, so without it the last answer still holds.
 */
#include <sched/sched.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/bitmap.h>
#include <trace/trace.h>
#include <x86/cpu.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <x86/time.h>

#include "private.h"

struct sched_cpu sched_cpus[MAX_CPUS];

struct sched_pool *sched_lock_unit(struct sched_unit *u)
{
    for (;;) {
        struct sched_pool *p = READ_ONCE(u->pool);

        ASSERT(p != NULL);
        spin_lock(&p->lock);
        if (READ_ONCE(u->pool) == p)
            return p;
        spin_unlock(&p->lock);
    }
}

/* NULL: the CPU is in no pool. */
static struct sched_pool *lock_cpu(struct sched_cpu *sc)
{
    for (;;) {
        struct sched_pool *p = READ_ONCE(sc->pool);

        if (!p)
            return NULL;
        spin_lock(&p->lock);
        if (READ_ONCE(sc->pool) == p)
            return p;
        spin_unlock(&p->lock);
    }
}

bool sched_is_current(const struct sched_unit *u)
{
    return sched_cpus[u->cpu].current == u;
}

static uint32_t runstate_of(const struct sched_unit *u, bool running)
{
    if (running)
        return RUNSTATE_running;
    if (sched_is_runnable(u))
        return RUNSTATE_runnable;
    return u->down || u->pause_count != 0 ? RUNSTATE_offline : RUNSTATE_blocked;
}

static void account(struct sched_unit *u, bool running, ns_t now)
{
    uint32_t state = runstate_of(u, running);

    if (u->runstate.state == state)
        return;
    TRACE(sched_trace_change(u->runstate.state, state), trace_vcpu(u->domid, u->vcpu_id));
    runstate_change(&u->runstate, state, now);
}

void sched_apply(const struct sched_effects *fx)
{
    for (unsigned int w = 0; w < CPUMASK_WORDS; w++)
        for (uint64_t bits = fx->kick.bits[w]; bits; bits &= bits - 1)
            softirq_raise_on(w * 64 + (unsigned int)__builtin_ctzll(bits), SOFTIRQ_SCHED);
    for (struct sched_group *g = fx->rearm; g; g = g->rearm_next)
        timer_set(&g->refill, g->refill_at);
}

/* Something that decides whether and where u may run has changed. */
void sched_reconsider(struct sched_pool *p, struct sched_unit *u)
{
    struct sched_effects fx = { { { 0 } }, NULL };
    ns_t now = time_now();

    if (sched_is_current(u)) {
        if (!sched_is_runnable(u) || !bit_test(u->allowed.bits, u->cpu))
            softirq_raise_on(u->cpu, SOFTIRQ_SCHED);
        return;
    }
    if (sched_is_runnable(u))
        p->policy->wake(p->state, u, now, &fx);
    else
        p->policy->sleep(p->state, u, now, &fx);
    account(u, false, now);
    sched_apply(&fx);
    /* The CPU that only keeps its registers may have to give them up. */
    if (u->on_cpu && (!sched_is_runnable(u) || !bit_test(u->allowed.bits, u->cpu)))
        softirq_raise_on(u->cpu, SOFTIRQ_SCHED);
}

void sched_suspend(struct sched_pool *p, struct sched_unit *u)
{
    struct sched_effects fx = { { { 0 } }, NULL };

    if (sched_is_current(u))
        return;
    p->policy->sleep(p->state, u, time_now(), &fx);
    sched_apply(&fx);
}

/* Wake and block look at each other's mark after leaving their own: one of the two sees the other. */
static bool was_blocked(struct sched_unit *u)
{
    struct sched_pool *p;
    bool blocked;

    __atomic_store_n(&u->wake_pending, true, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&u->blocked, __ATOMIC_SEQ_CST))
        return false;
    p = sched_lock_unit(u);
    blocked = u->blocked;
    if (blocked) {
        u->blocked = false;
        TRACE(TRC_SCHED_WAKE, u->domid, u->vcpu_id);
        sched_reconsider(p, u);
    }
    spin_unlock(&p->lock);
    return blocked;
}

void sched_wake(struct sched_unit *u)
{
    (void)was_blocked(u);
}

/* One that was blocked is not inside its guest, and sees what there is for it when it next enters. */
void sched_kick(struct sched_unit *u)
{
    if (!was_blocked(u) && READ_ONCE(u->on_cpu) && READ_ONCE(u->cpu) != this_cpu_id())
        smp_kick(READ_ONCE(u->cpu));
}

void sched_block_prepare(struct sched_unit *u)
{
    __atomic_store_n(&u->wake_pending, false, __ATOMIC_SEQ_CST);
}

void sched_block(struct sched_unit *u)
{
    struct sched_pool *p = sched_lock_unit(u);

    __atomic_store_n(&u->blocked, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&u->wake_pending, __ATOMIC_SEQ_CST))
        u->blocked = false;
    else
        softirq_raise(SOFTIRQ_SCHED);
    TRACE(TRC_SCHED_BLOCK, u->domid, u->vcpu_id);
    spin_unlock(&p->lock);
}

void sched_pause(struct sched_unit *u)
{
    struct sched_pool *p = sched_lock_unit(u);

    u->pause_count++;
    TRACE(TRC_SCHED_SLEEP, u->domid, u->vcpu_id);
    sched_reconsider(p, u);
    spin_unlock(&p->lock);
}

void sched_wait_off_cpu(struct sched_unit *u)
{
    while (READ_ONCE(u->on_cpu)) {
        if (softirq_is_pending())
            softirq_run();
        cpu_relax();
    }
}

void sched_unpause(struct sched_unit *u)
{
    struct sched_pool *p = sched_lock_unit(u);

    ASSERT(u->pause_count > 0);
    u->pause_count--;
    sched_reconsider(p, u);
    spin_unlock(&p->lock);
}

void sched_set_waiting(struct sched_unit *u, bool waiting)
{
    struct sched_pool *p = sched_lock_unit(u);

    u->waiting = waiting;
    sched_reconsider(p, u);
    spin_unlock(&p->lock);
}

void sched_set_down(struct sched_unit *u, bool down)
{
    struct sched_pool *p = sched_lock_unit(u);

    u->down = down;
    if (down)
        TRACE(TRC_SCHED_SLEEP, u->domid, u->vcpu_id);
    sched_reconsider(p, u);
    spin_unlock(&p->lock);
}

void sched_give_way(struct sched_unit *u)
{
    u->yielded = true;
    TRACE(TRC_SCHED_YIELD, u->domid, u->vcpu_id);
    softirq_raise(SOFTIRQ_SCHED);
}

/* This CPU's timer for the next decision. */
static void set_slice(struct sched_cpu *sc, ns_t until)
{
    if (until == sc->slice_at)
        return;
    sc->slice_at = until;
    timer_set(&sc->slice, until);
}

static struct sched_unit *choose(struct sched_pool *p, struct sched_cpu *sc)
{
    unsigned int cpu = this_cpu_id();
    struct sched_unit *before = sc->current;
    struct sched_effects fx = { { { 0 } }, NULL };
    struct sched_ask ask = { .cpu = cpu, .now = time_now() };
    struct sched_choice choice;

    if (before) {
        ask.go_on = sched_is_runnable(before) && bit_test(before->allowed.bits, cpu);
        ask.yielded = before->yielded;
        before->yielded = false;
    }
    choice = p->policy->pick(p->state, &ask, &fx);
    if (trace_is_on())
        sched_trace_choice(before, choice.unit, ask.now, choice.until);
    sc->current = choice.unit;
    if (before && before != choice.unit)
        account(before, false, ask.now);
    if (choice.unit) {
        ASSERT(!choice.unit->on_cpu || choice.unit->cpu == cpu);
        WRITE_ONCE(choice.unit->cpu, cpu);
        WRITE_ONCE(choice.unit->on_cpu, true);
        account(choice.unit, true, ask.now);
    } else if (before && trace_is_on()) {
        sched_trace_idle();
    }
    set_slice(sc, choice.until);
    sched_apply(&fx);
    return choice.unit;
}

struct sched_unit *sched_next(void)
{
    struct sched_cpu *sc = &sched_cpus[this_cpu_id()];
    struct sched_unit *u = READ_ONCE(sc->current);
    struct sched_pool *p;

    if (!sc->stale && (!u || sched_is_runnable(u)))
        return u;
    sc->stale = false;
    p = lock_cpu(sc);
    if (!p) {
        set_slice(sc, NS_NEVER);
        return NULL;
    }
    u = choose(p, sc);
    spin_unlock(&p->lock);
    return u;
}

/* sched_next() has said so already; whoever loads a vCPU without having asked it says it here. */
void sched_entered(struct sched_unit *u)
{
    WRITE_ONCE(u->on_cpu, true);
}

/* Its registers are in memory: from now on any CPU may take it. */
void sched_left(struct sched_unit *u)
{
    struct sched_pool *p = sched_lock_unit(u);

    WRITE_ONCE(u->on_cpu, false);
    if (!sched_is_current(u))
        sched_reconsider(p, u);
    spin_unlock(&p->lock);
}

bool sched_must_give_up(const struct sched_unit *u)
{
    return READ_ONCE(u->pause_count) != 0 || READ_ONCE(u->down) ||
           !bit_test(u->allowed.bits, this_cpu_id());
}

void sched_idle_begin(void)
{
    sched_cpus[this_cpu_id()].idle_since = time_now();
}

void sched_idle_end(void)
{
    struct sched_cpu *sc = &sched_cpus[this_cpu_id()];

    WRITE_ONCE(sc->idle_time, sc->idle_time + time_now() - sc->idle_since);
    sc->idle_since = 0;
}

ns_t sched_cpu_idle_time(unsigned int cpu)
{
    const struct sched_cpu *sc = &sched_cpus[cpu];
    ns_t since = READ_ONCE(sc->idle_since);

    return READ_ONCE(sc->idle_time) + (since ? time_now() - since : 0);
}

static void slice_over(void *arg)
{
    ((struct sched_cpu *)arg)->slice_at = NS_NEVER;
    softirq_raise(SOFTIRQ_SCHED);
}

/* Its being pending makes the CPU leave what it runs; that the CPU loop asks again is all there is to do. */
static void sched_softirq(void)
{
    sched_cpus[this_cpu_id()].stale = true;
}

void sched_init(void)
{
    softirq_set_handler(SOFTIRQ_SCHED, sched_softirq);
    for (unsigned int i = 0; i < MAX_CPUS; i++)
        sched_cpus[i] = (struct sched_cpu){ .stale = true, .slice_at = NS_NEVER };
    sched_pools_init();
}

void sched_init_cpu(void)
{
    struct sched_cpu *sc = &sched_cpus[this_cpu_id()];

    timer_init(&sc->slice, slice_over, sc, this_cpu_id());
    /* A CPU without work is idle from now on, so that the first wake reaches it. */
    sc->idle_since = time_now();
}
