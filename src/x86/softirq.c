/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits set from any context, cleared one at a time before their handler runs: no request is lost. */
#include <x86/softirq.h>

#include <hv/assert.h>
#include <x86/cpu.h>
#include <x86/smp.h>

static void (*handlers[SOFTIRQ_COUNT])(void) ro_after_init;

void softirq_set_handler(enum softirq s, void (*fn)(void))
{
    ASSERT(s < SOFTIRQ_COUNT);
    handlers[s] = fn;
}

void softirq_raise(enum softirq s)
{
    __atomic_fetch_or(&this_cpu()->softirq_pending, BIT(s), __ATOMIC_SEQ_CST);
}

void softirq_raise_on(unsigned int cpu, enum softirq s)
{
    struct percpu *p = percpu_of(cpu);
    uint64_t old = __atomic_fetch_or(&p->softirq_pending, BIT(s), __ATOMIC_SEQ_CST);

    /* Whoever set the bit before has sent the IPI that will show this one, too. */
    if (!(old & BIT(s)) && cpu != this_cpu_id())
        smp_kick(cpu);
}

void softirq_run(void)
{
    struct percpu *p = this_cpu();

    ASSERT(p->irq_depth == 0);
    while (READ_ONCE(p->softirq_pending) != 0) {
        unsigned int s = (unsigned int)__builtin_ctzll(READ_ONCE(p->softirq_pending));

        __atomic_fetch_and(&p->softirq_pending, ~BIT(s), __ATOMIC_SEQ_CST);
        if (handlers[s] != NULL)
            handlers[s]();
    }
}
