/* SPDX-License-Identifier: BSD-2-Clause */
/* The register doors of the virtual platform: the input is a sequence of accesses to the local APIC (both modes and the
 * way of hardware), an IO-APIC, dom0's ports, CPUID, MSR policy, and a page walk over memory made of the input. */
#include <hvm/cpuid_policy.h>
#include <hvm/dom0_ports.h>
#include <hvm/msr_policy.h>
#include <hvm/pagewalk.h>
#include <hvm/vioapic.h>
#include <hvm/vlapic.h>

#include <stdlib.h>
#include <string.h>

#define CHECK(x) do { if (!(x)) abort(); } while (0)
struct op { uint8_t what, size; uint16_t where; uint32_t low, high; };

static _Alignas(4096) uint8_t page[4096];
static struct vlapic lapic;
static struct vioapic ioapic;
static struct msr_store store;
static struct cpuid_policy policy;
static const uint8_t *bytes;
static size_t byte_count;

static uint32_t pci_read(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size)
{
    (void)ctx;
    CHECK(sbdf <= 0xffff && reg + size <= 256 && (reg & 3U) + size <= 4);
    return sbdf;
}
static void pci_write(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size, uint32_t value)
{
    (void)value;
    (void)pci_read(ctx, sbdf, reg, size);
}
static uint8_t cmos_read(void *ctx, uint8_t index) { (void)ctx; CHECK(index < 128); return index; }
static void cmos_write(void *ctx, uint8_t index, uint8_t value) { (void)value; (void)cmos_read(ctx, index); }
static const struct vpci_host pci_host = { pci_read, pci_write, NULL };
static const struct dom0_port_host port_host = { cmos_read, cmos_write, NULL, NULL };
static struct vpci pci;
static struct dom0_ports ports;
static struct io_bus bus;

static struct cpuid_leaf host_leaf(uint32_t leaf, uint32_t subleaf)
{
    uint32_t v[4] = { 0 };
    size_t at = (leaf * 37 + subleaf * 11) % (byte_count + 1);

    memcpy(v, bytes + at, byte_count - at < sizeof(v) ? byte_count - at : sizeof(v));
    return (struct cpuid_leaf){ v[0], v[1], v[2], v[3] };
}
static bool table_read(void *ctx, gpa_t a, void *to, size_t size)
{
    (void)ctx;
    if (byte_count < size)
        return false;
    memcpy(to, bytes + a.v % (byte_count - size + 1), size);
    return (a.v & 0x8000) == 0;
}
static void ended(void *ctx, unsigned int pin, const struct ioapic_msg *again)
{
    (void)ctx;
    (void)again;
    CHECK(pin < ioapic.pins);
}

static void setup(void)
{
    vlapic_init(&lapic, page, 4, true);
    vioapic_init(&ioapic, 0xfec00000, 0, 24, 1);
    msr_store_reset(&store);
    bus.count = 0;
    vpci_init(&pci, &pci_host, NULL, NULL);
    dom0_ports_init(&ports, &port_host, &pci);
    CHECK(dom0_ports_claim(&ports, &bus) == 0);
    cpuid_policy_init(&policy, CPUID_DOM0, host_leaf);
}

static void lapic_op(const struct op *o, ns_t now)
{
    struct vlapic_effect e = { 0 };
    uint64_t value = o->low | (uint64_t)o->high << 32, v;
    uint32_t v32;

    switch (o->size & 7U) {
    case 0: vlapic_read(&lapic, o->where, now, &v32); break;
    case 1: vlapic_write(&lapic, o->where, o->low, now, &e); break;
    case 2: vlapic_rdmsr(&lapic, 0x800 + (o->where & 0xffU), now, &v); break;
    case 3: vlapic_wrmsr(&lapic, 0x800 + (o->where & 0xffU), value, now, &e); break;
    case 4: vlapic_set_base(&lapic, value, &e); break;
    case 5:
        memcpy(page + (o->where & 0xff0U), &o->low, 4);           /* as hardware would have */
        vlapic_after_hw_write(&lapic, o->where & 0xff0U, now, &e);
        break;
    case 6: vlapic_set_irr(&lapic, (uint8_t)o->low, (o->low & 0x100U) != 0); break;
    default:
        if (vlapic_pending(&lapic) >= 0)
            vlapic_accept(&lapic, (uint8_t)vlapic_pending(&lapic));
        break;
    }
    vlapic_timer_expire(&lapic, now);
    CHECK(lapic.timer_deadline > now);
    if ((e.what & VLAPIC_ICR) != 0 && (e.ipi.mode == IPI_FIXED || e.ipi.mode == IPI_LOWEST))
        CHECK(e.ipi.vector >= 16);
}

static void other_op(const struct op *o)
{
    struct io_req req = { .space = IO_PORT, .write = o->high & 1, .size = (uint8_t)(1U << (o->size % 3U)), .addr = o->where,
                          .data = o->low };
    struct cpuid_context c = { .vcpu_count = o->size, .xcr0 = o->high, .cr4 = o->low };
    struct vioapic_effect e;
    struct ioapic_msg msg;
    uint64_t v;

    switch (o->what % 6U) {
    case 0: io_bus_access(&bus, &req); break;
    case 1: vioapic_write(&ioapic, o->where & 0xffU, o->low, &e); break;
    case 2: vioapic_set_line(&ioapic, o->where, o->low & 1, &msg); break;
    case 3: vioapic_eoi(&ioapic, (uint8_t)o->low, ended, NULL); break;
    case 4:
        cpuid_policy_read(&policy, o->low, o->high, &c);
        CHECK((cpuid_policy_xcr0_allowed(&policy) & ~0xe7ULL) == 0);
        break;
    default:
        msr_policy(o->low, o->high & 1);
        if (msr_store_write(&store, o->low, o->high))
            CHECK(msr_store_read(&store, o->low, &v) && v == o->high);
        break;
    }
}

static void walk_op(const struct op *o)
{
    struct guest_mode m = { .cr0 = CR0_PG | (o->low & CR0_WP), .cr4 = o->high, .cr3 = o->low, .efer = EFER_NXE };
    struct pagewalk_memory mem = { table_read, NULL, NULL };
    struct pagewalk_result r;

    m.long_mode = (o->size & 1U) != 0;
    m.pdpte[0] = o->low;
    if (pagewalk(&m, &mem, gva_of((uint64_t)o->where << 12 | o->high), o->size >> 1 & 0xfU, &r))
        CHECK(r.page_size >= 4096 && (r.gpa.v >> 52) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ns_t now = 0;

    bytes = data;
    byte_count = size;
    setup();
    for (size_t at = 0; at + sizeof(struct op) <= size; at += sizeof(struct op)) {
        struct op o;

        memcpy(&o, data + at, sizeof(o));
        now += o.where;
        if ((o.what & 0x80U) != 0)
            lapic_op(&o, now);
        else if ((o.what & 0x40U) != 0)
            walk_op(&o);
        else
            other_op(&o);
    }
    return 0;
}
