/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from the TSC. Its frequency is measured against the ACPI PM timer (else the PIT); what CPUID
 * claims is exact where it agrees with the measurement, and ignored where it does not (emulators and
 * some hypervisors pass on a CPUID that is not theirs).
 */
#include <x86/time.h>

#include <hv/assert.h>
#include <lib/log.h>
#include <x86/acpi.h>
#include <x86/cpu.h>
#include <x86/percpu.h>
#include <x86/softirq.h>
#include <x86/spinlock.h>

#include "irq_hw.h"
#include "lapic.h"
#include "tsc_scale.h"

#define PM_TIMER_HZ 3579545U
#define PIT_HZ 1193182U
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PORT_61 0x61
#define CALIBRATION_MS 50U
#define AGREEMENT_PPM 5000U
#define ASSUMED_KHZ 1000000U       /* before calibration: delays only */
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71

static uint64_t khz ro_after_init = ASSUMED_KHZ;
static uint64_t boot_tsc ro_after_init;
static struct tsc_scale scale ro_after_init = { 0x80000000U, 1 };
static uint64_t lapic_hz ro_after_init;
static ns_t wallclock_at_boot;

/* --- Reading ---------------------------------------------------------------------------------- */

ns_t time_now(void) { return time_tsc_to_ns(cpu_rdtsc_ordered() - boot_tsc); }
uint64_t time_tsc_khz(void) { return khz; }
struct tsc_scale time_tsc_scale(void) { return scale; }
ns_t time_tsc_to_ns(uint64_t tsc_delta) { return (ns_t)tsc_scale_to_ns(scale, tsc_delta); }
uint64_t time_ns_to_tsc(ns_t ns) { return tsc_of_ns(khz, ns); }
uint64_t time_boot_tsc(void) { return boot_tsc; }
ns_t time_wallclock_at_boot(void) { return __atomic_load_n(&wallclock_at_boot, __ATOMIC_RELAXED); }

void time_set_wallclock_at_boot(ns_t utc_ns)
{
    __atomic_store_n(&wallclock_at_boot, utc_ns, __ATOMIC_RELAXED);
}

void time_delay_us(unsigned int us)
{
    uint64_t start = cpu_rdtsc(), ticks = tsc_of_ns(khz, (ns_t)us * NS_PER_US);

    while (cpu_rdtsc() - start < ticks)
        cpu_relax();
}

/* --- Calibration ------------------------------------------------------------------------------ */

/* The PM timer and the TSC at one moment: of a few readings the one that took least time. */
static init_text uint32_t pm_sample(uint16_t port, uint64_t *tsc)
{
    uint64_t best = UINT64_MAX;
    uint32_t value = 0;

    for (unsigned int i = 0; i < 5; i++) {
        uint64_t before = cpu_rdtsc_ordered();
        uint32_t v = cpu_in32(port) & 0xffffff;
        uint64_t after = cpu_rdtsc_ordered();

        if (after - before < best) {
            best = after - before;
            value = v;
            *tsc = before + best / 2;
        }
    }
    return value;
}

/* TSC ticks per millisecond, 0 when the timer stands still. */
static init_text uint64_t measure_pm_timer(uint16_t port)
{
    uint64_t tsc0, tsc1, limit = 0;
    uint32_t start = pm_sample(port, &tsc0), ticks = 0;

    while (ticks < PM_TIMER_HZ / 1000 * CALIBRATION_MS) {
        ticks = (cpu_in32(port) - start) & 0xffffff;
        if (++limit > 10000000)
            return 0;
    }
    ticks = (pm_sample(port, &tsc1) - start) & 0xffffff;
    return (tsc1 - tsc0) * PM_TIMER_HZ / ticks / 1000;
}

/* Channel 2 counts down once; its output shows in port 61h bit 5 (8254, mode 0). */
static init_text uint64_t measure_pit(void)
{
    uint32_t count = PIT_HZ / 1000 * CALIBRATION_MS;
    uint8_t gate = cpu_in8(PORT_61) & 0xfcU;
    uint64_t tsc0, limit = 0;

    cpu_out8(PORT_61, gate);
    cpu_out8(PIT_COMMAND, 0xb0);
    cpu_out8(PIT_CHANNEL2, (uint8_t)count);
    cpu_out8(PIT_CHANNEL2, (uint8_t)(count >> 8));
    cpu_out8(PORT_61, gate | 1);
    tsc0 = cpu_rdtsc_ordered();
    while (!(cpu_in8(PORT_61) & 0x20))
        if (++limit > 10000000)
            return 0;
    tsc0 = cpu_rdtsc_ordered() - tsc0;
    cpu_out8(PORT_61, gate);
    return tsc0 * PIT_HZ / count / 1000;
}

static init_text uint64_t claimed_khz(void)
{
    uint32_t max_leaf = cpu_cpuid(0, 0).eax;
    struct cpuid_regs tsc = { 0, 0, 0, 0 };
    uint32_t base_mhz = max_leaf >= 0x16 ? cpu_cpuid(0x16, 0).eax & 0xffff : 0;

    if (max_leaf >= 0x15)
        tsc = cpu_cpuid(0x15, 0);
    return tsc_khz_of_cpuid(tsc.eax, tsc.ebx, tsc.ecx, base_mhz);
}

static init_text bool agree(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return difference * 1000000 <= max_of(a, b) * AGREEMENT_PPM;
}

static init_text void calibrate(void)
{
    const struct acpi_info *acpi = acpi_host();
    uint64_t claimed = claimed_khz(), measured = 0;
    const char *source = "PM timer";

    if (acpi != NULL && acpi->pm_timer_port != 0)
        measured = measure_pm_timer((uint16_t)acpi->pm_timer_port);
    if (measured == 0) {
        source = "PIT";
        measured = measure_pit();
    }
    if (claimed != 0 && (measured == 0 || agree(claimed, measured))) {
        source = "CPUID";
        measured = claimed;
    }
    if (measured == 0) {
        log_err("no timer to measure the TSC against (PM timer, PIT), 1 GHz assumed");
        measured = ASSUMED_KHZ;
    }
    khz = measured;
    scale = tsc_scale_of_khz(khz);
    log_info("TSC: %lu.%03lu MHz by %s", (unsigned long)khz / 1000, (unsigned long)khz % 1000,
             source);
}

/* Counts for 10 ms; *doubt is what reading and starting took, during which the rest is unknown. */
static init_text uint64_t measure_lapic(uint64_t *doubt)
{
    uint64_t t[4], count;

    t[0] = cpu_rdtsc_ordered();
    lapic_timer_set_count(UINT32_MAX);
    t[1] = cpu_rdtsc_ordered();
    do
        t[2] = cpu_rdtsc_ordered();
    while (t[2] - t[1] < khz * 10);
    count = UINT32_MAX - lapic_timer_count();
    t[3] = cpu_rdtsc_ordered();
    lapic_timer_set_count(0);
    *doubt = t[3] - t[2] + t[1] - t[0];
    return count * khz * 1000 / ((t[2] + t[3] - t[0] - t[1]) / 2);
}

static init_text void calibrate_lapic(void)
{
    uint64_t best = UINT64_MAX;

    if (lapic_has_deadline())
        return;
    cpu_irq_disable();
    for (unsigned int i = 0; i < 3; i++) {
        uint64_t doubt, hz = measure_lapic(&doubt);

        if (doubt < best) {
            best = doubt;
            lapic_hz = max_of(hz, 1UL);
        }
    }
    log_info("local APIC timer: %lu kHz", (unsigned long)lapic_hz / 1000);
}

/* --- The clock on the wall -------------------------------------------------------------------- */

static init_text uint8_t cmos_read(unsigned int reg)
{
    cpu_out8(CMOS_INDEX, (uint8_t)reg);
    return cpu_in8(CMOS_DATA);
}

static init_text struct rtc_reading rtc_read(void)
{
    return (struct rtc_reading){
        .second = cmos_read(0), .minute = cmos_read(2), .hour = cmos_read(4),
        .day = cmos_read(7), .month = cmos_read(8), .year = cmos_read(9),
        .century = cmos_read(0x32), .status_b = cmos_read(0xb),
    };
}

/* Not while the clock updates itself (register A bit 7), which takes up to 2 ms. */
static init_text void read_wallclock(void)
{
    struct rtc_reading r;
    int64_t seconds;

    for (unsigned int i = 0; i < 300 && (cmos_read(0xa) & 0x80); i++)
        time_delay_us(10);
    r = rtc_read();
    if (r.second != cmos_read(0))
        r = rtc_read();
    seconds = rtc_to_unix(r);
    if (seconds < 0) {
        log_warn("the CMOS clock shows no valid date, counting from 1970");
        seconds = 0;
    }
    wallclock_at_boot = seconds * NS_PER_SEC - time_now();
}

init_text void time_init(void)
{
    if (!(cpu_cpuid(0x80000000U, 0).eax >= 0x80000007U && cpu_cpuid(0x80000007U, 0).edx & BIT(8)))
        log_warn("TSC: not declared invariant by the CPU, relying on it all the same");
    calibrate();
    boot_tsc = cpu_rdtsc_ordered();
    calibrate_lapic();
    read_wallclock();
}

/* --- The timer -------------------------------------------------------------------------------- */

/* Further away than the counter reaches: it comes early and is set again. Never 0, which means off. */
static uint32_t countdown(ns_t left)
{
    uint64_t ns = left < 0 ? 0 : (uint64_t)min_of(left, 2 * NS_PER_SEC);
    uint64_t count = ns * lapic_hz / (uint64_t)NS_PER_SEC + 1;

    return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

/* A deadline that has passed still interrupts: the hardware fires at once, the count-down in a tick. */
void time_program_timer(ns_t t)
{
    ASSERT(!cpu_irqs_enabled());
    if (lapic_has_deadline()) {
        uint64_t tsc = t == NS_NEVER ? 0 : boot_tsc + tsc_reaching_ns(scale, khz, t);

        lapic_timer_set_deadline(t != NS_NEVER && tsc == 0 ? 1 : tsc);
        return;
    }
    if (t == NS_NEVER) {
        lapic_timer_set_count(0);
        return;
    }
    lapic_timer_set_count(countdown(t - time_now()));
}

void lapic_timer_interrupt(void) { softirq_raise(SOFTIRQ_TIMER); }
