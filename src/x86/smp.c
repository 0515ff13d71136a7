/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the other CPUs one after the other, each waited for; IPIs; calls on other CPUs; and stopping
 * them all by NMI. A CPU that does not answer is sent back to wait for its start-up IPI and left out.
 */
#include <x86/smp.h>

#include <hv/assert.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <lib/string.h>
#include <x86/acpi.h>
#include <x86/cpu.h>
#include <x86/desc.h>
#include <x86/paging.h>
#include <x86/panic.h>
#include <x86/time.h>
#include <x86/trap.h>

#include "cpus.h"
#include "irq_hw.h"
#include "lapic.h"
#include "vectors.h"

/*
 * Any page of conventional memory does; its content is put back afterwards. This one is RAM on every
 * PC and far from the BIOS's data at both ends.
 */
#define TRAMPOLINE_PAGE 0x8000UL
#define START_TIMEOUT_US 200000U

static void (*ap_main_fn)(void) ro_after_init;
static uint32_t stopping;           /* set once, by a panic */
static uint32_t stopped;

/* --- Stopping and NMIs ------------------------------------------------------------------------ */

static noreturn_fn void stop_here(void)
{
    __atomic_fetch_add(&stopped, 1, __ATOMIC_SEQ_CST);
    cpu_irq_disable();
    for (;;)
        cpu_halt();
}

/*
 * NMI context, on any CPU, in any state: no lock, and so no log. An NMI of unknown origin is counted
 * (irq_dump shows it); what the board reports as a memory or bus error ends everything.
 */
static void smp_nmi(struct trap_frame *f)
{
    if (READ_ONCE(stopping))
        stop_here();
    if (this_cpu_id() == 0 && (cpu_in8(0x61) & 0xc0) != 0)
        panic_at(f, "NMI: the board reports a memory or bus error (port 61h: %#x)", cpu_in8(0x61));
    this_cpu()->nmi_count++;
}

void smp_stop_others(void)
{
    unsigned int others = cpu_count() - 1;

    if (__atomic_exchange_n(&stopping, 1, __ATOMIC_SEQ_CST) != 0) {
        /* Two panics at once: the second one waits for the first one's NMI. */
        return;
    }
    if (others == 0)
        return;
    /* One by one: an NMI to all would also hit CPUs left to the firmware, which has no handler for it. */
    for (unsigned int cpu = 0; cpu <= others; cpu++)
        if (cpu != this_cpu_id())
            lapic_send_ipi(percpu_of(cpu)->apic_id, ICR_NMI | ICR_ASSERT);
    for (unsigned int i = 0; i < 10000 && READ_ONCE(stopped) < others; i++)
        time_delay_us(10);
    if (READ_ONCE(stopped) < others)
        log_err("%u of %u other CPUs do not stop", others - READ_ONCE(stopped), others);
}

/* --- Starting --------------------------------------------------------------------------------- */

_Static_assert(offsetof(struct trampoline_data, gdt_limit) == 6, "trampoline.S");
_Static_assert(offsetof(struct trampoline_data, cr3) == 12, "trampoline.S");
_Static_assert(offsetof(struct trampoline_data, entry) == 40, "trampoline.S");
_Static_assert(sizeof(struct trampoline_data) == 48, "trampoline.S");

static init_text uint32_t in_copy(const char *symbol)
{
    return (uint32_t)(TRAMPOLINE_PAGE + (uint64_t)(symbol - trampoline_start));
}

static init_text void fill_trampoline(char *page, struct percpu *p)
{
    struct trampoline_data d = {
        .far_target = in_copy(trampoline_long), .far_selector = SEL_CODE64,
        .gdt_limit = 3 * 8 - 1, .gdt_base = in_copy(trampoline_gdt),
        .cr3 = (uint32_t)paging_early_root().v, .final_cr3 = paging_root().v,
        .stack = p->stack_top, .percpu = (uint64_t)(uintptr_t)p,
        .entry = (uint64_t)(uintptr_t)smp_ap_start,
    };
    size_t size = (size_t)(trampoline_end - trampoline_start);

    ASSERT(size <= PAGE_SIZE && paging_early_root().v <= UINT32_MAX);
    memcpy(page, trampoline_start, size);
    memcpy(page + (trampoline_data - trampoline_start), &d, sizeof(d));
}

static init_text bool wait_online(const struct percpu *p, unsigned int us)
{
    for (unsigned int waited = 0; waited < us; waited += 10) {
        if (__atomic_load_n(&p->online, __ATOMIC_ACQUIRE))
            return true;
        time_delay_us(10);
    }
    return false;
}

/* SDM 9.4.4: INIT, 10 ms, start-up, and a second one for those that missed the first. */
static init_text bool wake(const struct percpu *p)
{
    uint32_t sipi = ICR_STARTUP | (uint32_t)(TRAMPOLINE_PAGE >> PAGE_SHIFT);

    lapic_send_ipi(p->apic_id, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
    time_delay_us(10000);
    lapic_send_ipi(p->apic_id, sipi);
    if (wait_online(p, 300))
        return true;
    lapic_send_ipi(p->apic_id, sipi);
    if (wait_online(p, START_TIMEOUT_US))
        return true;
    lapic_send_ipi(p->apic_id, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
    return false;
}

/*
 * Both sides of a check that the new CPU's TSC agrees with ours: it reads its own when the round number
 * changes, and that must lie between our reading before and the one after. Not adjusted: a machine
 * where it does not is one whose TSC cannot be relied on, and is told so.
 */
static struct { uint32_t round, answered; uint64_t stamp; } tsc_check;
#define TSC_ROUNDS 4U

static void tsc_check_answer(void)
{
    for (uint32_t round = 1; round <= TSC_ROUNDS; round++) {
        while (__atomic_load_n(&tsc_check.round, __ATOMIC_ACQUIRE) != round)
            cpu_relax();
        tsc_check.stamp = cpu_rdtsc_ordered();
        __atomic_store_n(&tsc_check.answered, round, __ATOMIC_RELEASE);
    }
}

static init_text void tsc_check_ask(unsigned int cpu)
{
    uint64_t worst = 0;

    for (uint32_t round = 1; round <= TSC_ROUNDS; round++) {
        uint64_t before = cpu_rdtsc_ordered(), after;

        __atomic_store_n(&tsc_check.round, round, __ATOMIC_RELEASE);
        while (__atomic_load_n(&tsc_check.answered, __ATOMIC_ACQUIRE) != round)
            cpu_relax();
        after = cpu_rdtsc_ordered();
        if (tsc_check.stamp < before)
            worst = max_of(worst, before - tsc_check.stamp);
        if (tsc_check.stamp > after)
            worst = max_of(worst, tsc_check.stamp - after);
    }
    __atomic_store_n(&tsc_check.answered, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&tsc_check.round, 0, __ATOMIC_RELEASE);
    if (worst != 0)
        log_warn("CPU%u: its TSC is off by %lu ticks, time will jump between CPUs", cpu,
                 (unsigned long)worst);
}

static init_text bool prepare(struct percpu *p, unsigned int id, const struct acpi_cpu *c)
{
    void *stack = map_stack(CPU_STACK_PAGES);

    memset(p, 0, sizeof(*p));
    p->self = p;
    p->id = id;
    p->apic_id = c->apic_id;
    p->acpi_uid = c->uid;
    p->stack_top = (uint64_t)(uintptr_t)stack;
    p->random_canary = this_cpu()->random_canary;
    return stack != NULL && desc_prepare(p) == 0;
}

static init_text void start_one(const struct acpi_cpu *c, char *page)
{
    unsigned int id = cpu_count();
    struct percpu *p = percpu_of(id);

    if (!lapic_can_address(c->apic_id)) {
        log_warn("CPU with APIC id %u needs x2APIC mode, left alone", c->apic_id);
        return;
    }
    if (!prepare(p, id, c)) {
        log_err("no memory to start the CPU with APIC id %u", c->apic_id);
        return;
    }
    fill_trampoline(page, p);
    if (wake(p)) {
        tsc_check_ask(id);
        cpu_came_online();
    } else {
        log_err("the CPU with APIC id %u does not start, left alone", c->apic_id);
    }
}

init_text void smp_start_cpus(unsigned int max, void (*ap_main)(void))
{
    const struct acpi_info *acpi = acpi_host();
    char *page = phys_to_virt(hpa_of(TRAMPOLINE_PAGE));
    static char saved[512] init_data;
    size_t size = (size_t)(trampoline_end - trampoline_start);

    ASSERT(size <= sizeof(saved));
    ap_main_fn = ap_main;
    trap_set_nmi_handler(smp_nmi);
    memcpy(saved, page, size);
    for (unsigned int i = 0; acpi != NULL && i < acpi->cpu_count; i++) {
        if (acpi->cpu[i].apic_id == percpu_bsp.apic_id) {
            percpu_bsp.acpi_uid = acpi->cpu[i].uid;
            continue;
        }
        if (cpu_count() < min_of(max, MAX_CPUS))
            start_one(&acpi->cpu[i], page);
    }
    memcpy(page, saved, size);
    log_info("%u CPU%s online", cpu_count(), cpu_count() == 1 ? "" : "s");
}

/* First C code of a new CPU; the boot CPU waits for `online` and touches nothing meanwhile. */
void smp_ap_main(struct percpu *p)
{
    desc_load(p);
    desc_enable_features();
    lapic_init_cpu();
    __atomic_store_n(&p->online, true, __ATOMIC_RELEASE);
    tsc_check_answer();
    ap_main_fn();
    BUG();
}

/* --- Kicks and calls -------------------------------------------------------------------------- */

void smp_kick(unsigned int cpu)
{
    lapic_send_ipi(percpu_of(cpu)->apic_id, ICR_FIXED | ICR_ASSERT | VECTOR_KICK);
}

void smp_kick_mask(const uint64_t *cpus)
{
    unsigned int n = cpu_count(), self = this_cpu_id();

    for (unsigned int i = bitmap_find_set(cpus, n, 0); i < n; i = bitmap_find_set(cpus, n, i + 1))
        if (i != self)
            smp_kick(i);
}

/* Lives on the caller's stack until every called CPU has counted itself off. */
struct smp_call {
    void (*fn)(void *);
    void *arg;
    uint32_t left;
};

/* The slot of a CPU takes one call at a time. IRQs are on here, so two callers serve each other. */
static void post_call(unsigned int cpu, struct smp_call *c)
{
    struct percpu *p = percpu_of(cpu);
    struct smp_call *expected = NULL;

    while (!__atomic_compare_exchange_n(&p->call, &expected, c, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
        expected = NULL;
        cpu_relax();
    }
    lapic_send_ipi(p->apic_id, ICR_FIXED | ICR_ASSERT | VECTOR_CALL);
}

void smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg)
{
    unsigned int n = cpu_count(), self = this_cpu_id();
    struct smp_call c = { fn, arg, 1 };

    ASSERT(cpu_irqs_enabled());
    for (unsigned int i = bitmap_find_set(cpus, n, 0); i < n; i = bitmap_find_set(cpus, n, i + 1)) {
        if (i == self)
            continue;
        __atomic_fetch_add(&c.left, 1, __ATOMIC_RELAXED);
        post_call(i, &c);
    }
    if (bit_test(cpus, self)) {
        uint64_t flags = cpu_irq_save();

        fn(arg);
        cpu_irq_restore(flags);
    }
    __atomic_fetch_sub(&c.left, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&c.left, __ATOMIC_ACQUIRE) != 0)
        cpu_relax();
}

void smp_call_interrupt(void)
{
    struct percpu *p = this_cpu();
    struct smp_call *c = __atomic_load_n(&p->call, __ATOMIC_ACQUIRE);

    if (c == NULL)
        return;
    c->fn(c->arg);
    /* The slot first: once counted off, c is gone. */
    __atomic_store_n(&p->call, NULL, __ATOMIC_RELEASE);
    __atomic_fetch_sub(&c->left, 1, __ATOMIC_ACQ_REL);
}
