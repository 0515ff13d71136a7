/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's ACPI tables: found through the RSDP, checked (signature, length, checksum) and parsed by
 * pure functions over a window of physical memory. Nothing is written. Tables with errors are
 * skipped with a line in the log; only a missing RSDP or MADT is fatal (the caller decides).
 */
#ifndef X86_ACPI_H
#define X86_ACPI_H

#include <hv/types.h>
#include <x86/percpu.h>

#define ACPI_MAX_TABLES 64
#define ACPI_MAX_IOAPICS 16
#define ACPI_MAX_OVERRIDES 32
#define ACPI_MAX_MCFG 8

struct acpi_header { char signature[4]; uint32_t length; uint8_t revision, checksum; char oem_id[6];
                     char oem_table_id[8]; uint32_t oem_revision; char creator_id[4]; uint32_t creator_revision; } packed_struct;

struct acpi_cpu { uint32_t apic_id, uid; bool enabled, x2apic; };
struct acpi_ioapic { uint8_t id; uint32_t address, gsi_base; };
struct acpi_override { uint8_t source; uint32_t gsi; uint16_t flags; };
struct acpi_mcfg { uint64_t base; uint16_t segment; uint8_t bus_start, bus_end; };

struct acpi_info {
    hpa_t rsdp;
    uint8_t rsdp_revision;
    char oem_id[6];
    unsigned int table_count;
    struct { hpa_t address; struct acpi_header header; } table[ACPI_MAX_TABLES];   /* RSDT/XSDT entries */
    hpa_t xsdt, dsdt, facs;          /* xsdt: 0 when only an RSDT exists */
    unsigned int cpu_count;
    struct acpi_cpu cpu[MAX_CPUS];
    uint64_t lapic_address;
    unsigned int ioapic_count;
    struct acpi_ioapic ioapic[ACPI_MAX_IOAPICS];
    unsigned int override_count;
    struct acpi_override override[ACPI_MAX_OVERRIDES];
    unsigned int mcfg_count;
    struct acpi_mcfg mcfg[ACPI_MAX_MCFG];
    /* FADT */
    uint32_t pm1a_cnt_port, pm1b_cnt_port, pm_timer_port, pm1a_evt_port;
    uint16_t sci_irq;
    bool pm_timer_32bit;
    uint8_t reset_space, reset_value; uint64_t reset_address; bool reset_supported;
    hpa_t hpet;                      /* 0: none */
    bool dmar;
};

/* Reads through this port so that the parser runs on the host over a file. Returns NULL outside. */
struct acpi_memory { const void *(*map)(void *ctx, hpa_t a, size_t size); void *ctx; };

/* rsdp_copy: from multiboot2 tag 14/15, or NULL to scan the EBDA and 0xE0000-0xFFFFF.
 * 0, -ENOENT (no RSDP), -EINVAL (no usable RSDT/XSDT). */
int acpi_parse(const struct acpi_memory *mem, const void *rsdp_copy, size_t rsdp_size, struct acpi_info *info) must_check;
/* ISA interrupts that the edge/level control registers (ports 4D0, 4D1) call level-triggered and the MADT forgets to: the
 * links of a PIIX route PCI interrupts to them, and an operating system without a PIC has no other way to learn it.
 * elcr: both registers, all-ones or with one of the bits that are always 0: there are none. Pure. */
void acpi_add_elcr_overrides(struct acpi_info *info, uint16_t elcr);
/* The machine's tables, after boot parsed them. */
const struct acpi_info *acpi_host(void);
void acpi_set_host(const struct acpi_info *info);

#endif
