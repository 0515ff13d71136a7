/* SPDX-License-Identifier: BSD-2-Clause */
/* RSDP, XSDT and MADT for dom0, one behind the other in one buffer. */
#include <dom0/acpi_tables.h>

#include <lib/string.h>

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt_address, length;
    uint64_t xsdt_address;
    uint8_t extended_checksum, reserved[3];
} packed_struct;
struct madt { struct acpi_header header; uint32_t lapic_address, flags; } packed_struct;
struct madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi_base;
} packed_struct;
struct madt_override {
    uint8_t type, length, bus, source;
    uint32_t gsi;
    uint16_t flags;
} packed_struct;
struct madt_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t id, flags, uid;
} packed_struct;

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI table header");
_Static_assert(sizeof(struct rsdp) == 36, "RSDP revision 2");
_Static_assert(sizeof(struct madt) == 44, "MADT");
_Static_assert(sizeof(struct madt_ioapic) == 12 && sizeof(struct madt_override) == 10 &&
               sizeof(struct madt_x2apic) == 16, "MADT entries");

#define RSDP_V1_SIZE 20U
#define MADT_IOAPIC 1
#define MADT_OVERRIDE 2
#define MADT_X2APIC 9
#define MADT_REVISION_MAX 4         /* the last one whose entries are as written here */
#define LAPIC_ADDRESS 0xfee00000U
#define ENABLED 1U

init_text bool dom0_acpi_table_allowed(const char signature[4])
{
    static const char allowed[][4] = {
        "FACP", "PSDT", "SSDT", "SBST", "MCFG", "SLIC", "MSDM", "WDAT", "FPDT", "S3PT",
    };

    for (size_t i = 0; i < ARRAY_COUNT(allowed); i++)
        if (memcmp(signature, allowed[i], 4) == 0)
            return true;
    return false;
}

static init_text unsigned int allowed_count(const struct acpi_info *host)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < host->table_count; i++)
        n += dom0_acpi_table_allowed(host->table[i].header.signature);
    return n;
}

static init_text size_t xsdt_size(const struct acpi_info *host)
{
    return sizeof(struct acpi_header) + (allowed_count(host) + 1) * sizeof(uint64_t);
}

static init_text size_t madt_size(const struct acpi_info *host, unsigned int vcpus)
{
    return sizeof(struct madt) + host->ioapic_count * sizeof(struct madt_ioapic) +
           host->override_count * sizeof(struct madt_override) + vcpus * sizeof(struct madt_x2apic);
}

static init_text size_t xsdt_offset(void)
{
    return ALIGN_UP(sizeof(struct rsdp), 16UL);
}

static init_text size_t madt_offset(const struct acpi_info *host)
{
    return xsdt_offset() + ALIGN_UP(xsdt_size(host), 16UL);
}

init_text size_t dom0_acpi_size(const struct acpi_info *host, unsigned int vcpus)
{
    return madt_offset(host) + madt_size(host, vcpus);
}

static init_text uint8_t checksum(const void *data, size_t size)
{
    const uint8_t *p = data;
    unsigned int sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += p[i];
    return (uint8_t)(0U - sum);
}

/* The host's header of that table, or at least somebody's: OEM quirks by name still apply. */
static init_text struct acpi_header borrow_header(const struct acpi_info *host,
                                                  const char *signature)
{
    struct acpi_header h = { .revision = 1 };

    if (host->table_count)
        h = host->table[0].header;
    for (unsigned int i = 0; i < host->table_count; i++)
        if (memcmp(host->table[i].header.signature, signature, 4) == 0) {
            h = host->table[i].header;
            break;
        }
    memcpy(h.signature, signature, 4);
    return h;
}

static init_text void seal(struct acpi_header *h, size_t length)
{
    h->length = (uint32_t)length;
    h->checksum = 0;
    h->checksum = checksum(h, length);
}

static init_text void build_rsdp(const struct acpi_info *host, uint64_t xsdt, struct rsdp *r)
{
    memcpy(r->signature, "RSD PTR ", 8);
    memcpy(r->oem_id, host->oem_id, sizeof(r->oem_id));
    r->revision = 2;
    r->length = sizeof(*r);
    r->xsdt_address = xsdt;
    r->checksum = checksum(r, RSDP_V1_SIZE);
    r->extended_checksum = checksum(r, sizeof(*r));
}

static init_text void build_xsdt(const struct acpi_info *host, const struct acpi_memory *mem,
                                 uint64_t madt, struct acpi_header *x)
{
    const struct acpi_header *native = NULL;
    uint8_t *entry = (uint8_t *)(x + 1);

    if (host->xsdt.v != 0 && mem)
        native = mem->map(mem->ctx, host->xsdt, sizeof(*native));
    *x = native ? *native : borrow_header(host, "FACP");
    memcpy(x->signature, "XSDT", 4);
    x->revision = 1;
    memcpy(entry, &madt, sizeof(madt));
    for (unsigned int i = 0; i < host->table_count; i++)
        if (dom0_acpi_table_allowed(host->table[i].header.signature)) {
            entry += sizeof(uint64_t);
            memcpy(entry, &host->table[i].address.v, sizeof(uint64_t));
        }
    seal(x, xsdt_size(host));
}

static init_text uint8_t *append(uint8_t *at, const void *entry, size_t size)
{
    memcpy(at, entry, size);
    return at + size;
}

static init_text uint8_t *add_ioapic(uint8_t *at, const struct acpi_ioapic *io)
{
    struct madt_ioapic e = { MADT_IOAPIC, sizeof(e), io->id, 0, io->address, io->gsi_base };

    return append(at, &e, sizeof(e));
}

static init_text uint8_t *add_override(uint8_t *at, const struct acpi_override *o)
{
    struct madt_override e = { MADT_OVERRIDE, sizeof(e), 0, o->source, o->gsi, o->flags };

    return append(at, &e, sizeof(e));
}

static init_text uint8_t *add_vcpu(uint8_t *at, unsigned int vcpu)
{
    struct madt_x2apic e = { MADT_X2APIC, sizeof(e), 0, 2 * vcpu, ENABLED, vcpu };

    return append(at, &e, sizeof(e));
}

static init_text void build_madt(const struct acpi_info *host, unsigned int vcpus, struct madt *m)
{
    uint8_t *at = (uint8_t *)(m + 1);

    m->header = borrow_header(host, "APIC");
    if (m->header.revision > MADT_REVISION_MAX)
        m->header.revision = MADT_REVISION_MAX;
    m->lapic_address = LAPIC_ADDRESS;
    m->flags = 0;   /* no PC/AT PICs: Linux shall look for one, and find none */
    for (unsigned int i = 0; i < host->ioapic_count; i++)
        at = add_ioapic(at, &host->ioapic[i]);
    for (unsigned int i = 0; i < vcpus; i++)
        at = add_vcpu(at, i);
    for (unsigned int i = 0; i < host->override_count; i++)
        at = add_override(at, &host->override[i]);
    seal(&m->header, madt_size(host, vcpus));
}

init_text size_t dom0_acpi_build(const struct acpi_info *host, const struct acpi_memory *mem,
                                 unsigned int vcpus, uint64_t at, void *buf, size_t size)
{
    size_t need = dom0_acpi_size(host, vcpus);
    uint8_t *p = buf;

    if (need > size)
        return 0;
    memset(buf, 0, need);
    build_rsdp(host, at + xsdt_offset(), (struct rsdp *)p);
    build_xsdt(host, mem, at + madt_offset(host), (struct acpi_header *)(p + xsdt_offset()));
    build_madt(host, vcpus, (struct madt *)(p + madt_offset(host)));
    return need;
}
