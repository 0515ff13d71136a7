/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables that dom0 is given instead of the firmware's: RSDP rev 2, XSDT with the tables allowed through, MADT with dom0's
 * vCPUs as local x2APIC entries (facts: ACPI for a PVH dom0). Pure: writes into a buffer that will stand at guest-physical `at`. */
#ifndef DOM0_ACPI_TABLES_H
#define DOM0_ACPI_TABLES_H

#include <x86/acpi.h>

size_t dom0_acpi_size(const struct acpi_info *host, unsigned int vcpus);
/* Returns bytes used, 0 if size is too small. The RSDP is at the start of the buffer. */
size_t dom0_acpi_build(const struct acpi_info *host, const struct acpi_memory *mem, unsigned int vcpus, uint64_t at, void *buf, size_t size) must_check;
bool dom0_acpi_table_allowed(const char signature[4]);

#endif
