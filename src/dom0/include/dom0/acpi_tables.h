/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables that dom0 is given instead of the firmware's: an RSDP of revision 2, an XSDT
 * with the tables that are let through, and a MADT with dom0's vCPUs as local x2APIC entries {uid
 * i, APIC id 2i}, the host's IO-APICs and its interrupt overrides. FADT, DSDT and SSDTs are the
 * firmware's own, untouched, at their own addresses.
 *
 * Boot code only, one CPU, no locks. Pure: writes into a buffer that will stand at guest-physical
 * `at`. Source: ACPI specification, sections 5.2.5 (RSDP), 5.2.8 (XSDT), 5.2.12 (MADT).
 */
#ifndef DOM0_ACPI_TABLES_H
#define DOM0_ACPI_TABLES_H

#include <hv/compiler.h>
#include <x86/acpi.h>

/* Bytes that dom0_acpi_build() will use. */
size_t dom0_acpi_size(const struct acpi_info *host, unsigned int vcpus);
/* Returns bytes used, 0 if size is too small. The RSDP is at the start of the buffer. mem may be
 * NULL. */
size_t dom0_acpi_build(const struct acpi_info *host, const struct acpi_memory *mem,
                       unsigned int vcpus, uint64_t at, void *buf, size_t size) must_check;
/*
 * Whether dom0 sees a table of the host. Not let through: what describes the hypervisor's devices
 * (DMAR, IVRS, HPET), the host's topology (SRAT, SLIT), error sources that would fight over
 * machine checks (HEST, BERT, ERST, EINJ), and anything unknown.
 */
bool dom0_acpi_table_allowed(const char signature[4]);

#endif
