/* SPDX-License-Identifier: BSD-2-Clause */
/* The IO-APICs' registers, behind their index and data windows, and the end of the legacy PICs. */
#include "irq_hw.h"

#include <hv/assert.h>
#include <lib/log.h>
#include <x86/acpi.h>
#include <x86/cpu.h>
#include <x86/paging.h>

#include "lapic.h"
#include "vectors.h"

#define IOAPIC_INDEX 0x00U
#define IOAPIC_DATA 0x10U
#define IOAPIC_REG_VERSION 1U
#define IOAPIC_REG_RTE(pin) (0x10U + 2 * (pin))

#define PIC1 0x20
#define PIC2 0xa0

static volatile uint32_t *window[ACPI_MAX_IOAPICS] ro_after_init;

static uint32_t reg_read(volatile uint32_t *w, unsigned int reg)
{
    w[IOAPIC_INDEX / 4] = reg;
    return w[IOAPIC_DATA / 4];
}

static void reg_write(volatile uint32_t *w, unsigned int reg, uint32_t value)
{
    w[IOAPIC_INDEX / 4] = reg;
    w[IOAPIC_DATA / 4] = value;
}

uint64_t ioapic_read_rte(unsigned int ioapic, unsigned int pin)
{
    volatile uint32_t *w = window[ioapic];

    return reg_read(w, IOAPIC_REG_RTE(pin)) |
           (uint64_t)reg_read(w, IOAPIC_REG_RTE(pin) + 1) << 32;
}

void ioapic_write_rte_low(unsigned int ioapic, unsigned int pin, uint32_t low)
{
    reg_write(window[ioapic], IOAPIC_REG_RTE(pin), low);
}

void ioapic_write_rte(unsigned int ioapic, unsigned int pin, uint64_t rte)
{
    volatile uint32_t *w = window[ioapic];

    reg_write(w, IOAPIC_REG_RTE(pin), (uint32_t)(rte | RTE_MASKED));
    reg_write(w, IOAPIC_REG_RTE(pin) + 1, (uint32_t)(rte >> 32));
    if (!(rte & RTE_MASKED))
        reg_write(w, IOAPIC_REG_RTE(pin), (uint32_t)rte);
}

/* 8259A: initialised to the vectors set aside for its spurious interrupts, then masked for good. */
static init_text void silence_pics(void)
{
    cpu_out8(PIC1 + 1, 0xff);
    cpu_out8(PIC2 + 1, 0xff);
    cpu_out8(PIC1, 0x11);
    cpu_out8(PIC1 + 1, VECTOR_PIC_FIRST);
    cpu_out8(PIC1 + 1, 4);
    cpu_out8(PIC1 + 1, 1);
    cpu_out8(PIC2, 0x11);
    cpu_out8(PIC2 + 1, VECTOR_PIC_FIRST + 8);
    cpu_out8(PIC2 + 1, 2);
    cpu_out8(PIC2 + 1, 1);
    cpu_out8(PIC1 + 1, 0xff);
    cpu_out8(PIC2 + 1, 0xff);
}

static init_text void add_ioapic(const struct acpi_ioapic *a)
{
    volatile uint32_t *w = map_device(hpa_of(a->address), PAGE_SIZE, MAP_UC);
    struct irq_ioapic io = { .id = a->id, .address = hpa_of(a->address), .gsi_base = a->gsi_base };
    unsigned int index = irq_ioapic_count();

    BUG_ON(w == NULL);
    io.version = reg_read(w, IOAPIC_REG_VERSION);
    io.pins = (io.version >> 16 & 0xff) + 1;
    window[index] = w;
    if (io.version == UINT32_MAX || irq_add_ioapic(&io) != 0) {
        log_warn("IO-APIC %u at %#x (GSI %u, version %#x) is not usable", a->id, a->address,
                 a->gsi_base, io.version);
        return;
    }
    for (unsigned int pin = 0; pin < io.pins; pin++)
        reg_write(w, IOAPIC_REG_RTE(pin), (uint32_t)RTE_MASKED);
    log_info("IO-APIC %u at %#x: GSI %u-%u", a->id, a->address, io.gsi_base,
             io.gsi_base + io.pins - 1);
}

init_text void irq_init(void)
{
    const struct acpi_info *acpi = acpi_host();

    silence_pics();
    lapic_init_cpu();
    for (unsigned int i = 0; acpi != NULL && i < acpi->ioapic_count; i++)
        add_ioapic(&acpi->ioapic[i]);
    if (irq_ioapic_count() == 0)
        log_err("no usable IO-APIC: devices will not interrupt");
}
