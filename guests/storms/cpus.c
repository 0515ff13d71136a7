/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC with arbitrary values, CPUs that are started and stopped without end, timers at their fastest. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#include <xen/hvm/hvm_vcpu.h>

#define LOOP (LOW_PAGE + 0x2000U)

static unsigned int rounds(void) { return (unsigned int)command_line_number("rounds=", 2000); }

static void ignore(struct trap_frame *f unused_arg) { }

static void ignore_all(void)
{
    irq_set(NMI, ignore);
    for (unsigned int v = 32; v < 256; v++)
        irq_set((uint8_t)v, ignore);
}

/* All values but those that would end the test: an INIT to itself, an interrupt that looks like an exception. */
static uint64_t random_value(unsigned int reg)
{
    uint64_t v = random32() % 4 ? random32() : random64();

    if (reg == APIC_ICR && (v & 0x700) == ICR_INIT)
        v &= ~0x700UL;
    return (v & 0xe0) == 0 ? v | 0x40 : v;
}

GUEST_TEST(storm_apic, "any value in any register of the local APIC, in both modes, is the guest's own affair")
{
    irq_off();
    ignore_all();
    for (unsigned int mode = 0; mode < 2; mode++) {
        apic_start(mode);
        for (unsigned int i = 0; i < rounds() * 2; i++) {
            unsigned int reg = random32() % 0x40 * 16;

            if (mode)
                try_wrmsr(0x800 + reg / 16, random_value(reg));
            else
                apic_write(reg, (uint32_t)random_value(reg));
            if (mode)
                (void)try_rdmsr(0x800 + reg / 16);
            else
                (void)apic_read(reg);
            fault_forget();
            if (i % 64 == 0) {
                irq_on();
                pause();
                irq_off();
            }
        }
    }
    apic_start(false);
    apic_write(APIC_LVTT, LVT_MASKED);
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

/* ---- CPU 1 comes and goes ---- */

/* It runs into the loop at LOOP. */
static void good_context(struct vcpu_hvm_context *c)
{
    memset(c, 0, sizeof(*c));
    c->mode = VCPU_HVM_MODE_32B;
    c->cpu_regs.x86_32.cr0 = 1;
    c->cpu_regs.x86_32.eflags = 2;
    c->cpu_regs.x86_32.cs_limit = ~0U;
    c->cpu_regs.x86_32.cs_ar = 0xc9b;
    c->cpu_regs.x86_32.tr_limit = 0x67;
    c->cpu_regs.x86_32.tr_ar = 0x8b;
    c->cpu_regs.x86_32.eip = LOOP;
}

static void random_context(struct vcpu_hvm_context *c)
{
    good_context(c);
    c->mode = random32() % 3;
    for (unsigned int i = 0; i < sizeof(c->cpu_regs) / 4; i++)
        if (random32() % 4 == 0)
            ((uint32_t *)(void *)&c->cpu_regs)[i] = random32();
}

/*
 * JMP to itself, in any mode; also where a CPU begins that INIT has left without a SIPI and VCPUOP_up runs all the same. A
 * dom0 has the machine's firmware there, and keeps it.
 */
static void prepare_loop(void)
{
    uint8_t *page = page_alloc();

    memcpy((void *)LOOP, "\xeb\xfe", 2);
    memcpy(page + 0xff0, "\xeb\xfe", 2);
    (void)memory_op(XENMEM_add_to_physmap, &(struct xen_add_to_physmap){ .domid = DOMID_SELF,
        .space = XENMAPSPACE_gmfn, .idx = address(page) >> 12, .gpfn = 0xfffff });
}

GUEST_TEST(storm_init, "INIT, SIPI and VCPUOP_initialise sent at once and without end disturb no other guest")
{
    struct vcpu_hvm_context *c = page_alloc();
    uint32_t id = 2;

    irq_off();
    apic_start(true);
    prepare_loop();
    good_context(c);
    for (unsigned int i = 0; i < rounds() * 4; i++) {
        switch (random32() % 8) {
        case 0: case 1: case 2: apic_icr(id, ICR_INIT | ICR_ASSERT); break;
        case 3: apic_icr(id, ICR_SIPI | LOOP >> 12); break;
        case 4: apic_icr(id, 0x41); break;
        case 5: (void)vcpu_op(VCPUOP_down, 1, NULL); break;
        case 6: (void)vcpu_op(VCPUOP_up, 1, NULL); break;
        default: (void)vcpu_op(VCPUOP_initialise, 1, c); break;
        }
    }
    (void)vcpu_op(VCPUOP_down, 1, NULL);
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

/* INIT alone: the other CPU never has a context, so that each VCPUOP_initialise is one that counts. */
GUEST_TEST(storm_initialise, "a context for a CPU that an INIT has just woken is refused, not a reason to stop")
{
    struct vcpu_hvm_context *c = page_alloc();

    irq_off();
    apic_start(true);
    c->mode = VCPU_HVM_MODE_32B;               /* no CPU takes the rest: it stays uninitialised */
    for (unsigned int i = 0; i < rounds() * 4; i++) {
        apic_icr(2, ICR_INIT | ICR_ASSERT);
        for (unsigned int n = random32() % 200; n > 0; n--)
            pause();
        (void)vcpu_op(VCPUOP_initialise, 1, c);
    }
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

GUEST_TEST(storm_contexts, "a CPU with an arbitrary context runs, or ends the guest with a reason")
{
    struct vcpu_hvm_context *c = page_alloc();

    for (unsigned int i = 0; i < rounds() * 4; i++) {
        random_context(c);
        if (vcpu_op(VCPUOP_initialise, 1, c) == 0)
            break;
    }
    (void)vcpu_op(VCPUOP_up, 1, NULL);
    for (unsigned int i = 0; i < 1000; i++)
        sched_op(SCHEDOP_yield, NULL);
}

/* ---- timers ---- */

GUEST_TEST(storm_timers, "timers at the fastest rate that there is leave the machine to others")
{
    struct vcpu_set_periodic_timer p = { .period_ns = 1000000 };
    uint64_t end = rdtsc() + 1000000UL * command_line_number("ms=", 2000) * 2;

    irq_off();
    ignore_all();
    apic_start(false);
    vcpu_op(VCPUOP_set_periodic_timer, 0, &p);
    apic_write(APIC_TIMER_DIVIDE, 0xb);
    apic_write(APIC_LVTT, LVT_PERIODIC | 0x40);
    apic_write(APIC_TIMER_COUNT, 1);
    out8(0x43, 0x34);                          /* PIT: rate generator, every tick */
    out8(0x40, 1);
    out8(0x40, 0);
    out8(0x70, 0x0a);                          /* clock: 8192 Hz, all its interrupts */
    out8(0x71, 0x23);
    out8(0x70, 0x0b);
    out8(0x71, 0x72);
    for (unsigned int n = 0; n < 3; n++) {     /* HPET: periodic, one tick */
        *(volatile uint64_t *)(0xfed00100 + 0x20UL * n) = 0x4c | 20 << 9;
        *(volatile uint64_t *)(0xfed00108 + 0x20UL * n) = 1;
        *(volatile uint64_t *)(0xfed00108 + 0x20UL * n) = 1;
    }
    *(volatile uint64_t *)0xfed00010 = 1;
    while (rdtsc() < end) {
        irq_on();
        pause();
        irq_off();
        apic_eoi();
    }
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    apic_write(APIC_LVTT, LVT_MASKED);
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}
