/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine behind dom0's intercepted ports: CMOS, PCI configuration mechanism 1, the ACPI power button's other half. */
#include <boot/start_dom0.h>

#include <domain/domain.h>
#include <hv/errno.h>
#include <hvm/dom0_ports.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <x86/console.h>
#include <x86/cpu.h>
#include <x86/panic.h>
#include <x86/pci.h>

#include "boot.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define PM1_SLP_EN 0x2000U
#define PM1_CNT_BYTES 2
#define UART_PORTS 8

/* Accesses come one at a time: the caller holds dom0's device lock. */
static uint8_t cmos_read(void *ctx unused_arg, uint8_t index)
{
    cpu_out8(CMOS_INDEX, index);
    return cpu_in8(CMOS_DATA);
}

static void cmos_write(void *ctx unused_arg, uint8_t index, uint8_t value)
{
    cpu_out8(CMOS_INDEX, index);
    cpu_out8(CMOS_DATA, value);
}

static void debug_char(void *ctx unused_arg, char c)
{
    cpu_out8(0xe9, (uint8_t)c);
}

static const struct dom0_port_host port_host = { cmos_read, cmos_write, debug_char, NULL };

static init_text bool has_ram(const struct memmap *m, uint64_t first, uint64_t last)
{
    for (unsigned int i = 0; i < m->count; i++)
        if (m->r[i].type == E820_RAM && first < m->r[i].start + m->r[i].size && last >= m->r[i].start)
            return true;
    return false;
}

/* ECAM that cannot be trusted is nobody's: dom0 would reach configuration space past us. */
static init_text int add_ecam(struct domain *d, const struct acpi_mcfg *m, const struct memmap *host)
{
    const struct vpci_ecam v = { m->base, m->segment, m->bus_start, m->bus_end };
    const struct pci_ecam h = { m->base, m->segment, m->bus_start, m->bus_end };
    uint64_t first = m->base + ((uint64_t)m->bus_start << 20);
    uint64_t last = m->base + ((uint64_t)(m->bus_end + 1U) << 20) - 1;
    int rc = last < first || has_ram(host, first, last) ? -EINVAL : pci_add_ecam(&h);

    if (rc == 0)
        rc = vpci_add_ecam(d->vpci, &v);
    if (rc == 0) {
        log_info("PCI: segment %u, buses %u-%u by ECAM at %#lx", m->segment, m->bus_start, m->bus_end,
                 (unsigned long)m->base);
        return 0;
    }
    log_warn("PCI: ECAM at %#lx (segment %u) is not usable (%d)", (unsigned long)m->base, m->segment, rc);
    return last < first ? 0 : dom0_deny_mmio(gfn_of(first >> PAGE_SHIFT), gfn_of(last >> PAGE_SHIFT));
}

static init_text int add_all_ecam(struct domain *d, const struct acpi_info *acpi, const struct memmap *host)
{
    int rc = 0;

    for (unsigned int i = 0; rc == 0 && i < acpi->mcfg_count; i++)
        rc = add_ecam(d, &acpi->mcfg[i], host);
    return rc;
}

/* dom0 ends the machine with a write here (facts: power off is no hypercall). */
static void pm1_access(void *ctx unused_arg, struct io_req *req)
{
    uint16_t port = (uint16_t)req->addr;

    if (!req->write) {
        req->data = req->size == 2 ? cpu_in16(port) : req->size == 1 ? cpu_in8(port) : cpu_in32(port);
        return;
    }
    if (req->data & PM1_SLP_EN)
        log_info("dom0 puts the machine to sleep or off (PM1a_CNT = %#x)", (unsigned int)req->data);
    if (req->size == 2)
        cpu_out16(port, (uint16_t)req->data);
    else if (req->size == 1)
        cpu_out8(port, (uint8_t)req->data);
    else
        cpu_out32(port, (uint32_t)req->data);
}

static const struct io_device pm1_device = { pm1_access, "PM1a control" };

static void allow_ports(void *ctx, uint16_t first, uint16_t last)
{
    hw_io_bitmap_allow(ctx, first, last);
}

static int claim_ports(struct domain *d, const struct acpi_info *acpi)
{
    struct dom0_ports *p = heap_new(struct dom0_ports);
    int rc;

    if (!p)
        return -ENOMEM;
    dom0_ports_init(p, &port_host, d->vpci);
    rc = dom0_ports_claim(p, &d->io_bus);
    if (rc == 0 && console_serial_port())
        rc = dom0_ports_exclude(p, console_serial_port(), (uint16_t)(console_serial_port() + UART_PORTS - 1));
    if (rc == 0 && acpi->pm1a_cnt_port) {
        uint16_t port = (uint16_t)acpi->pm1a_cnt_port, last = (uint16_t)(port + PM1_CNT_BYTES - 1);

        rc = dom0_ports_exclude(p, port, last);
        if (rc == 0)
            rc = io_bus_add(&d->io_bus, IO_PORT, port, last, &pm1_device, NULL);
    }
    if (rc == 0)
        dom0_ports_each_direct(p, allow_ports, d->io_bitmap);
    return rc;
}

int dom0_make_devices(struct domain *d, const struct acpi_info *acpi, const struct memmap *host)
{
    int rc = dom0_pci_init(d);

    if (rc == 0)
        rc = add_all_ecam(d, acpi, host);
    if (rc != 0)
        return rc;
    d->io_bitmap = heap_alloc_pages(HW_IO_BITMAP_ORDER);
    if (!d->io_bitmap)
        return -ENOMEM;
    memset(d->io_bitmap, 0xff, HW_IO_BITMAP_BYTES);
    return claim_ports(d, acpi);
}
