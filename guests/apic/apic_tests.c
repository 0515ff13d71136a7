/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC of one CPU in both modes, and how interrupts and NMIs reach a guest. */
#include "apic.h"
#include "cpu.h"

#define VECTOR 0x41
#define HIGHER 0x62
#define TPR_ADDRESS 0xfee00080UL

static volatile unsigned int count, order_used;
static volatile uint8_t order[8];

static void take(struct trap_frame *f)
{
    if (order_used < ARRAY_COUNT(order))
        order[order_used++] = (uint8_t)f->vector;
    count++;
    apic_eoi();
}

static void begin(bool x2apic)
{
    apic_start(x2apic);
    irq_set(VECTOR, take);
    irq_set(HIGHER, take);
    count = order_used = 0;
}

/* Interrupts on for a few instructions. */
static void let_in(void) { __asm__ volatile("sti; nop; nop; nop; nop; cli" : : : "memory"); }

static bool wait_for(unsigned int n, uint64_t ticks)
{
    uint64_t end = rdtsc() + ticks;

    irq_on();
    while (count < n && rdtsc() < end)
        pause();
    irq_off();
    return count >= n;
}

static void self_ipi_and_priorities(bool x2apic)
{
    begin(x2apic);
    apic_icr(0, ICR_SELF | VECTOR);
    check(apic_bit(APIC_IRR, VECTOR));
    check(!apic_bit(APIC_TMR, VECTOR));
    check_equal(count, 0);
    let_in();
    check_equal(count, 1);
    check(!apic_bit(APIC_IRR, VECTOR) && !apic_bit(APIC_ISR, VECTOR));
    apic_icr(0, ICR_SELF | VECTOR);
    apic_icr(0, ICR_SELF | HIGHER);
    let_in();
    check_equal(count, 3);
    check_equal(order[1], HIGHER);
    check_equal(order[2], VECTOR);
    /* The task priority holds back a class and those below. */
    apic_write(APIC_TPR, 0x50);
    check_equal(apic_read(APIC_TPR), 0x50);
    check_equal(apic_read(APIC_PPR), 0x50);
    check_equal(read_cr8(), 5);
    apic_icr(0, ICR_SELF | VECTOR);
    let_in();
    check_equal(count, 3);
    apic_icr(0, ICR_SELF | HIGHER);
    let_in();
    check_equal(count, 4);
    write_cr8(3);
    check_equal(apic_read(APIC_TPR), 0x30);
    let_in();
    check_equal(count, 5);
    write_cr8(0);
}

GUEST_TEST(apic_xapic, "self-IPIs, priorities and TPR work through the APIC page") { self_ipi_and_priorities(false); }
GUEST_TEST(apic_x2apic, "self-IPIs, priorities and TPR work through the x2APIC MSRs") { self_ipi_and_priorities(true); }

/* An interrupt that came while its own handler runs waits for EOI; a higher one nests. */
static volatile unsigned int depth, deepest;

static void nesting(struct trap_frame *f)
{
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (f->vector == VECTOR && count++ == 0) {
        apic_icr(0, ICR_SELF | VECTOR);
        apic_icr(0, ICR_SELF | HIGHER);
        check(apic_bit(APIC_ISR, VECTOR));
        let_in();
        check_equal(order_used, 1);
        check_equal(count, 1);
    } else if (f->vector == HIGHER) {
        order[order_used++] = HIGHER;
    }
    depth--;
    apic_eoi();
}

GUEST_TEST(apic_nesting, "a higher interrupt comes in during a lower one, an equal one waits for the EOI")
{
    begin(true);
    irq_set(VECTOR, nesting);
    irq_set(HIGHER, nesting);
    deepest = 0;
    apic_icr(0, ICR_SELF | VECTOR);
    let_in();
    let_in();
    check_equal(count, 2);
    check_equal(deepest, 2);
}

GUEST_TEST(apic_mov_forms, "the APIC page takes MOV with immediate, register and moffs operands, TEST, OR, XCHG and MOVZX")
{
    uint32_t v;

    begin(false);
    __asm__ volatile("movl $0x20, (%0)" : : "r"(TPR_ADDRESS) : "memory");
    __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(TPR_ADDRESS) : "memory");
    check_equal(v, 0x20);
    __asm__ volatile("movabs %0, 0xfee00080" : : "a"(0x30) : "memory");
    __asm__ volatile("movabs 0xfee00080, %0" : "=a"(v) : : "memory");
    check_equal(v, 0x30);
    __asm__ volatile("orl $0x40, (%0)" : : "r"(TPR_ADDRESS) : "memory", "cc");
    check_equal(apic_read(APIC_TPR), 0x70);
    v = 0x10;
    __asm__ volatile("xchg %0, (%1)" : "+r"(v) : "r"(TPR_ADDRESS) : "memory");
    check_equal(v, 0x70);
    check_equal(apic_read(APIC_TPR), 0x10);
    __asm__ volatile("testl $0x10, (%1); setnz %b0" : "=r"(v) : "r"(TPR_ADDRESS) : "memory", "cc");
    check_equal(v & 0xff, 1);
    __asm__ volatile("movzbl (%1), %0" : "=r"(v) : "r"(TPR_ADDRESS) : "memory");
    check_equal(v, 0x10);
    __asm__ volatile("movl -0x50(%1), %0" : "=r"(v) : "r"(TPR_ADDRESS) : "memory");
    check_equal(v & 0xff, 0x14);
    apic_write(APIC_TPR, 0);
    apic_start(true);
}

GUEST_TEST(apic_modes, "IA32_APIC_BASE allows the transitions of the SDM and no other; x2APIC hides the page")
{
    uint64_t base;
    static const uint32_t refused[] = { 0x80e, 0x80c, 0x831, 0x8ff };

    apic_start(true);
    base = rdmsr(MSR_APIC_BASE);
    check_equal(base & 0xfffff000, 0xfee00000);
    check(base & 0x100);
    try_wrmsr(MSR_APIC_BASE, base & ~0x400UL);            /* x2APIC to xAPIC */
    check_fault(GP, 0);
    try_wrmsr(MSR_APIC_BASE, base & ~0x800UL);            /* x2APIC without enable */
    check_fault(GP, 0);
    try_wrmsr(MSR_APIC_BASE, base | 1);
    check_fault(GP, 0);
    for (unsigned int i = 0; i < ARRAY_COUNT(refused); i++) {
        (void)try_rdmsr(refused[i]);
        check_fault(GP, 0);
    }
    try_wrmsr(0x802, 0);                                  /* the id is read-only */
    check_fault(GP, 0);
    try_wrmsr(0x808, 0x100);                              /* TPR: reserved bits */
    check_fault(GP, 0);
    try_wrmsr(0x80b, 1);                                  /* EOI takes 0 alone */
    check_fault(GP, 0);
    wrmsr(0x830, 200UL << 32 | VECTOR);                   /* to nobody */
    check_equal(rdmsr(0x830), 200UL << 32 | VECTOR);
    apic_start(false);
    (void)try_rdmsr(0x802);
    check_fault(GP, 0);
    apic_start(true);
}

GUEST_TEST(apic_x2_registers, "every x2APIC MSR is read and written without anything but a value or #GP(0)")
{
    apic_start(true);
    for (uint32_t msr = 0x800; msr < 0x900; msr++) {
        uint64_t v = try_rdmsr(msr);
        struct fault f = fault_take();

        if (f.vector != NO_FAULT && (f.vector != GP || f.error))
            fail("RDMSR 0x%x: vector %d", msr, f.vector);
        if (msr == 0x830 || msr == 0x83f || msr == 0x838)     /* would send, or start the timer */
            continue;
        try_wrmsr(msr, ~0UL);
        try_wrmsr(msr, f.vector == NO_FAULT ? v : 0);
        fault_forget();
    }
    apic_start(true);
    apic_write(APIC_LVTT, LVT_MASKED);
}

static void timer(bool x2apic)
{
    uint32_t now;

    begin(x2apic);
    apic_write(APIC_TIMER_DIVIDE, 0xb);                   /* by 1 */
    apic_write(APIC_LVTT, VECTOR);
    apic_write(APIC_TIMER_COUNT, 50000);
    now = apic_read(APIC_TIMER_NOW);
    check(now > 0 && now <= 50000);
    check(wait_for(1, 100000000));
    check_equal(apic_read(APIC_TIMER_NOW), 0);
    let_in();
    check_equal(count, 1);
    apic_write(APIC_LVTT, VECTOR | LVT_PERIODIC);
    apic_write(APIC_TIMER_COUNT, 100000);                 /* 1 ms */
    check(wait_for(6, 400000000));
    apic_write(APIC_TIMER_COUNT, 0);
    let_in();
    count = 0;
    for (int i = 0; i < 100000; i++)
        pause();
    let_in();
    check_equal(count, 0);
    apic_write(APIC_LVTT, VECTOR | LVT_MASKED);
    apic_write(APIC_TIMER_COUNT, 1000);
    for (int i = 0; i < 30000; i++)
        pause();
    let_in();
    check_equal(count, 0);
}

GUEST_TEST(apic_timer_xapic, "the timer counts down once and periodically, xAPIC") { timer(false); }
GUEST_TEST(apic_timer_x2apic, "the timer counts down once and periodically, x2APIC") { timer(true); }

GUEST_TEST(apic_timer_deadline, "the TSC deadline raises its interrupt at its time and not before, and 0 disarms it")
{
    uint64_t deadline;

    begin(true);
    apic_write(APIC_LVTT, VECTOR | LVT_DEADLINE);
    deadline = rdtsc() + 1000000;
    wrmsr(MSR_TSC_DEADLINE, deadline);
    check_equal(rdmsr(MSR_TSC_DEADLINE), deadline);
    check(wait_for(1, 100000000));
    check(rdtsc() >= deadline);
    check_equal(rdmsr(MSR_TSC_DEADLINE), 0);
    /* In the past: at once. */
    wrmsr(MSR_TSC_DEADLINE, rdtsc() - 1000);
    check(wait_for(2, 10000000));
    wrmsr(MSR_TSC_DEADLINE, rdtsc() + 200000);
    wrmsr(MSR_TSC_DEADLINE, 0);
    check(!wait_for(3, 2000000));
    /* HLT until it comes. */
    deadline = rdtsc() + 2000000;
    wrmsr(MSR_TSC_DEADLINE, deadline);
    irq_on_halt_off();
    check_equal(count, 3);
    check(rdtsc() >= deadline);
    apic_write(APIC_LVTT, LVT_MASKED);
}

static volatile unsigned int steps, steps_seen;

static void see_steps(struct trap_frame *f unused_arg)
{
    steps_seen = steps;
    count++;
    apic_eoi();
}

GUEST_TEST(irq_shadow, "no interrupt comes in behind STI or MOV SS, even if the next instruction exits")
{
    begin(true);
    irq_set(VECTOR, see_steps);
    steps = 0;
    apic_icr(0, ICR_SELF | VECTOR);
    __asm__ volatile("sti; incl %0; cli" : "+m"(steps) : : "memory", "cc");
    check_equal(count, 1);
    check_equal(steps_seen, 1);
    steps = 0;
    apic_icr(0, ICR_SELF | VECTOR);
    __asm__ volatile("mov %%ss, %%eax; sti; mov %%eax, %%ss; incl %0; cli" : "+m"(steps) : : "eax", "memory", "cc");
    check_equal(count, 2);
    check_equal(steps_seen, 1);
    /* CPUID exits in the shadow: it is over then. */
    steps = 0;
    apic_icr(0, ICR_SELF | VECTOR);
    __asm__ volatile("xor %%eax, %%eax; sti; cpuid; incl %0; cli" : "+m"(steps) : : "eax", "ebx", "ecx", "edx", "memory", "cc");
    check_equal(count, 3);
    check_equal(steps_seen, 0);
    /* STI; HLT wakes up for what is pending already. */
    apic_icr(0, ICR_SELF | VECTOR);
    irq_on_halt_off();
    check_equal(count, 4);
}

static volatile unsigned int nmis, nmi_depth;

static void nmi(struct trap_frame *f unused_arg)
{
    if (nmi_depth++ > 0)
        fail("an NMI came in before the last one's IRET");
    if (nmis++ == 0) {
        apic_icr(0, 2 * this_cpu()->index);               /* not sent: vector 0 is not valid */
        apic_icr(2 * this_cpu()->index, ICR_NMI | ICR_ASSERT);
        for (int i = 0; i < 100; i++)
            pause();
    }
    nmi_depth--;
}

GUEST_TEST(irq_nmi, "an NMI comes in with interrupts off, and the next one after IRET only")
{
    begin(true);
    irq_set(NMI, nmi);
    nmis = nmi_depth = 0;
    apic_icr(0, ICR_NMI | ICR_ASSERT);
    for (int i = 0; i < 100 && nmis < 2; i++)
        pause();
    check_equal(nmis, 2);
    irq_set(NMI, NULL);
}

GUEST_TEST(apic_software_off, "a software-disabled APIC takes no fixed interrupt and masks its LVT entries")
{
    begin(true);
    apic_write(APIC_SVR, 0xff);
    check(apic_read(APIC_LVTT) & LVT_MASKED);
    apic_icr(0, ICR_SELF | VECTOR);
    let_in();
    apic_write(APIC_SVR, 0x1ff);
    let_in();
    check_equal(count, 0);
}
