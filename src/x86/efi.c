/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system table and what hangs from it (UEFI 2.10, 4.3 and 4.6). Firmware is trusted to be no enemy,
 * but not to be right: what lies outside of its own regions is not followed.
 */
#include <x86/efi.h>

#include <lib/log.h>
#include <lib/string.h>

#define SYSTEM_SIGNATURE 0x5453595320494249ULL      /* "IBI SYST" */
#define RUNTIME_SIGNATURE 0x56524553544e5552ULL     /* "RUNTSERV" */
#define CONFIG_ENTRY_SIZE 24U      /* a GUID and a pointer */
#define CONFIG_MAX 256U

struct table_header { uint64_t signature; uint32_t revision, size, crc, reserved; };
struct system_table {
    struct table_header header;
    uint64_t vendor;
    uint32_t firmware_revision, pad;
    uint64_t consoles[6], runtime, boot, config_count, config;
};
struct runtime_table { struct table_header header; uint64_t service[EFI_SERVICE_COUNT]; };

_Static_assert(offsetof(struct system_table, runtime) == 88, "UEFI 4.3");
_Static_assert(sizeof(struct system_table) == 120, "UEFI 4.3");
_Static_assert(sizeof(struct runtime_table) == 136, "UEFI 4.5");

const struct efi_region *efi_region_of(const struct efi_machine *m, uint64_t address)
{
    for (unsigned int i = 0; i < m->region_count; i++)
        if (address >= m->region[i].start && address - m->region[i].start < m->region[i].size)
            return &m->region[i];
    return NULL;
}

/* All of [at, at + size) belongs to the firmware at runtime. */
static init_text bool is_runtime(const struct efi_machine *m, uint64_t at, uint64_t size)
{
    while (size > 0) {
        const struct efi_region *r = efi_region_of(m, at);
        uint64_t left;

        if (r == NULL || !(r->attributes & EFI_ATTR_RUNTIME))
            return false;
        left = r->size - (at - r->start);
        if (left >= size)
            return true;
        at += left;
        size -= left;
    }
    return true;
}

static init_text bool copy(const struct acpi_memory *mem, const struct efi_machine *m, uint64_t at,
                           void *to, size_t size)
{
    const void *p = is_runtime(m, at, size) ? mem->map(mem->ctx, hpa_of(at), size) : NULL;

    if (p != NULL)
        memcpy(to, p, size);
    return p != NULL;
}

/* Unit by unit: nothing says how long it is. */
static init_text void copy_vendor(const struct acpi_memory *mem, uint64_t at, struct efi_machine *m)
{
    for (unsigned int i = 0; i + 1 < EFI_VENDOR_MAX; i++)
        if (!copy(mem, m, at + 2UL * i, &m->vendor[i], 2) || m->vendor[i] == 0)
            return;
}

static init_text void read_services(const struct acpi_memory *mem, uint64_t at, struct efi_machine *m)
{
    struct runtime_table t;

    if (!copy(mem, m, at, &t, sizeof(t)) || t.header.signature != RUNTIME_SIGNATURE) {
        log_warn("UEFI: no table of runtime services at %#lx, doing without", (unsigned long)at);
        return;
    }
    m->runtime_revision = t.header.revision;
    m->runtime = true;
    for (unsigned int i = 0; i < EFI_SERVICE_COUNT; i++)
        if (is_runtime(m, t.service[i], 1))
            m->service[i] = t.service[i];
}

init_text bool efi_parse(const struct acpi_memory *mem, uint64_t system_table, struct efi_machine *out)
{
    struct system_table t;

    out->present = out->runtime = false;
    if (!copy(mem, out, system_table, &t, sizeof(t)) || t.header.signature != SYSTEM_SIGNATURE) {
        log_warn("UEFI: no system table at %#lx, doing without", (unsigned long)system_table);
        return false;
    }
    out->present = true;
    out->revision = t.header.revision;
    out->firmware_revision = t.firmware_revision;
    copy_vendor(mem, t.vendor, out);
    if (t.config_count <= CONFIG_MAX && is_runtime(out, t.config, t.config_count * CONFIG_ENTRY_SIZE)) {
        out->config_table = t.config;
        out->config_count = (uint32_t)t.config_count;
    } else {
        log_warn("UEFI: %lu configuration tables at %#lx are not used", (unsigned long)t.config_count,
                 (unsigned long)t.config);
    }
    read_services(mem, t.runtime, out);
    return true;
}
