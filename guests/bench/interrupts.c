/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC: its registers, interrupts that a CPU sends to itself and to another, its timer. How long an interrupt takes is
 * from before the instruction that sends it to the first instruction of the handler's C code, less what an INT to the same
 * handler takes.
 */
#include "apic.h"
#include "bench.h"

#define VECTOR 0x60
#define FAR 1000000000UL                 /* a deadline that does not come while it is measured */
#define NEAR 300000UL                    /* one that does: more than programming it takes */
#define PATIENCE 100000000UL
#define XAPIC 0xfee00000UL
#define X2APIC(reg) (0x800 + (reg) / 16)

/* apic.h asks for the mode each time, which is an exit. */
static bool is_x2;

static inline uint32_t reg_read(unsigned int reg)
{
    uint32_t v;

    if (is_x2)
        return (uint32_t)rdmsr(X2APIC(reg));
    __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(XAPIC + reg) : "memory");
    return v;
}

static inline void reg_write(unsigned int reg, uint32_t value)
{
    if (is_x2)
        wrmsr(X2APIC(reg), value);
    else
        __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(XAPIC + reg) : "memory");
}

/* In xAPIC mode ICR_HIGH names the destination already. */
static inline void send(uint32_t dest, uint32_t low)
{
    if (is_x2)
        wrmsr(X2APIC(APIC_ICR), (uint64_t)dest << 32 | low);
    else
        reg_write(APIC_ICR, low);
}

static void start_apic(bool x2apic)
{
    bench_quiet();
    apic_start(x2apic);
    is_x2 = x2apic;
}

static volatile uint64_t arrived, eoi_ticks;
static bool is_real;                     /* an APIC's interrupt, not an INT */

static void on_vector(struct trap_frame *f unused_arg)
{
    uint64_t now = rdtsc();

    if (is_real) {
        reg_write(APIC_EOI, 0);
        eoi_ticks = rdtsc() - now;
    }
    arrived = now;
}

static bool wait_arrival(void)
{
    uint64_t end = rdtsc() + PATIENCE;

    while (!arrived)
        if (rdtsc() > end)
            return false;
    return true;
}

static uint64_t handler_cost(void)
{
    uint64_t least = UINT64_MAX;

    is_real = false;
    for (int i = 0; i < 20; i++) {
        uint64_t before = rdtsc();

        __asm__ volatile("int %0" : : "i"(VECTOR) : "memory");
        least = arrived - before < least ? arrived - before : least;
    }
    is_real = true;
    return least;
}

static void add_interrupt(uint64_t ticks, uint64_t cost) { bench_add_net(ticks > cost ? ticks - cost : 0); }

static void bench_self_ipi(const char *name, uint64_t cost)
{
    bench_begin(name);
    for (int i = 0; i < 200; i++) {
        uint64_t before;

        arrived = 0;
        before = rdtsc();
        send(0, ICR_SELF | ICR_ASSERT | VECTOR);
        if (!wait_arrival())
            break;
        add_interrupt(arrived - before, cost);
    }
    bench_end();
}

/* The handler's write to the EOI register with the interrupt in service. */
static void bench_eoi(const char *name)
{
    bench_begin(name);
    for (int i = 0; i < 200; i++) {
        arrived = 0;
        send(0, ICR_SELF | ICR_ASSERT | VECTOR);
        if (!wait_arrival())
            break;
        bench_add(eoi_ticks);
    }
    bench_end();
}

static void bench_apic(bool x2apic, uint64_t cost)
{
    volatile uint32_t sink;

    start_apic(x2apic);
    BENCH(x2apic ? "x2apic-tpr-read" : "xapic-tpr-read", 200, sink = reg_read(APIC_TPR));
    BENCH(x2apic ? "x2apic-tpr-write" : "xapic-tpr-write", 200, reg_write(APIC_TPR, 0));
    bench_eoi(x2apic ? "x2apic-eoi" : "xapic-eoi");
    bench_self_ipi(x2apic ? "x2apic-self-ipi" : "xapic-self-ipi", cost);
    (void)sink;
}

GUEST_TEST(bench_apic, "the local APIC's registers and interrupts to oneself were timed")
{
    uint64_t cost;

    irq_set(VECTOR, on_vector);
    start_apic(false);
    irq_on();
    cost = handler_cost();
    bench_apic(false, cost);
    bench_apic(true, cost);
    irq_off();
}

static void bench_timer(bool halted)
{
    bench_begin(halted ? "tsc-deadline-halted" : "tsc-deadline-running");
    for (int i = 0; i < 50; i++) {
        uint64_t deadline = rdtsc() + NEAR;

        arrived = 0;
        wrmsr(MSR_TSC_DEADLINE, deadline);
        irq_off();
        if (halted && !arrived)
            irq_on_halt_off();
        irq_on();
        if (!wait_arrival())
            break;
        bench_add_net(arrived > deadline ? arrived - deadline : 0);
    }
    bench_end();
}

GUEST_TEST(bench_timer, "the TSC-deadline timer was timed: programming it, and how late it is")
{
    irq_set(VECTOR, on_vector);
    is_real = true;
    start_apic(true);
    apic_write(APIC_LVTT, LVT_DEADLINE | VECTOR);
    if (!(apic_read(APIC_LVTT) & LVT_DEADLINE)) {
        bench_absent("tsc-deadline-program", "no such mode");
        return;
    }
    irq_on();
    BENCH("tsc-deadline-program", 200, wrmsr(MSR_TSC_DEADLINE, rdtsc() + FAR));
    wrmsr(MSR_TSC_DEADLINE, 0);
    bench_timer(false);
    bench_timer(true);
    irq_off();
    apic_write(APIC_LVTT, LVT_MASKED);
}

/* ---- to another CPU ---- */

static volatile bool stop_waiting;

static void wait_running(void *arg unused_arg)
{
    while (!stop_waiting)
        pause();
}

static void wait_halted(void *arg unused_arg)
{
    irq_off();
    while (!stop_waiting)
        irq_on_halt_off();
    irq_on();
}

/* Long enough for the other one to be where it waits; PAUSE gives an emulated CPU's turn to the next. */
static void let_it_settle(void)
{
    uint64_t end = rdtsc() + 200000;

    while (rdtsc() < end)
        pause();
}

static void bench_ipi(const char *name, void (*waits)(void *), uint64_t cost)
{
    bench_begin(name);
    stop_waiting = false;
    cpu_begin(1, waits, NULL);
    for (int i = 0; i < 50; i++) {
        uint64_t before, end = rdtsc() + PATIENCE;

        let_it_settle();
        arrived = 0;
        before = rdtsc();
        send(2, ICR_ASSERT | VECTOR);
        while (!arrived && rdtsc() < end)
            pause();
        if (arrived)
            add_interrupt(arrived - before, cost);
    }
    stop_waiting = true;
    send(2, ICR_ASSERT | VECTOR);
    cpu_finish(1);
    bench_end();
}

GUEST_TEST(bench_ipi, "interrupts to another CPU were timed, awake and halted")
{
    uint64_t cost;

    irq_set(VECTOR, on_vector);
    if (cpus_start() < 2) {
        skip("one CPU");
        return;
    }
    start_apic(true);
    cost = handler_cost();
    BENCH("ipi-send", 50, let_it_settle(); before_ = rdtsc(); send(2, ICR_ASSERT | VECTOR));
    bench_ipi("ipi-running", wait_running, cost);
    bench_ipi("ipi-halted", wait_halted, cost);
}
