/* SPDX-License-Identifier: BSD-2-Clause */
/* What irq.c needs from the interrupt controllers; tests/fake has another set of these functions. */
#ifndef X86_IRQ_HW_H
#define X86_IRQ_HW_H

#include <hv/types.h>
#include <x86/irq.h>

/* Redirection entry (82093AA data sheet 3.2.4; Intel I/O APIC). */
#define RTE_VECTOR 0xffULL
#define RTE_ACTIVE_LOW BIT(13)
#define RTE_REMOTE_IRR BIT(14)
#define RTE_LEVEL BIT(15)
#define RTE_MASKED BIT(16)
#define RTE_DEST_SHIFT 56

uint64_t ioapic_read_rte(unsigned int ioapic, unsigned int pin);
/* Keeps the entry masked while its halves disagree. */
void ioapic_write_rte(unsigned int ioapic, unsigned int pin, uint64_t rte);
/* Only the low half: mask and unmask without touching the destination. */
void ioapic_write_rte_low(unsigned int ioapic, unsigned int pin, uint32_t low);

void lapic_eoi(void);
bool lapic_in_service(uint8_t vector);
uint32_t lapic_read_and_clear_errors(void);
void lapic_timer_interrupt(void);       /* time.c: the deadline came */
void smp_call_interrupt(void);          /* smp.c */

/* irq.c: hands over what the ACPI tables and the hardware say; pins are all masked already. */
int irq_add_ioapic(const struct irq_ioapic *io) must_check;
void irq_forget_all(void);              /* tests */

#endif
