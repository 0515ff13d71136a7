/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host interrupts. Vectors are allocated per use; IO-APIC pins are addressed by GSI. A device
 * handler runs with IRQs off and does the minimum; "level" GSIs stay masked after the handler until irq_gsi_eoi().
 */
#ifndef X86_IRQ_H
#define X86_IRQ_H

#include <hv/types.h>

/* fn runs with IRQs off inside the interrupt; irq is the GSI, or the vector of an MSI. */
struct irq_handler { void (*fn)(void *ctx, unsigned int irq); void *ctx; };

/* Boot CPU, after acpi_set_host() and paging_init(): silences the PICs, enables the local APIC, maps the
 * IO-APICs with all pins masked. */
void irq_init(void);

/* Called by the trap entry and by the VM-exit path for an external-interrupt exit. IRQs off. */
void irq_dispatch(uint8_t vector);

unsigned int irq_gsi_count(void);
/* Routes a GSI (masked until irq_gsi_unmask) to CPU cpu with a fresh vector. -EBUSY: ours or taken;
 * -EINVAL: no IO-APIC has this pin; -ENOSPC: out of vectors. */
int irq_gsi_bind(unsigned int gsi, bool level, bool active_low, unsigned int cpu, struct irq_handler h);
/* A handler that already started may still be running on another CPU when this returns. */
void irq_gsi_unbind(unsigned int gsi);
void irq_gsi_mask(unsigned int gsi);
void irq_gsi_unmask(unsigned int gsi);
void irq_gsi_eoi(unsigned int gsi);                 /* level: the guest has ended it, unmask again */
int irq_gsi_set_cpu(unsigned int gsi, unsigned int cpu);
/* Dynamic vectors for an MSI: address/data to program into the device. count is a power of two up to
 * 32 and the first vector aligned to it, as multi-message MSI wants; handlers are called with the
 * vector. -EINVAL, -ENOSPC. irq_msi_unbind() takes the first vector and frees the whole block. */
struct irq_msi { uint8_t vector; uint64_t address; uint32_t data; };
int irq_msi_bind(unsigned int cpu, unsigned int count, struct irq_handler h, struct irq_msi *msi);
void irq_msi_unbind(uint8_t vector);

struct irq_ioapic { uint8_t id; hpa_t address; unsigned int gsi_base, pins; uint32_t version; };
unsigned int irq_ioapic_count(void);
const struct irq_ioapic *irq_ioapic(unsigned int index);
/* ISA line -> GSI with the MADT's overrides. */
struct irq_isa_route { unsigned int gsi; bool level, active_low; };
struct irq_isa_route irq_isa_route(unsigned int isa_irq);
void irq_dump(void);

#endif
