/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run queue per CPU, first come first served with a time slice; a unit stays on its CPU unless its
 * affinity says otherwise. One lock per CPU's queue; u->cpu names the lock that guards u.
 */
#include <sched/sched.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <sched/timer.h>
#include <x86/cpu.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <x86/spinlock.h>
#include <x86/time.h>

#define SLICE (10 * NS_PER_MS)
#define RATELIMIT_MAX_US 500000U   /* xen/sysctl.h: XEN_SYSCTL_SCHED_RATELIMIT_MAX */

struct sched_cpu {
    spinlock_t lock;
    struct list queue;             /* runnable units that are not on a CPU */
    struct sched_unit *current;    /* chosen last; NULL: idle */
    struct timer slice;
    ns_t idle_since, idle_time;
};

static struct sched_cpu sched_cpus[MAX_CPUS];
static unsigned int ratelimit_us = 1000;

static struct sched_cpu *lock_cpu_of(struct sched_unit *u)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(u->cpu);
        struct sched_cpu *sc = &sched_cpus[cpu];

        spin_lock(&sc->lock);
        if (READ_ONCE(u->cpu) == cpu)
            return sc;
        spin_unlock(&sc->lock);
    }
}

bool sched_is_runnable(const struct sched_unit *u)
{
    return !READ_ONCE(u->blocked) && !READ_ONCE(u->down) && READ_ONCE(u->pause_count) == 0;
}

static uint32_t runstate_of(const struct sched_unit *u, bool running)
{
    if (running)
        return RUNSTATE_running;
    if (sched_is_runnable(u))
        return RUNSTATE_runnable;
    return u->blocked && !u->down && u->pause_count == 0 ? RUNSTATE_blocked : RUNSTATE_offline;
}

static void account(struct sched_unit *u, bool running)
{
    uint32_t state = runstate_of(u, running);

    if (u->runstate.state != state)
        runstate_change(&u->runstate, state, time_now());
}

/* Puts a runnable unit where its CPU finds it. Lock held. */
static void enqueue(struct sched_cpu *sc, struct sched_unit *u)
{
    if (u->queued || !sched_is_runnable(u) || sc->current == u)
        return;
    list_add_tail(&u->queue, &sc->queue);
    u->queued = true;
    account(u, false);
    if (!sc->current || sc->current->runstate.state != RUNSTATE_running)
        softirq_raise_on(u->cpu, SOFTIRQ_SCHED);
    else if (!sc->slice.queued)
        timer_set(&sc->slice, time_now() + SLICE);
}

static void dequeue(struct sched_unit *u)
{
    if (!u->queued)
        return;
    list_del(&u->queue);
    u->queued = false;
}

/* Something that decides whether u may run has changed. Lock held. */
static void reconsider(struct sched_cpu *sc, struct sched_unit *u)
{
    if (sched_is_runnable(u)) {
        enqueue(sc, u);
        return;
    }
    dequeue(u);
    if (u->on_cpu)
        softirq_raise_on(u->cpu, SOFTIRQ_SCHED);
    else
        account(u, false);
}

struct cpumask cpumask_all(void)
{
    struct cpumask m = { { 0 } };

    for (unsigned int i = 0; i < cpu_count(); i++)
        bit_set(m.bits, i);
    return m;
}

void sched_unit_init(struct sched_unit *u, domid_t domid, uint32_t vcpu_id, unsigned int cpu)
{
    *u = (struct sched_unit){ .domid = domid, .vcpu_id = vcpu_id, .cpu = cpu, .down = true };
    u->hard = u->soft = cpumask_all();
    list_init(&u->queue);
    runstate_init(&u->runstate, time_now());
    u->runstate.state = RUNSTATE_offline;
}

void sched_unit_fini(struct sched_unit *u)
{
    struct sched_cpu *sc = lock_cpu_of(u);

    ASSERT(!u->on_cpu);
    dequeue(u);
    spin_unlock(&sc->lock);
}

void sched_wake(struct sched_unit *u)
{
    struct sched_cpu *sc = lock_cpu_of(u);

    u->wake_pending = true;
    if (u->blocked) {
        u->blocked = false;
        reconsider(sc, u);
    }
    spin_unlock(&sc->lock);
}

void sched_kick(struct sched_unit *u)
{
    sched_wake(u);
    if (READ_ONCE(u->on_cpu) && READ_ONCE(u->cpu) != this_cpu_id())
        smp_kick(READ_ONCE(u->cpu));
}

void sched_pause(struct sched_unit *u)
{
    struct sched_cpu *sc = lock_cpu_of(u);

    u->pause_count++;
    reconsider(sc, u);
    spin_unlock(&sc->lock);
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
    struct sched_cpu *sc = lock_cpu_of(u);

    ASSERT(u->pause_count > 0);
    u->pause_count--;
    reconsider(sc, u);
    spin_unlock(&sc->lock);
}

void sched_set_down(struct sched_unit *u, bool down)
{
    struct sched_cpu *sc = lock_cpu_of(u);

    u->down = down;
    reconsider(sc, u);
    spin_unlock(&sc->lock);
}

void sched_block_prepare(struct sched_unit *u)
{
    __atomic_store_n(&u->wake_pending, false, __ATOMIC_SEQ_CST);
}

void sched_block(struct sched_unit *u)
{
    struct sched_cpu *sc = lock_cpu_of(u);

    if (!u->wake_pending) {
        u->blocked = true;
        softirq_raise(SOFTIRQ_SCHED);
    }
    spin_unlock(&sc->lock);
}

void sched_give_way(struct sched_unit *u)
{
    u->yielded = true;
    softirq_raise(SOFTIRQ_SCHED);
}

static bool allowed_here(const struct sched_unit *u, unsigned int cpu)
{
    return bit_test(u->hard.bits, cpu);
}

/* Moves what may no longer run here to the first CPU that its affinity allows. Lock held; dropped. */
static void push_away(struct sched_cpu *sc, struct sched_unit *u)
{
    unsigned int to = bitmap_find_set(u->hard.bits, cpu_count(), 0);
    struct sched_cpu *dst = &sched_cpus[to];

    dequeue(u);
    WRITE_ONCE(u->cpu, to);
    spin_unlock(&sc->lock);
    spin_lock(&dst->lock);
    if (READ_ONCE(u->cpu) == to)
        reconsider(dst, u);
    spin_unlock(&dst->lock);
    spin_lock(&sc->lock);
}

static struct sched_unit *pick(struct sched_cpu *sc)
{
    struct sched_unit *u = sc->current, *head;

    head = list_is_empty(&sc->queue) ? NULL : list_first(&sc->queue, struct sched_unit, queue);
    if (u && sched_is_runnable(u) && allowed_here(u, this_cpu_id())) {
        bool go_on = !head || (!u->yielded && time_now() < u->slice_end);

        u->yielded = false;
        if (go_on)
            return u;
    }
    return head;
}

struct sched_unit *sched_next(void)
{
    struct sched_cpu *sc = &sched_cpus[this_cpu_id()];
    struct sched_unit *u, *before;

    spin_lock(&sc->lock);
    before = sc->current;
    u = pick(sc);
    if (u != before) {
        sc->current = u;
        if (u) {
            dequeue(u);
            u->slice_end = time_now() + SLICE;
        }
        if (before)
            reconsider(sc, before);
        if (!list_is_empty(&sc->queue))
            timer_set(&sc->slice, time_now() + SLICE);
    }
    if (before && before != u)
        account(before, false);
    if (u)
        account(u, true);
    if (before && before != u && !before->on_cpu && !allowed_here(before, this_cpu_id()))
        push_away(sc, before);
    spin_unlock(&sc->lock);
    return u;
}

void sched_entered(struct sched_unit *u)
{
    WRITE_ONCE(u->on_cpu, true);
}

void sched_left(struct sched_unit *u)
{
    struct sched_cpu *sc = &sched_cpus[this_cpu_id()];

    spin_lock(&sc->lock);
    WRITE_ONCE(u->on_cpu, false);
    if (!allowed_here(u, this_cpu_id()) && sc->current != u)
        push_away(sc, u);
    spin_unlock(&sc->lock);
}

bool sched_must_give_up(const struct sched_unit *u)
{
    return READ_ONCE(u->pause_count) != 0 || READ_ONCE(u->down) || !allowed_here(u, this_cpu_id());
}

bool sched_must_leave(const struct sched_unit *u)
{
    return softirq_is_pending() || !sched_is_runnable(u);
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

int sched_set_affinity(struct sched_unit *u, const struct cpumask *hard, const struct cpumask *soft)
{
    struct cpumask all = cpumask_all(), m = hard ? *hard : u->hard;
    struct sched_cpu *sc;
    bool any = false;

    for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
        any |= (m.bits[i] & all.bits[i]) != 0;
    if (!any)
        return -EINVAL;
    sc = lock_cpu_of(u);
    if (hard)
        u->hard = *hard;
    if (soft)
        u->soft = *soft;
    if (u->queued && !allowed_here(u, u->cpu))
        push_away(sc, u);
    else if (u->on_cpu && !allowed_here(u, u->cpu))
        softirq_raise_on(u->cpu, SOFTIRQ_SCHED);
    spin_unlock(&sc->lock);
    return 0;
}

unsigned int sched_id(void) { return SCHED_ID_CREDIT2; }
unsigned int sched_ratelimit_us(void) { return ratelimit_us; }

int sched_set_ratelimit_us(unsigned int us)
{
    if (us > RATELIMIT_MAX_US)
        return -EINVAL;
    ratelimit_us = us;
    return 0;
}

static void slice_over(void *arg unused_arg)
{
    softirq_raise(SOFTIRQ_SCHED);
}

/* SOFTIRQ_SCHED has no work of its own: being pending makes the CPU loop ask sched_next(). */
static void sched_softirq(void)
{
}

void sched_init(void)
{
    softirq_set_handler(SOFTIRQ_SCHED, sched_softirq);
    for (unsigned int i = 0; i < MAX_CPUS; i++) {
        spin_lock_init(&sched_cpus[i].lock, LOCK_SCHED);
        list_init(&sched_cpus[i].queue);
    }
}

void sched_init_cpu(void)
{
    unsigned int cpu = this_cpu_id();

    timer_init(&sched_cpus[cpu].slice, slice_over, NULL, cpu);
    /* A CPU without work is idle from now on, so that the first wake reaches it. */
    sched_cpus[cpu].idle_since = time_now();
}

void sched_dump(void)
{
    static const char *const names[] = { "running", "runnable", "blocked", "offline" };

    for (unsigned int i = 0; i < cpu_count(); i++) {
        struct sched_cpu *sc = &sched_cpus[i];
        struct sched_unit *u;

        spin_lock(&sc->lock);
        u = sc->current;
        if (u)
            log_info("CPU[%02u] current=d%uv%u %s idle=%lld ns", i, u->domid, u->vcpu_id,
                     names[u->runstate.state & 3], (long long)sched_cpu_idle_time(i));
        else
            log_info("CPU[%02u] idle=%lld ns", i, (long long)sched_cpu_idle_time(i));
        list_for_each(u, &sc->queue, queue)
            log_info("  waiting d%uv%u", u->domid, u->vcpu_id);
        spin_unlock(&sc->lock);
    }
}
