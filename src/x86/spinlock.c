/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket locks, and in checked builds the proof that ranks are kept. What a CPU holds stands in its
 * struct percpu, so the check needs no lock of its own. A handler that interrupted a lock holder
 * takes _irqsave locks only, whose order among themselves is what counts there.
 */
#include <x86/spinlock.h>

#include <hv/assert.h>
#include <x86/cpu.h>
#include <x86/percpu.h>

#define HELD_IRQSAVE 0x80U

#if defined(HV_HOST) || HV_DEBUG
static void check_rank(const spinlock_t *l, bool irqsave, bool pair)
{
    const struct percpu *p = this_cpu();

    BUG_ON(l->cpu == p->id + 1);
    BUG_ON(!irqsave && p->irq_depth != 0);
    for (unsigned int i = 0; i < p->held_count; i++) {
        unsigned int rank = p->held[i] & ~HELD_IRQSAVE;
        bool held_irqsave = p->held[i] & HELD_IRQSAVE;

        BUG_ON(held_irqsave && !irqsave);
        if (p->irq_depth != 0 && !held_irqsave)
            continue;
        BUG_ON(rank > l->rank || (rank == l->rank && !pair));
    }
}

static void note_held(spinlock_t *l, bool irqsave)
{
    struct percpu *p = this_cpu();

    l->cpu = (uint16_t)(p->id + 1);
    BUG_ON(p->held_count == PERCPU_MAX_HELD);
    p->held[p->held_count++] = (uint8_t)(l->rank | (irqsave ? HELD_IRQSAVE : 0));
}

static void note_released(spinlock_t *l)
{
    struct percpu *p = this_cpu();
    unsigned int i = p->held_count;

    l->cpu = 0;
    while (i > 0 && (p->held[i - 1] & ~HELD_IRQSAVE) != l->rank)
        i--;
    BUG_ON(i == 0);
    for (; i < p->held_count; i++)
        p->held[i - 1] = p->held[i];
    p->held_count--;
}
#else
static inline void check_rank(const spinlock_t *l, bool irqsave, bool pair)
{
    (void)l;
    (void)irqsave;
    (void)pair;
}
static inline void note_held(spinlock_t *l, bool irqsave)
{
    (void)l;
    (void)irqsave;
}
static inline void note_released(spinlock_t *l) { (void)l; }
#endif

static void acquire(spinlock_t *l, bool irqsave)
{
    uint16_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    while (unlikely(__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket))
        cpu_relax();
    note_held(l, irqsave);
}

void spin_lock_init(spinlock_t *l, enum lock_rank rank)
{
    *l = (spinlock_t)SPINLOCK_INIT((uint16_t)rank);
}

void spin_lock(spinlock_t *l)
{
    check_rank(l, false, false);
    acquire(l, false);
}

bool spin_trylock(spinlock_t *l)
{
    uint16_t owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);
    uint16_t expected = owner;

    if (!__atomic_compare_exchange_n(&l->next, &expected, (uint16_t)(owner + 1), false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    note_held(l, false);
    return true;
}

void spin_unlock(spinlock_t *l)
{
    ASSERT(spin_is_held(l));
    note_released(l);
    __atomic_store_n(&l->owner, (uint16_t)(l->owner + 1), __ATOMIC_RELEASE);
}

uint64_t spin_lock_irqsave(spinlock_t *l)
{
    uint64_t flags = cpu_irq_save();

    check_rank(l, true, false);
    acquire(l, true);
    return flags;
}

void spin_unlock_irqrestore(spinlock_t *l, uint64_t flags)
{
    spin_unlock(l);
    cpu_irq_restore(flags);
}

bool spin_is_held(const spinlock_t *l)
{
    return READ_ONCE(l->cpu) == this_cpu_id() + 1;
}

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    spinlock_t *first = (uintptr_t)a < (uintptr_t)b ? a : b;
    spinlock_t *second = first == a ? b : a;

    ASSERT(a->rank == b->rank);
    spin_lock(first);
    if (first == second)
        return;
    check_rank(second, false, true);
    acquire(second, false);
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    if (a != b)
        spin_unlock((uintptr_t)a < (uintptr_t)b ? b : a);
    spin_unlock((uintptr_t)a < (uintptr_t)b ? a : b);
}
