/* SPDX-License-Identifier: BSD-2-Clause */
/* A host's parsed ACPI tables, for tests. */
#ifndef TESTS_DOM0_ACPI_HOST_H
#define TESTS_DOM0_ACPI_HOST_H

#include <dom0/acpi_tables.h>
#include <string.h>

static inline void host_table(struct acpi_info *h, const char *signature, uint64_t at)
{
    struct acpi_header *t = &h->table[h->table_count].header;

    memcpy(t->signature, signature, 4);
    t->revision = 5;
    memcpy(t->oem_id, "TESTER", 6);
    memcpy(t->oem_table_id, "TABLEOEM", 8);
    h->table[h->table_count++].address = hpa_of(at);
}

static inline void acpi_host_machine(struct acpi_info *h)
{
    memset(h, 0, sizeof(*h));
    memcpy(h->oem_id, "TESTER", 6);
    host_table(h, "FACP", 0x7ffe1000);
    host_table(h, "APIC", 0x7ffe2000);
    host_table(h, "HPET", 0x7ffe3000);
    host_table(h, "MCFG", 0x7ffe4000);
    host_table(h, "DMAR", 0x7ffe5000);
    host_table(h, "SSDT", 0x7ffe6000);
    host_table(h, "SSDT", 0x7ffe7000);
    h->ioapic_count = 2;
    h->ioapic[0] = (struct acpi_ioapic){ .id = 0, .address = 0xfec00000, .gsi_base = 0 };
    h->ioapic[1] = (struct acpi_ioapic){ .id = 8, .address = 0xfec01000, .gsi_base = 24 };
    h->override_count = 2;
    h->override[0] = (struct acpi_override){ .source = 0, .gsi = 2, .flags = 0 };
    h->override[1] = (struct acpi_override){ .source = 9, .gsi = 9, .flags = 13 };
}

#endif
