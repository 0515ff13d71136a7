/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket spinlocks with a rank. A CPU may take a lock only if its rank is higher than every lock it
 * already holds (debug and host builds check). Locks are never taken by interrupt handlers, except
 * the _irqsave ones; while an _irqsave lock is held only further _irqsave locks may be taken, so that
 * a handler can never wait for a lock whose holder it interrupted. Whoever spins for an ordinary lock
 * does so with the caller's interrupt flag: callers on a running system have interrupts on.
 */
#ifndef X86_SPINLOCK_H
#define X86_SPINLOCK_H

#include <hv/types.h>

enum lock_rank {
#define LOCK(rank, what) LOCK_##rank,
#include <x86/lock_ranks.def>
#undef LOCK
};

typedef struct spinlock {
    uint16_t next, owner;
    uint16_t rank;
    uint16_t cpu;      /* holder + 1, for checks */
} spinlock_t;

#define SPINLOCK_INIT(rank_) { 0, 0, (rank_), 0 }
void spin_lock_init(spinlock_t *l, enum lock_rank rank);
void spin_lock(spinlock_t *l);
bool spin_trylock(spinlock_t *l) __attribute__((warn_unused_result));
void spin_unlock(spinlock_t *l);
uint64_t spin_lock_irqsave(spinlock_t *l);
void spin_unlock_irqrestore(spinlock_t *l, uint64_t flags);
bool spin_is_held(const spinlock_t *l);   /* by this CPU: for assertions */
/* Two locks of one rank, e.g. two domains' event locks: always taken in address order. a may equal b. */
void spin_lock_pair(spinlock_t *a, spinlock_t *b);
void spin_unlock_pair(spinlock_t *a, spinlock_t *b);

#endif
