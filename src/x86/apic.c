/* SPDX-License-Identifier: BSD-2-Clause */
#include "lapic.h"

#include <hv/assert.h>
#include <lib/log.h>
#include <x86/acpi.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/percpu.h>

#include "irq_hw.h"
#include "vectors.h"

#define MSR_APIC_BASE 0x1bU
#define MSR_TSC_DEADLINE 0x6e0U
#define MSR_X2APIC 0x800U
#define MSR_X2APIC_ICR 0x830U
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_ADDRESS 0xffffffffff000ULL

/* Register offsets in the xAPIC page; an x2APIC MSR is 0x800 + offset / 16. */
enum lapic_reg {
    LAPIC_ID = 0x20, LAPIC_TPR = 0x80, LAPIC_EOI = 0xb0, LAPIC_SVR = 0xf0, LAPIC_ISR = 0x100,
    LAPIC_ESR = 0x280, LAPIC_CMCI = 0x2f0, LAPIC_ICR_LOW = 0x300, LAPIC_ICR_HIGH = 0x310,
    LAPIC_LVT_TIMER = 0x320, LAPIC_LVT_THERMAL = 0x330, LAPIC_LVT_PMC = 0x340,
    LAPIC_LVT_LINT0 = 0x350, LAPIC_LVT_LINT1 = 0x360, LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_INITIAL = 0x380, LAPIC_TIMER_CURRENT = 0x390, LAPIC_TIMER_DIVIDE = 0x3e0,
    LAPIC_VERSION = 0x30,
};

#define SVR_ENABLE 0x100U
#define LVT_MASKED 0x10000U
#define LVT_NMI 0x400U
#define LVT_TIMER_DEADLINE 0x40000U
#define TIMER_DIVIDE_BY_1 0xbU
#define ICR_BUSY 0x1000U

static bool x2apic ro_after_init;
static bool deadline_mode ro_after_init;
static volatile uint32_t *page ro_after_init;

static uint32_t lapic_read(enum lapic_reg r)
{
    if (x2apic)
        return (uint32_t)cpu_rdmsr(MSR_X2APIC + (unsigned int)r / 16);
    return page[(unsigned int)r / 4];
}

static void lapic_write(enum lapic_reg r, uint32_t value)
{
    if (x2apic)
        cpu_wrmsr(MSR_X2APIC + (unsigned int)r / 16, value);
    else
        page[(unsigned int)r / 4] = value;
}

uint32_t lapic_id(void)
{
    return x2apic ? lapic_read(LAPIC_ID) : lapic_read(LAPIC_ID) >> 24;
}

bool lapic_can_address(uint32_t apic_id) { return x2apic || apic_id < 0xff; }
void lapic_eoi(void) { lapic_write(LAPIC_EOI, 0); }

bool lapic_in_service(uint8_t vector)
{
    enum lapic_reg r = (enum lapic_reg)(LAPIC_ISR + (vector / 32U) * 16U);

    return lapic_read(r) >> (vector % 32) & 1;
}

uint32_t lapic_read_and_clear_errors(void)
{
    lapic_write(LAPIC_ESR, 0);
    return lapic_read(LAPIC_ESR);
}

/* The mode is the boot CPU's choice; firmware that already chose x2APIC cannot be undone (11.12.5). */
static void choose_mode(void)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);
    uint32_t features = cpu_cpuid(1, 0).ecx;

    x2apic = features & BIT(21);
    deadline_mode = features & BIT(24);
    if (x2apic)
        return;
    page = map_device(hpa_of(base & APIC_BASE_ADDRESS), PAGE_SIZE, MAP_UC);
    BUG_ON(page == NULL);
}

static void enable(void)
{
    uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

    if (!(base & APIC_BASE_ENABLE))
        cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if (x2apic)
        cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

static void mask_local_sources(void)
{
    unsigned int entries = (lapic_read(LAPIC_VERSION) >> 16 & 0xff) + 1;

    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    if (entries > 4)
        lapic_write(LAPIC_LVT_PMC, LVT_MASKED);
    if (entries > 5)
        lapic_write(LAPIC_LVT_THERMAL, LVT_MASKED);
    if (entries > 6)
        lapic_write(LAPIC_CMCI, LVT_MASKED);
}

void lapic_init_cpu(void)
{
    struct percpu *p = this_cpu();

    if (p->id == 0)
        choose_mode();
    enable();
    mask_local_sources();
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_LVT_ERROR, VECTOR_LAPIC_ERROR);
    (void)lapic_read_and_clear_errors();
    lapic_write(LAPIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER | (deadline_mode ? LVT_TIMER_DEADLINE : 0));
    /* The mode change must be seen before the first write of the deadline MSR (11.5.4.1). */
    __asm__ volatile("mfence" ::: "memory");
    p->apic_id = lapic_id();
    if (p->id == 0)
        log_info("local APIC: %s mode, timer by %s", x2apic ? "x2APIC" : "xAPIC",
                 deadline_mode ? "TSC deadline" : "count-down");
}

static void wait_until_sent(void)
{
    while (lapic_read(LAPIC_ICR_LOW) & ICR_BUSY)
        cpu_relax();
}

void lapic_send_ipi(uint32_t dest, uint32_t icr)
{
    uint64_t flags;

    if (x2apic) {
        /* This WRMSR orders nothing: what the other CPU shall see must be out before (11.12.3). */
        __asm__ volatile("mfence; lfence" ::: "memory");
        cpu_wrmsr(MSR_X2APIC_ICR, (uint64_t)dest << 32 | icr);
        return;
    }
    flags = cpu_irq_save();
    wait_until_sent();
    lapic_write(LAPIC_ICR_HIGH, dest << 24);
    lapic_write(LAPIC_ICR_LOW, icr);
    cpu_irq_restore(flags);
}

bool lapic_has_deadline(void) { return deadline_mode; }
void lapic_timer_set_deadline(uint64_t tsc) { cpu_wrmsr(MSR_TSC_DEADLINE, tsc); }
void lapic_timer_set_count(uint32_t count) { lapic_write(LAPIC_TIMER_INITIAL, count); }
uint32_t lapic_timer_count(void) { return lapic_read(LAPIC_TIMER_CURRENT); }
