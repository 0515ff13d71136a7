/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2). The table's rows as dom0 wrote them are kept here; the device's row holds
 * a message of the host, bound when dom0 first unmasks the row, and dom0's mask bit. A row without a vector stays masked
 * at the device. Changing the message of a bound row (that is how dom0 moves an interrupt to another CPU) only changes
 * where the host's vector leads. The function's mask and enable bits are the device's own.
 */
#include "vpci_parts.h"

#include <hv/compiler.h>

#define CONTROL_SIZE 0x7ffU
#define CONTROL_MASKED BIT(30)     /* in the capability's first register */
#define CONTROL_ENABLED BIT(31)
#define ROW_SIZE 16U
#define ROW_MASKED 1U
enum { ROW_ADDRESS = 0, ROW_HIGH = 4, ROW_DATA = 8, ROW_CONTROL = 12 };

static bool take_rows(struct vpci *p, struct vpci_function *f, unsigned int count)
{
    struct vpci_entry *rows = f->msix.entry;

    if (rows == NULL || f->msix.count < count) {
        if (p->entry_max - p->entry_used < count)
            return false;
        rows = &p->entry[p->entry_used];
        p->entry_used += count;
    }
    f->msix.entry = rows;
    f->msix.count = (uint16_t)count;
    for (unsigned int i = 0; i < count; i++)
        rows[i] = (struct vpci_entry){ .masked = true };
    return true;
}

void vmsix_find(struct vpci *p, struct vpci_function *f, uint8_t cap)
{
    uint32_t head = cfg_read(p, f, cap, 4), table = cfg_read(p, f, cap + 4U, 4);

    if (!take_rows(p, f, (head >> 16 & CONTROL_SIZE) + 1)) {
        function_warn(f, "no room for its MSI-X table of this many rows:", (head >> 16 & CONTROL_SIZE) + 1);
        f->msix.entry = NULL;
        f->msix.count = 0;
    }
    f->msix.cap = cap;
    f->msix.bar = table & 7;
    f->msix.offset = table & ~7U;
    /* What the firmware left enabled is not dom0's. */
    if (head & CONTROL_ENABLED)
        cfg_write(p, f, cap + 2U, 2, (uint32_t)((head & ~CONTROL_ENABLED) >> 16));
}

static uint64_t table_size(const struct vpci_function *f) { return (uint64_t)f->msix.count * ROW_SIZE; }

bool vmsix_pages(const struct vpci_function *f, uint64_t *first, uint64_t *last)
{
    if (f->msix.at == 0 || f->msix.count == 0)
        return false;
    *first = f->msix.at & PAGE_MASK;
    *last = (f->msix.at + table_size(f) - 1) | ~PAGE_MASK;
    return true;
}

bool vmsix_has(const struct vpci_function *f, const struct io_req *req)
{
    return f->msix.at != 0 && req->addr + req->size > f->msix.at && req->addr < f->msix.at + table_size(f);
}

/* ---- rows ---- */

static void device_write(struct vpci *p, const struct vpci_function *f, unsigned int row, unsigned int reg,
                         uint32_t value)
{
    if (f->msix.at != 0)
        p->msi->table_write(p->msi->ctx, f->msix.at + (uint64_t)row * ROW_SIZE + reg, value);
}

static uint32_t device_control(const struct vpci_entry *e)
{
    return e->masked || e->vector == 0 ? ROW_MASKED : 0;
}

static void device_write_row(struct vpci *p, const struct vpci_function *f, unsigned int row)
{
    const struct vpci_entry *e = &f->msix.entry[row];

    device_write(p, f, row, ROW_CONTROL, ROW_MASKED);
    if (e->vector == 0)
        return;
    device_write(p, f, row, ROW_ADDRESS, e->host.address);
    device_write(p, f, row, ROW_HIGH, 0);
    device_write(p, f, row, ROW_DATA, e->host.data);
    device_write(p, f, row, ROW_CONTROL, device_control(e));
}

/* Binds a row that is wanted, and says where its vector leads. */
static void settle_row(struct vpci *p, struct vpci_function *f, unsigned int row)
{
    struct vpci_entry *e = &f->msix.entry[row];
    struct ioapic_msg msg;
    bool good = vpci_message_decode(e->address, e->data, &msg);
    int vector;

    if (f->msix.enabled && !f->msix.masked && !e->masked && e->vector == 0) {
        if (!good) {
            function_warn(f, "MSI-X row unmasked that leads to nobody, address", e->address);
            return;
        }
        vector = p->msi->bind(p->msi->ctx, 1, &e->host);
        if (vector <= 0)
            function_warn(f, "no free vector for MSI-X row", row);
        else
            e->vector = (uint8_t)vector;
    }
    if (e->vector != 0)
        p->msi->route(p->msi->ctx, e->vector, good ? &msg : NULL);
}

void vmsix_moved(struct vpci *p, struct vpci_function *f)
{
    for (unsigned int row = 0; f->msix.enabled && row < f->msix.count; row++)
        device_write_row(p, f, row);
}

void vmsix_release(struct vpci *p, struct vpci_function *f)
{
    for (unsigned int row = 0; row < f->msix.count; row++) {
        struct vpci_entry *e = &f->msix.entry[row];

        if (e->vector == 0)
            continue;
        p->msi->unbind(p->msi->ctx, e->vector, 1);
        e->vector = 0;
    }
}

/* ---- the capability ---- */

bool vmsix_covers(const struct vpci_function *f, unsigned int reg)
{
    return f->msix.cap != 0 && reg >= f->msix.cap && reg - f->msix.cap < 4;
}

void vmsix_control_write(struct vpci *p, struct vpci_function *f, unsigned int reg, const struct io_req *req)
{
    uint32_t head = dword_merge(cfg_read(p, f, f->msix.cap, 4), reg, req);

    if (f->msix.count == 0)
        return;
    f->msix.enabled = head & CONTROL_ENABLED;
    f->msix.masked = head & CONTROL_MASKED;
    for (unsigned int row = 0; f->msix.enabled && row < f->msix.count; row++) {
        settle_row(p, f, row);
        device_write_row(p, f, row);
    }
    cfg_write(p, f, f->msix.cap + 2U, 2, head >> 16);
    if (!f->msix.enabled)
        vmsix_release(p, f);
}

/* ---- the table ---- */

static uint32_t read_word(const struct vpci_entry *e, unsigned int reg)
{
    switch (reg) {
    case ROW_ADDRESS: return (uint32_t)e->address;
    case ROW_HIGH: return (uint32_t)(e->address >> 32);
    case ROW_DATA: return e->data;
    default: return e->masked ? ROW_MASKED : 0;
    }
}

static void write_word(struct vpci *p, struct vpci_function *f, unsigned int row, unsigned int reg,
                       uint32_t value)
{
    struct vpci_entry *e = &f->msix.entry[row];
    bool was_bound = e->vector != 0;

    switch (reg) {
    case ROW_ADDRESS: e->address = (e->address & ~0xffffffffULL) | (value & ~3U); break;
    case ROW_HIGH: e->address = (uint64_t)value << 32 | (uint32_t)e->address; break;
    case ROW_DATA: e->data = value; break;
    default: e->masked = value & ROW_MASKED; break;
    }
    settle_row(p, f, row);
    /* The mask bit alone, on the way that an interrupt handler takes; everything after anything else, because it may
     * follow a reset of the device. */
    if (reg == ROW_CONTROL && was_bound)
        device_write(p, f, row, ROW_CONTROL, device_control(e));
    else
        device_write_row(p, f, row);
}

void vmsix_table_access(struct vpci *p, struct vpci_function *f, struct io_req *req)
{
    uint64_t offset = req->addr - f->msix.at;

    /* Words and pairs of words; anything else is undefined (6.8.2): nothing, and all-ones. */
    if ((req->size != 4 && req->size != 8) || req->addr < f->msix.at || offset % req->size != 0 ||
        offset + req->size > table_size(f)) {
        if (!req->write)
            req->data = io_all_ones(req->size);
        return;
    }
    for (unsigned int i = 0; i < req->size; i += 4) {
        unsigned int row = (unsigned int)array_index_nospec((offset + i) / ROW_SIZE, f->msix.count);
        unsigned int reg = (unsigned int)(offset + i) % ROW_SIZE;

        if (req->write)
            write_word(p, f, row, reg, (uint32_t)(req->data >> (8 * i)));
        else if (i == 0)
            req->data = read_word(&f->msix.entry[row], reg);
        else
            req->data |= (uint64_t)read_word(&f->msix.entry[row], reg) << 32;
    }
}
