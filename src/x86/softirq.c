/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits set from any context, cleared one at a time before their handler runs: no request is lost. */
#include <x86/softirq.h>

#include <hv/assert.h>
#include <x86/cpu.h>
#include <x86/smp.h>

#define CPUID_1_ECX_MONITOR BIT(3)
#define CPUID_5_ECX_ENUMERATES BIT(0)
#define CPUID_5_EDX_C1 0xf0U            /* how many C1 states */

static void (*handlers[SOFTIRQ_COUNT])(void) ro_after_init;
static bool use_mwait ro_after_init;

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
    if (!(old & BIT(s)) && cpu != this_cpu_id() && !__atomic_load_n(&p->sees_softirqs, __ATOMIC_SEQ_CST))
        smp_kick(cpu);
}

/*
 * MONITOR alone says little. CPUID leaf 5 is wanted with its enumeration of states, with at least one C1, and a line that
 * holds the bits (SDM vol. 2A, CPUID; vol. 3A 8.10).
 */
static bool has_mwait(void)
{
    struct cpuid_regs r;

    if (!(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_MONITOR) || cpu_cpuid(0, 0).eax < 5)
        return false;
    r = cpu_cpuid(5, 0);
    return (r.ebx & 0xffff) >= sizeof(uint64_t) && (r.ecx & CPUID_5_ECX_ENUMERATES) && (r.edx & CPUID_5_EDX_C1);
}

bool softirq_allow_mwait(bool allowed)
{
    use_mwait = allowed && has_mwait();
    return use_mwait;
}

/* The mark, then the bits; softirq_raise_on() does it the other way round, so one of the two sees the other. */
void softirq_wait(void)
{
    struct percpu *p = this_cpu();

    if (!use_mwait) {
        if (!softirq_is_pending())
            cpu_irq_enable_and_halt();
        cpu_irq_enable();
        return;
    }
    __atomic_store_n(&p->sees_softirqs, true, __ATOMIC_SEQ_CST);
    cpu_monitor(&p->softirq_pending);
    if (!softirq_is_pending())
        cpu_irq_enable_and_mwait();
    cpu_irq_enable();
    __atomic_store_n(&p->sees_softirqs, false, __ATOMIC_SEQ_CST);
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
