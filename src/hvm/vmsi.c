/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSI capability (PCI Local Bus 3.0, 6.8.1): dom0's address, data and number of messages are kept here, the device
 * has the host's. Several messages share one address; the device replaces the low bits of the data, in dom0's
 * vectors as in the host's. Mask and pending bits are the device's own.
 */
#include "vpci_parts.h"

#define CONTROL_ENABLE BIT(16)     /* in the first register, behind id and next pointer */
#define CONTROL_LOG2_SHIFT 20
#define CONTROL_LOG2 (7U << CONTROL_LOG2_SHIFT)
#define CONTROL_CAPABLE_SHIFT 17
#define CONTROL_WIDE BIT(23)
#define CONTROL_MASKABLE BIT(24)
#define MAX_LOG2 5U

#define ADDRESS_FIXED 0xfee00000U
#define ADDRESS_FIXED_BITS 0xfffffffffff00ff0ULL
#define ADDRESS_LOGICAL 0x4U
#define DATA_LEVEL 0x8000U
#define VECTOR_MIN 16U

bool vpci_message_decode(uint64_t address, uint32_t data, struct ioapic_msg *msg)
{
    /* Fixed and lowest priority: the rest (SMI, NMI, INIT) is no device's business. */
    if ((address & ADDRESS_FIXED_BITS) != ADDRESS_FIXED || (data >> 8 & 7) > 1 || (data & DATA_LEVEL) != 0 ||
        (data & 0xff) < VECTOR_MIN)
        return false;
    *msg = (struct ioapic_msg){ .vector = (uint8_t)data, .mode = (uint8_t)(data >> 8 & 7),
                                .logical = address & ADDRESS_LOGICAL, .dest = (uint8_t)(address >> 12) };
    return true;
}

void vmsi_find(struct vpci *p, struct vpci_function *f, uint8_t cap)
{
    uint32_t head = cfg_read(p, f, cap, 4);

    f->msi.cap = cap;
    f->msi.wide = head & CONTROL_WIDE;
    f->msi.maskable = head & CONTROL_MASKABLE;
    f->msi.capable_log2 = (uint8_t)min_of(head >> CONTROL_CAPABLE_SHIFT & 7, MAX_LOG2);
    f->msi.length = (uint8_t)((f->msi.wide ? 16 : 12) + (f->msi.maskable ? 8 : 0));
    /* What the firmware left enabled is not dom0's. */
    if (head & CONTROL_ENABLE)
        cfg_write(p, f, cap + 2U, 2, (uint32_t)((head & ~CONTROL_ENABLE) >> 16));
}

bool vmsi_covers(const struct vpci_function *f, unsigned int reg)
{
    return f->msi.cap != 0 && reg >= f->msi.cap && reg - f->msi.cap < f->msi.length;
}

static void set_control(struct vpci *p, struct vpci_function *f, bool enabled)
{
    uint32_t head = cfg_read(p, f, f->msi.cap, 4) & ~(uint32_t)(CONTROL_ENABLE | CONTROL_LOG2);

    if (enabled)
        head |= (uint32_t)CONTROL_ENABLE | (uint32_t)f->msi.log2 << CONTROL_LOG2_SHIFT;
    cfg_write(p, f, f->msi.cap + 2U, 2, head >> 16);
}

void vmsi_release(struct vpci *p, struct vpci_function *f)
{
    if (f->msi.bound == 0)
        return;
    p->msi->unbind(p->msi->ctx, f->msi.vector, f->msi.bound);
    f->msi.bound = 0;
}

static void route_all(struct vpci *p, struct vpci_function *f, const struct ioapic_msg *first)
{
    for (unsigned int i = 0; i < f->msi.bound; i++) {
        struct ioapic_msg m = first != NULL ? *first : (struct ioapic_msg){ 0 };

        m.vector = (uint8_t)((m.vector & ~(f->msi.bound - 1U)) | i);
        p->msi->route(p->msi->ctx, (uint8_t)(f->msi.vector + i), first != NULL ? &m : NULL);
    }
}

static bool bind(struct vpci *p, struct vpci_function *f)
{
    unsigned int count = 1U << f->msi.log2;
    int vector;

    if (f->msi.bound == count)
        return true;
    vmsi_release(p, f);
    vector = p->msi->bind(p->msi->ctx, count, &f->msi.host);
    if (vector <= 0) {
        function_warn(f, "no free vectors for MSI, wanted", count);
        return false;
    }
    f->msi.vector = (uint8_t)vector;
    f->msi.bound = (uint8_t)count;
    return true;
}

/* The device after any write: enabled only with messages of the host. A reset of the device is followed by dom0's
 * writing everything again, so everything is written again here. */
static void apply(struct vpci *p, struct vpci_function *f)
{
    struct ioapic_msg msg;

    if (!f->msi.enabled) {
        set_control(p, f, false);
        vmsi_release(p, f);
        return;
    }
    if (!vpci_message_decode(f->msi.address, f->msi.data, &msg)) {
        /* Linux clears a message that it frees, and only then the enable bit: nothing to complain of. */
        if (f->msi.address != 0)
            function_warn(f, "MSI to nobody, address", f->msi.address);
        set_control(p, f, false);
        route_all(p, f, NULL);
        return;
    }
    if (f->msi.bound != 0 && f->msi.bound != 1U << f->msi.log2)
        set_control(p, f, false);
    if (!bind(p, f)) {
        set_control(p, f, false);
        return;
    }
    route_all(p, f, &msg);
    cfg_write(p, f, f->msi.cap + 4U, 4, f->msi.host.address);
    if (f->msi.wide)
        cfg_write(p, f, f->msi.cap + 8U, 4, 0);
    cfg_write(p, f, f->msi.cap + (f->msi.wide ? 12U : 8U), 2, f->msi.host.data);
    set_control(p, f, true);
}

enum { REG_CONTROL = 0, REG_ADDRESS = 4, REG_HIGH = 8, REG_DATA = 12, REG_MASK = 16, REG_PENDING = 20 };

/* Registers as a wide capability has them. */
static unsigned int register_of(const struct vpci_function *f, unsigned int reg)
{
    unsigned int at = (reg - f->msi.cap) & ~3U;

    return at >= REG_HIGH && !f->msi.wide ? at + 4 : at;
}

static uint32_t read_register(struct vpci *p, struct vpci_function *f, unsigned int reg)
{
    uint32_t host;

    switch (register_of(f, reg)) {
    case REG_CONTROL:
        host = cfg_read(p, f, f->msi.cap, 4) & ~(uint32_t)(CONTROL_ENABLE | CONTROL_LOG2);
        return host | (f->msi.enabled ? (uint32_t)CONTROL_ENABLE : 0) |
               (uint32_t)f->msi.log2 << CONTROL_LOG2_SHIFT;
    case REG_ADDRESS: return (uint32_t)f->msi.address;
    case REG_HIGH: return (uint32_t)(f->msi.address >> 32);
    case REG_DATA: return f->msi.data;
    default: return cfg_read(p, f, reg & ~3U, 4);
    }
}

static void write_register(struct vpci *p, struct vpci_function *f, unsigned int reg, uint32_t value)
{
    switch (register_of(f, reg)) {
    case REG_CONTROL:
        f->msi.enabled = value & CONTROL_ENABLE;
        f->msi.log2 = (uint8_t)min_of((value & CONTROL_LOG2) >> CONTROL_LOG2_SHIFT,
                                      (uint32_t)f->msi.capable_log2);
        break;
    case REG_ADDRESS: f->msi.address = (f->msi.address & ~0xffffffffULL) | (value & ~3U); break;
    case REG_HIGH: f->msi.address = (uint64_t)value << 32 | (uint32_t)f->msi.address; break;
    case REG_DATA: f->msi.data = (uint16_t)value; break;
    default: cfg_write(p, f, reg & ~3U, 4, value); return;
    }
    apply(p, f);
}

void vmsi_access(struct vpci *p, struct vpci_function *f, unsigned int reg, struct io_req *req)
{
    uint32_t value = read_register(p, f, reg);

    if (req->write)
        write_register(p, f, reg, dword_merge(value, reg, req));
    else
        req->data = dword_part(value, reg, req);
}
