/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched/timer.h>

#include <hv/assert.h>
#include <x86/cpu.h>
#include <x86/percpu.h>
#include <x86/softirq.h>
#include <x86/spinlock.h>
#include <x86/time.h>

struct timer_cpu {
    spinlock_t lock;
    struct timer *root;
    struct timer *running;     /* whose function is being called */
};

static struct timer_cpu timer_cpus[MAX_CPUS];

static unsigned int rank_of(const struct timer *t)
{
    return t ? t->rank : 0;
}

/* The leftist property: the left heap is never shallower, so right spines are O(log n). */
static void settle_node(struct timer *t)
{
    if (rank_of(t->left) < rank_of(t->right)) {
        struct timer *swap = t->left;

        t->left = t->right;
        t->right = swap;
    }
    t->rank = rank_of(t->right) + 1;
}

/* Recursion follows right spines only: at most 2 * log2(n) deep. */
static struct timer *merge(struct timer *a, struct timer *b)
{
    struct timer *top, *other;

    if (!a || !b)
        return a ? a : b;
    top = a->expires <= b->expires ? a : b;
    other = top == a ? b : a;
    top->right = merge(top->right, other);
    top->right->parent = top;
    settle_node(top);
    return top;
}

static void heap_insert(struct timer_cpu *tc, struct timer *t)
{
    t->left = t->right = t->parent = NULL;
    t->rank = 1;
    t->queued = true;
    tc->root = merge(tc->root, t);
    tc->root->parent = NULL;
}

static void heap_remove(struct timer_cpu *tc, struct timer *t)
{
    struct timer *rest = merge(t->left, t->right);
    struct timer *up = t->parent;

    if (rest)
        rest->parent = up;
    if (!up) {
        tc->root = rest;
    } else {
        if (up->left == t)
            up->left = rest;
        else
            up->right = rest;
        /* Ranks can only shrink; stop where one stays as it was. */
        for (; up; up = up->parent) {
            unsigned int before = up->rank;

            settle_node(up);
            if (up->rank == before)
                break;
        }
    }
    t->queued = false;
}

static ns_t earliest(const struct timer_cpu *tc)
{
    return tc->root ? tc->root->expires : NS_NEVER;
}

/* Locks the heap that t belongs to now: t->cpu may change until the lock is held. */
static struct timer_cpu *lock_heap_of(struct timer *t, uint64_t *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(t->cpu);
        struct timer_cpu *tc = &timer_cpus[cpu];

        *flags = spin_lock_irqsave(&tc->lock);
        if (READ_ONCE(t->cpu) == cpu)
            return tc;
        spin_unlock_irqrestore(&tc->lock, *flags);
    }
}

/* The first deadline of a heap moved: reprogram here, or have the other CPU do it in its softirq. */
static void heap_changed(struct timer_cpu *tc, unsigned int cpu)
{
    if (cpu == this_cpu_id())
        time_program_timer(earliest(tc));
    else
        softirq_raise_on(cpu, SOFTIRQ_TIMER);
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, unsigned int cpu)
{
    *t = (struct timer){ .fn = fn, .arg = arg, .cpu = cpu };
}

void timer_set(struct timer *t, ns_t expires)
{
    uint64_t flags;
    struct timer_cpu *tc = lock_heap_of(t, &flags);
    ns_t before = earliest(tc);

    if (t->killed)
        expires = NS_NEVER;
    if (t->queued)
        heap_remove(tc, t);
    t->expires = expires;
    if (expires != NS_NEVER)
        heap_insert(tc, t);
    /* A deadline that went away is not worth an IPI: the CPU finds nothing due and sleeps on. */
    if (earliest(tc) < before)
        heap_changed(tc, t->cpu);
    spin_unlock_irqrestore(&tc->lock, flags);
}

void timer_stop(struct timer *t)
{
    timer_set(t, NS_NEVER);
}

void timer_kill(struct timer *t)
{
    uint64_t flags;
    struct timer_cpu *tc = lock_heap_of(t, &flags);

    t->killed = true;
    spin_unlock_irqrestore(&tc->lock, flags);
    timer_stop(t);
    while (READ_ONCE(timer_cpus[READ_ONCE(t->cpu)].running) == t && t->cpu != this_cpu_id())
        cpu_relax();
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    uint64_t flags;
    struct timer_cpu *tc;
    bool queued;

    if (READ_ONCE(t->cpu) == cpu)
        return;
    tc = lock_heap_of(t, &flags);
    queued = t->queued;
    if (queued)
        heap_remove(tc, t);
    WRITE_ONCE(t->cpu, cpu);
    spin_unlock_irqrestore(&tc->lock, flags);
    if (queued)
        timer_set(t, t->expires);
}

/* SOFTIRQ_TIMER: fires what is due, in order, then arms the CPU's timer for the next. */
static void timers_expire(void)
{
    struct timer_cpu *tc = &timer_cpus[this_cpu_id()];
    uint64_t flags = spin_lock_irqsave(&tc->lock);
    ns_t now = time_now();

    while (tc->root && tc->root->expires <= now) {
        struct timer *t = tc->root;

        heap_remove(tc, t);
        tc->running = t;
        spin_unlock_irqrestore(&tc->lock, flags);
        t->fn(t->arg);
        flags = spin_lock_irqsave(&tc->lock);
        WRITE_ONCE(tc->running, NULL);
    }
    time_program_timer(earliest(tc));
    spin_unlock_irqrestore(&tc->lock, flags);
}

void timers_init(void)
{
    for (unsigned int i = 0; i < MAX_CPUS; i++)
        spin_lock_init(&timer_cpus[i].lock, LOCK_TIMER);
    softirq_set_handler(SOFTIRQ_TIMER, timers_expire);
}
