/* SPDX-License-Identifier: BSD-2-Clause */
/* Several CPUs: starting, IPIs in every form of address, sleeping and waking, time. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define VECTOR 0x51
#define PING 0x52
#define PATIENCE (400000000UL * cpus_told())     /* they may all share one CPU of the machine */

static volatile unsigned int hits[CPUS_MAX];

static void hit(struct trap_frame *f unused_arg)
{
    hits[this_cpu()->index]++;
    apic_eoi();
}

static void hit_nmi(struct trap_frame *f unused_arg) { hits[this_cpu()->index]++; }

static void begin(void)
{
    irq_set(VECTOR, hit);
    memset((void *)hits, 0, sizeof(hits));
    cpus_start();
}

static bool wait_until(const volatile unsigned int *v, unsigned int n)
{
    uint64_t end = rdtsc() + PATIENCE;

    irq_on();
    while (__atomic_load_n(v, __ATOMIC_ACQUIRE) < n && rdtsc() < end)
        pause();
    irq_off();
    return *v >= n;
}

GUEST_TEST(smp_start, "INIT-SIPI-SIPI starts every CPU that the MADT names")
{
    unsigned int told = cpus_told();

    check_equal(told, command_line_number("cpus=", 1));
    check_equal(cpus_start(), told);
}

static void see_id(void *p)
{
    uint32_t *id = p;

    id[0] = apic_read(APIC_ID);
    id[1] = cpuid(1, 0).ebx >> 24;
    id[2] = cpuid(0x40000004, 0).ebx;
    id[3] = cpuid(0xb, 0).edx;
}

GUEST_TEST(smp_ids, "each CPU has its own APIC id and vCPU number")
{
    unsigned int n = cpus_start();

    for (unsigned int i = 1; i < n; i++) {
        uint32_t id[4];

        cpu_call(i, see_id, id);
        check_equal(id[0], 2 * i);
        check_equal(id[1], 2 * i);
        check_equal(id[2], i);
        check_equal(id[3], 2 * i);
    }
}

GUEST_TEST(smp_ipi, "IPIs reach the CPU, the logical destination and the shorthand that they name, and no other")
{
    unsigned int n = cpus_start(), i;

    begin();
    for (i = 1; i < n; i++) {
        apic_icr(2 * i, VECTOR);
        check(wait_until(&hits[i], 1));
    }
    check_equal(hits[0], 0);
    apic_icr(0, ICR_OTHERS | VECTOR);
    for (i = 1; i < n; i++)
        check(wait_until(&hits[i], 2));
    check_equal(hits[0], 0);
    apic_icr(0, ICR_ALL | VECTOR);
    for (i = 0; i < n; i++)
        check(wait_until(&hits[i], i ? 3 : 1));
    /* x2APIC's logical id: cluster and bit come from the APIC id. */
    for (i = 1; i < n; i++) {
        apic_icr((2 * i >> 4) << 16 | 1U << (2 * i & 15), 0x800 | VECTOR);
        check(wait_until(&hits[i], 4));
    }
    for (i = 1; i < n; i++)
        check_equal(hits[i], 4);
    check_equal(hits[0], 1);
    apic_icr(0xffffffff, VECTOR);                         /* broadcast */
    for (i = 0; i < n; i++)
        check(wait_until(&hits[i], i ? 5 : 2));
    apic_icr(200, VECTOR);                                /* nobody */
    for (i = 0; i < 1000; i++)
        pause();
    check_equal(hits[0], 2);
}

static void halt_once(void *p)
{
    volatile unsigned int *state = p;

    irq_off();
    __atomic_store_n(state, 1, __ATOMIC_RELEASE);
    irq_on_halt_off();
    __atomic_store_n(state, 2, __ATOMIC_RELEASE);
    irq_on();
}

GUEST_TEST(smp_wake, "a CPU that halted is woken by an IPI")
{
    unsigned int n = cpus_start();
    volatile unsigned int state;

    begin();
    for (unsigned int i = 1; i < n; i++)
        for (int round = 0; round < 20; round++) {
            state = 0;
            cpu_begin(i, halt_once, (void *)&state);
            wait_until(&state, 1);
            /* Sometimes it sleeps already, sometimes not yet. */
            for (int k = 0; k < round * 50; k++)
                pause();
            apic_icr(2 * i, VECTOR);
            if (!check(wait_until(&state, 2)))
                return;
            cpu_finish(i);
        }
}

/* Each sleeps until the other's IPI: a lost one stops the game. */
static volatile unsigned int balls[2];

static void pong(struct trap_frame *f unused_arg)
{
    balls[this_cpu()->index]++;
    apic_eoi();
}

static void play(void *p)
{
    unsigned int me = this_cpu()->index, rounds = *(unsigned int *)p;

    irq_off();
    for (unsigned int i = 1; i <= rounds; i++) {
        while (balls[me] < i)
            irq_on_halt_off();
        apic_icr(2 * (1 - me), PING);
    }
    irq_on();
}

GUEST_TEST(smp_ping_pong, "a thousand IPIs to and fro between CPUs that halt lose none")
{
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 1000);

    if (cpus_start() < 2) {
        skip("one CPU");
        return;
    }
    begin();
    irq_set(PING, pong);
    balls[0] = balls[1] = 0;
    cpu_begin(1, play, &rounds);
    apic_icr(2, PING);
    irq_off();
    for (unsigned int i = 1; i < rounds; i++) {
        while (balls[0] < i)
            irq_on_halt_off();
        apic_icr(2, PING);
    }
    while (balls[0] < rounds)
        irq_on_halt_off();
    cpu_finish(1);
    check_equal(balls[0], rounds);
    check_equal(balls[1], rounds);
}

GUEST_TEST(smp_nmi, "NMIs by IPI and by VCPUOP_send_nmi reach the other CPU")
{
    unsigned int n = cpus_start();

    begin();
    irq_set(NMI, hit_nmi);
    for (unsigned int i = 1; i < n; i++) {
        apic_icr(2 * i, ICR_NMI | ICR_ASSERT);
        check(wait_until(&hits[i], 1));
        check_equal(vcpu_op(VCPUOP_send_nmi, i, NULL), 0);
        check(wait_until(&hits[i], 2));
    }
    irq_set(NMI, NULL);
}

static void add(void *p)
{
    uint64_t *sum = p;

    for (int i = 0; i < 20000; i++)
        __atomic_fetch_add(sum, 1, __ATOMIC_SEQ_CST);
}

GUEST_TEST(smp_memory, "CPUs add to one word with locked instructions and lose nothing")
{
    unsigned int n = cpus_start();
    uint64_t sum = 0;

    for (unsigned int i = 1; i < n; i++)
        cpu_begin(i, add, &sum);
    add(&sum);
    for (unsigned int i = 1; i < n; i++)
        cpu_finish(i);
    check_equal(sum, 20000UL * n);
}

struct clock { volatile uint64_t last; volatile unsigned int turn; unsigned int bad, cpus; };

static void tick(void *p)
{
    struct clock *c = p;
    unsigned int me = this_cpu()->index;

    for (unsigned int i = 0; i < 200; i++) {
        uint64_t now;

        while (c->turn % c->cpus != me)
            pause();
        now = rdtsc();
        if (now < c->last)
            c->bad++;
        c->last = now;
        __atomic_store_n(&c->turn, c->turn + 1, __ATOMIC_SEQ_CST);
    }
}

GUEST_TEST(smp_tsc, "the time stamp counter does not go backwards from CPU to CPU")
{
    struct clock c = { .cpus = cpus_start() };

    for (unsigned int i = 1; i < c.cpus; i++)
        cpu_begin(i, tick, &c);
    tick(&c);
    for (unsigned int i = 1; i < c.cpus; i++)
        cpu_finish(i);
    check_equal(c.bad, 0);
}

static void wait_for_ever(void *p unused_arg)
{
    irq_off();
    for (;;)
        pause();
}

GUEST_TEST(smp_restart, "INIT takes a CPU out of what it does, and SIPI starts it anew")
{
    extern volatile uint32_t ap_count;
    unsigned int n = cpus_start(), last = n - 1;
    uint64_t end;

    if (n < 2) {
        skip("one CPU");
        return;
    }
    for (int round = 0; round < 3; round++) {
        cpu_begin(last, wait_for_ever, NULL);
        for (int i = 0; i < 1000; i++)
            pause();
        cpus[last].up = false;
        apic_icr(2 * last, ICR_INIT | ICR_ASSERT);
        cpus[last].work = NULL;
        check_equal(vcpu_op(VCPUOP_is_up, 0, NULL), 1);
        ap_count = last - 1;
        apic_icr(2 * last, ICR_SIPI | LOW_PAGE >> 12);
        end = rdtsc() + PATIENCE;
        while (!cpus[last].up && rdtsc() < end)
            pause();
        if (!check(cpus[last].up))
            return;
        begin();
        apic_icr(2 * last, VECTOR);
        check(wait_until(&hits[last], 1));
    }
}
