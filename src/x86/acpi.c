/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables, as far as a hypervisor reads them (ACPI 6.5 chapter 5.2). Firmware is not trusted to be
 * right: every length is checked against the table's, every table's against what can be mapped, and
 * what does not fit is skipped with a line in the log.
 */
#include <x86/acpi.h>

#include <hv/errno.h>
#include <lib/log.h>
#include <lib/string.h>

#define RSDP_V1_SIZE 20U
#define RSDP_V2_SIZE 36U
#define HEADER_SIZE sizeof(struct acpi_header)
#define TABLE_MAX (16U << 20)
#define GAS_IO 1U                   /* generic address: system I/O space */

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

/* Timer, keyboard, cascade, RTC, FPU: edge-triggered on every PC, their bits read 0. */
#define ELCR_ALWAYS_ZERO 0x2107U
#define MPS_LEVEL_LOW 0xfU         /* MADT flags: PCI's convention (ACPI 5.2.12.5) */

static const struct acpi_info *host;

const struct acpi_info *acpi_host(void) { return host; }
void acpi_set_host(const struct acpi_info *info) { host = info; }

static bool has_override(const struct acpi_info *info, uint8_t isa_irq)
{
    for (unsigned int i = 0; i < info->override_count; i++)
        if (info->override[i].source == isa_irq || info->override[i].gsi == isa_irq)
            return true;
    return false;
}

void acpi_add_elcr_overrides(struct acpi_info *info, uint16_t elcr)
{
    if (elcr & ELCR_ALWAYS_ZERO)
        return;
    for (uint8_t irq = 0; irq < 16 && info->override_count < ACPI_MAX_OVERRIDES; irq++)
        if (((elcr >> irq) & 1) != 0 && !has_override(info, irq))
            info->override[info->override_count++] =
                (struct acpi_override){ .source = irq, .gsi = irq, .flags = MPS_LEVEL_LOW };
}

/* One table while it is read: its bytes, and a reader that gives 0 beyond the end. */
struct table { const uint8_t *data; uint32_t length; hpa_t address; };

static uint64_t field(const struct table *t, uint32_t offset, unsigned int size)
{
    uint64_t v = 0;

    if (offset < t->length && size <= t->length - offset)
        memcpy(&v, t->data + offset, size);
    return v;
}

static uint8_t field8(const struct table *t, uint32_t at) { return (uint8_t)field(t, at, 1); }
static uint16_t field16(const struct table *t, uint32_t at) { return (uint16_t)field(t, at, 2); }
static uint32_t field32(const struct table *t, uint32_t at) { return (uint32_t)field(t, at, 4); }

static bool sums_to_zero(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == 0;
}

/* --- The root pointer ------------------------------------------------------------------------- */

static bool rsdp_is_valid(const uint8_t *p, size_t size)
{
    return size >= RSDP_V1_SIZE && memcmp(p, "RSD PTR ", 8) == 0 && sums_to_zero(p, RSDP_V1_SIZE);
}

static const uint8_t *rsdp_scan(const struct acpi_memory *mem, uint64_t start, uint64_t size,
                                hpa_t *at)
{
    for (uint64_t a = start; a < start + size; a += 16) {
        const uint8_t *p = mem->map(mem->ctx, hpa_of(a), RSDP_V1_SIZE);

        if (p != NULL && rsdp_is_valid(p, RSDP_V1_SIZE)) {
            *at = hpa_of(a);
            return p;
        }
    }
    return NULL;
}

/* ACPI 5.2.5.1: the first KiB of the EBDA, then the BIOS's read-only area. */
static const uint8_t *rsdp_search(const struct acpi_memory *mem, hpa_t *at)
{
    const uint8_t *bda = mem->map(mem->ctx, hpa_of(0x40e), 2);
    const uint8_t *p = NULL;
    uint64_t ebda = bda == NULL ? 0 : (uint64_t)(bda[0] | bda[1] << 8) << 4;

    if (ebda >= 0x400 && ebda < 0xa0000)
        p = rsdp_scan(mem, ebda, 1024, at);
    return p != NULL ? p : rsdp_scan(mem, 0xe0000, 0x20000, at);
}

struct roots { uint64_t rsdt, xsdt; };

static int rsdp_read(const struct acpi_memory *mem, const uint8_t *p, size_t size,
                     struct acpi_info *info, struct roots *roots)
{
    if (p == NULL || !rsdp_is_valid(p, size)) {
        if (p != NULL)
            log_warn("ACPI: the boot loader's RSDP is damaged, searching for another");
        p = rsdp_search(mem, &info->rsdp);
        if (p == NULL)
            return -ENOENT;
        size = RSDP_V1_SIZE;
        if (p[15] >= 2 && (p = mem->map(mem->ctx, info->rsdp, RSDP_V2_SIZE)) != NULL)
            size = RSDP_V2_SIZE;
        else
            p = mem->map(mem->ctx, info->rsdp, RSDP_V1_SIZE);
        if (p == NULL)
            return -ENOENT;
    }
    struct table t = { p, (uint32_t)size, info->rsdp };

    memcpy(info->oem_id, p + 9, sizeof(info->oem_id));
    info->rsdp_revision = p[15];
    roots->rsdt = field32(&t, 16);
    roots->xsdt = 0;
    if (p[15] >= 2 && size >= RSDP_V2_SIZE) {
        if (sums_to_zero(p, RSDP_V2_SIZE))
            roots->xsdt = field(&t, 24, 8);
        else
            log_warn("ACPI: the RSDP's extended checksum is wrong, using its RSDT");
    }
    return 0;
}

/* --- Tables ----------------------------------------------------------------------------------- */

static bool table_open(const struct acpi_memory *mem, uint64_t address, struct table *t)
{
    const struct acpi_header *h = mem->map(mem->ctx, hpa_of(address), HEADER_SIZE);
    uint32_t length;

    if (address == 0 || h == NULL) {
        log_warn("ACPI: no table can be read at %#lx, skipped", (unsigned long)address);
        return false;
    }
    memcpy(&length, &h->length, sizeof(length));
    t->address = hpa_of(address);
    t->length = length;
    t->data = NULL;
    if (length >= HEADER_SIZE && length <= TABLE_MAX)
        t->data = mem->map(mem->ctx, hpa_of(address), length);
    if (t->data == NULL) {
        log_warn("ACPI: table at %#lx claims %u bytes, skipped", (unsigned long)address, length);
        return false;
    }
    if (!sums_to_zero(t->data, length)) {
        log_warn("ACPI: table %.4s at %#lx has a wrong checksum, skipped", (const char *)t->data,
                 (unsigned long)address);
        return false;
    }
    return true;
}

/* An address that revision 2 and later keep in a 12-byte generic form: ports only. */
static uint32_t fadt_port(const struct table *t, uint32_t old, uint32_t generic)
{
    uint64_t a = field(t, generic + 4, 8);

    if (a != 0 && a <= 0xffff && field8(t, generic) == GAS_IO)
        return (uint32_t)a;
    a = field32(t, old);
    return a <= 0xffff ? (uint32_t)a : 0;
}

static uint64_t fadt_address(const struct table *t, uint32_t old, uint32_t wide)
{
    uint64_t a = field(t, wide, 8);

    return a != 0 ? a : field32(t, old);
}

static void parse_fadt(const struct table *t, struct acpi_info *info)
{
    uint32_t flags = field32(t, 112);

    info->facs = hpa_of(fadt_address(t, 36, 132));
    info->dsdt = hpa_of(fadt_address(t, 40, 140));
    info->sci_irq = field16(t, 46);
    info->pm1a_evt_port = fadt_port(t, 56, 148);
    info->pm1a_cnt_port = fadt_port(t, 64, 172);
    info->pm1b_cnt_port = fadt_port(t, 68, 184);
    info->pm_timer_port = field8(t, 91) == 4 ? fadt_port(t, 76, 208) : 0;
    info->pm_timer_32bit = flags & BIT(8);
    info->reset_supported = (flags & BIT(10)) && t->length >= 129;
    info->reset_space = field8(t, 116);
    info->reset_address = field(t, 120, 8);
    info->reset_value = field8(t, 128);
}

static void parse_hpet(const struct table *t, struct acpi_info *info)
{
    if (field8(t, 40) == 0)
        info->hpet = hpa_of(field(t, 44, 8));
}

static void parse_dmar(const struct table *t, struct acpi_info *info)
{
    (void)t;
    info->dmar = true;
}

static void parse_mcfg(const struct table *t, struct acpi_info *info)
{
    for (uint32_t at = 44; at + 16 <= t->length && info->mcfg_count < ACPI_MAX_MCFG; at += 16) {
        struct acpi_mcfg m = { .base = field(t, at, 8), .segment = field16(t, at + 8),
                               .bus_start = field8(t, at + 10), .bus_end = field8(t, at + 11) };

        if (m.base != 0 && m.bus_start <= m.bus_end)
            info->mcfg[info->mcfg_count++] = m;
        else
            log_warn("ACPI: MCFG entry at %#lx makes no sense, skipped", (unsigned long)m.base);
    }
}

/* --- MADT: processors and interrupt controllers ----------------------------------------------- */

struct madt_counts { unsigned int disabled, surplus; };

static void madt_cpu(struct acpi_info *info, struct madt_counts *n, struct acpi_cpu cpu)
{
    if (!cpu.enabled) {
        n->disabled++;
        return;
    }
    for (unsigned int i = 0; i < info->cpu_count; i++)
        if (info->cpu[i].apic_id == cpu.apic_id)
            return;
    if (info->cpu_count == MAX_CPUS)
        n->surplus++;
    else
        info->cpu[info->cpu_count++] = cpu;
}

static void madt_ioapic(struct acpi_info *info, const struct table *e)
{
    struct acpi_ioapic io = { .id = field8(e, 2), .address = field32(e, 4),
                              .gsi_base = field32(e, 8) };

    if (info->ioapic_count == ACPI_MAX_IOAPICS || io.address == 0)
        log_warn("ACPI: IO-APIC %u at %#x is not used", io.id, io.address);
    else
        info->ioapic[info->ioapic_count++] = io;
}

static void madt_override(struct acpi_info *info, const struct table *e)
{
    struct acpi_override o = { .source = field8(e, 3), .gsi = field32(e, 4),
                               .flags = field16(e, 8) };

    if (info->override_count == ACPI_MAX_OVERRIDES || field8(e, 2) != 0)
        log_warn("ACPI: override of interrupt %u is not used", o.source);
    else
        info->override[info->override_count++] = o;
}

static const uint8_t madt_sizes[] = { [0] = 8, [1] = 12, [2] = 10, [5] = 12, [9] = 16 };

static void madt_entry(struct acpi_info *info, struct madt_counts *n, const struct table *e)
{
    uint8_t type = field8(e, 0);

    if (type < ARRAY_COUNT(madt_sizes) && e->length < madt_sizes[type]) {
        log_warn("ACPI: MADT entry of type %u has %u bytes, skipped", type, e->length);
        return;
    }
    switch (type) {
    case 0:
        if (field8(e, 3) != 0xff)
            madt_cpu(info, n, (struct acpi_cpu){ .uid = field8(e, 2), .apic_id = field8(e, 3),
                                                 .enabled = field32(e, 4) & 1 });
        break;
    case 1:
        madt_ioapic(info, e);
        break;
    case 2:
        madt_override(info, e);
        break;
    case 5:
        info->lapic_address = field(e, 4, 8);
        break;
    case 9:
        madt_cpu(info, n, (struct acpi_cpu){ .uid = field32(e, 12), .apic_id = field32(e, 4),
                                             .enabled = field32(e, 8) & 1, .x2apic = true });
        break;
    default:
        break;
    }
}

static void parse_madt(const struct table *t, struct acpi_info *info)
{
    struct madt_counts n = { 0, 0 };
    uint32_t at = 44;

    info->lapic_address = field32(t, 36);
    while (at + 2 <= t->length) {
        struct table e = { t->data + at, t->data[at + 1], t->address };

        if (e.length < 2 || e.length > t->length - at) {
            log_warn("ACPI: MADT entry at offset %u has length %u, the rest is ignored", at,
                     e.length);
            break;
        }
        madt_entry(info, &n, &e);
        at += e.length;
    }
    if (n.disabled != 0)
        log_info("ACPI: %u disabled CPUs", n.disabled);
    if (n.surplus != 0)
        log_warn("ACPI: %u CPUs more than the %u supported, left alone", n.surplus, MAX_CPUS);
}

/* --- All together ----------------------------------------------------------------------------- */

static const struct {
    char signature[5];
    void (*parse)(const struct table *t, struct acpi_info *info);
} parsers[] = {
    { "APIC", parse_madt }, { "FACP", parse_fadt }, { "MCFG", parse_mcfg },
    { "HPET", parse_hpet }, { "DMAR", parse_dmar },
};

static bool is_known(const struct acpi_info *info, const struct table *t)
{
    for (unsigned int i = 0; i < info->table_count; i++)
        if (memcmp(info->table[i].header.signature, t->data, 4) == 0)
            return true;
    return false;
}

static void add_table(const struct acpi_memory *mem, uint64_t address, struct acpi_info *info)
{
    struct table t;

    if (!table_open(mem, address, &t))
        return;
    if (info->table_count == ACPI_MAX_TABLES) {
        log_warn("ACPI: too many tables, %.4s skipped", (const char *)t.data);
        return;
    }
    /* Of tables that should be there once the first counts. */
    for (unsigned int i = 0; i < ARRAY_COUNT(parsers); i++)
        if (memcmp(t.data, parsers[i].signature, 4) == 0 && !is_known(info, &t))
            parsers[i].parse(&t, info);
    info->table[info->table_count].address = t.address;
    memcpy(&info->table[info->table_count].header, t.data, HEADER_SIZE);
    info->table_count++;
}

static bool walk_root(const struct acpi_memory *mem, uint64_t address, const char *signature,
                      unsigned int entry_size, struct acpi_info *info)
{
    struct table root;

    if (address == 0 || !table_open(mem, address, &root))
        return false;
    if (memcmp(root.data, signature, 4) != 0) {
        log_warn("ACPI: no %s at %#lx", signature, (unsigned long)address);
        return false;
    }
    for (uint32_t at = HEADER_SIZE; at + entry_size <= root.length; at += entry_size)
        add_table(mem, field(&root, at, entry_size), info);
    return true;
}

int acpi_parse(const struct acpi_memory *mem, const void *rsdp_copy, size_t rsdp_size,
               struct acpi_info *info)
{
    struct roots roots;
    int rc;

    memset(info, 0, sizeof(*info));
    rc = rsdp_read(mem, rsdp_copy, rsdp_size, info, &roots);
    if (rc != 0)
        return rc;
    if (walk_root(mem, roots.xsdt, "XSDT", 8, info)) {
        info->xsdt = hpa_of(roots.xsdt);
        return 0;
    }
    return walk_root(mem, roots.rsdt, "RSDT", 4, info) ? 0 : -EINVAL;
}
