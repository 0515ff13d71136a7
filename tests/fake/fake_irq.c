/* SPDX-License-Identifier: BSD-2-Clause */
/* Fake interrupt controllers below src/x86/irq.c: redirection entries in an array, EOIs counted. */
#include "fake.h"
#include "fake_private.h"

#include "irq_hw.h"
#include <x86/acpi.h>
#include <x86/softirq.h>

static uint64_t rte[ACPI_MAX_IOAPICS][FAKE_IOAPIC_PINS];
static unsigned int eois;

void fake_irq_reset(void)
{
    irq_forget_all();
    eois = 0;
}

void fake_ioapic_present(unsigned int count)
{
    irq_forget_all();
    for (unsigned int i = 0; i < count; i++) {
        struct irq_ioapic io = { .id = (uint8_t)i, .address = hpa_of(0xfec00000 + i * 0x1000UL),
                                 .gsi_base = i * FAKE_IOAPIC_PINS, .pins = FAKE_IOAPIC_PINS,
                                 .version = 0x170020 };

        BUG_ON(irq_add_ioapic(&io) != 0);
        for (unsigned int p = 0; p < FAKE_IOAPIC_PINS; p++)
            rte[i][p] = RTE_MASKED;
    }
}

uint64_t fake_ioapic_rte(unsigned int ioapic, unsigned int pin) { return rte[ioapic][pin]; }
unsigned int fake_lapic_eois(void) { return eois; }

bool fake_gsi_fire(unsigned int gsi)
{
    uint64_t e = rte[gsi / FAKE_IOAPIC_PINS][gsi % FAKE_IOAPIC_PINS];
    uint64_t flags;

    if (e & RTE_MASKED)
        return false;
    flags = cpu_irq_save();
    irq_dispatch((uint8_t)(e & RTE_VECTOR));
    cpu_irq_restore(flags);
    return true;
}

void irq_init(void) { fake_ioapic_present(1); }
uint64_t ioapic_read_rte(unsigned int ioapic, unsigned int pin) { return rte[ioapic][pin]; }
void ioapic_write_rte(unsigned int ioapic, unsigned int pin, uint64_t v) { rte[ioapic][pin] = v; }

void ioapic_write_rte_low(unsigned int ioapic, unsigned int pin, uint32_t low)
{
    rte[ioapic][pin] = (rte[ioapic][pin] & ~0xffffffffULL) | low;
}

void lapic_eoi(void) { eois++; }
bool lapic_in_service(uint8_t vector unused_arg) { return false; }
uint32_t lapic_read_and_clear_errors(void) { return 0; }
void lapic_timer_interrupt(void) { softirq_raise(SOFTIRQ_TIMER); }
void smp_call_interrupt(void) { }
