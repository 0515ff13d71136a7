/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host test can set and look at: a machine of fake CPUs with an IRQ flag, MSRs, CPUID, ports,
 * a clock that stands still, a piece of memory that stands for RAM, and IO-APIC pins. No set-up is
 * needed for the defaults: CPU 0 alone, IRQs on, every MSR absent, CPUID all zero, ports all-ones.
 * fake_reset() returns to them and is meant for the setup function of each test.
 *
 * Locks and softirqs are the real ones: a lock taken out of rank ends in hv_bug(), which aborts the
 * test unless it stands inside FAKE_EXPECT_BUG().
 */
#ifndef FAKE_FAKE_H
#define FAKE_FAKE_H

#include "fake_bug.h"

#include <x86/cpu.h>
#include <x86/efi.h>
#include <x86/paging.h>
#include <x86/percpu.h>

void fake_reset(void);

/* --- CPUs. The thread's current one is this_cpu(); tests hop between them. */
void fake_cpu_set_count(unsigned int n);
void fake_cpu_switch(unsigned int cpu);
/* How often a CPU was kicked (smp_kick, softirq_raise_on from elsewhere) since the last reset. */
unsigned int fake_kicks(unsigned int cpu);

/* --- CPUID and MSRs, the same for all CPUs. */
void fake_cpuid_set(uint32_t leaf, uint32_t subleaf, struct cpuid_regs r);
void fake_msr_set(uint32_t msr, uint64_t value);    /* from now on it exists */
uint64_t fake_msr_get(uint32_t msr);

unsigned int fake_cr8_writes(void);                 /* since the last reset */

/* --- Ports. in returns the value, low `size` bytes count; either may be NULL. */
void fake_port_hooks(uint32_t (*in)(uint16_t port, unsigned int size),
                     void (*out)(uint16_t port, unsigned int size, uint32_t value));

/* --- The clock: time_now() returns what was set last; the TSC ticks at 1 GHz. */
void fake_time_set(ns_t now);
void fake_time_advance(ns_t by);
ns_t fake_timer_deadline(unsigned int cpu);         /* last time_program_timer(), NS_NEVER at first */

/* --- Physical memory [0, bytes), zeroed and lazily backed; phys_to_virt() leads into it. */
void fake_phys_init(uint64_t bytes);

/* --- IO-APIC registers behind src/x86/irq.c, and LAPIC EOIs. */
#define FAKE_IOAPIC_PINS 24U
void fake_ioapic_present(unsigned int count);       /* GSI bases 0, 24, 48 ... and irq_init() */
uint64_t fake_ioapic_rte(unsigned int ioapic, unsigned int pin);
unsigned int fake_lapic_eois(void);
/* Raises the interrupt a GSI is routed to, as the hardware would; false: masked or not routed. */
bool fake_gsi_fire(unsigned int gsi);

/* --- UEFI: absent until efi_set_host(); fn answers efi_call() while runtime is set. */
void fake_efi_services(uint64_t (*fn)(enum efi_service s, const uint64_t arg[5]));

#endif
