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

static struct pci_addr pci_of(uint32_t sbdf)
{
    return (struct pci_addr){ (uint16_t)(sbdf >> 16), (uint8_t)(sbdf >> 8), (uint8_t)sbdf };
}

static uint32_t host_pci_read(void *ctx unused_arg, uint32_t sbdf, unsigned int reg, unsigned int size)
{
    return pci_read(pci_of(sbdf), reg, size);
}

static void host_pci_write(void *ctx unused_arg, uint32_t sbdf, unsigned int reg, unsigned int size,
                           uint32_t value)
{
    pci_write(pci_of(sbdf), reg, size, value);
}

static const struct vpci_host host_pci = { host_pci_read, host_pci_write, NULL };

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

static void allow_msrs(void *ctx, uint32_t first, uint32_t last)
{
    for (uint32_t msr = first; msr <= last; msr++)
        hw_msr_bitmap_allow(ctx, msr, true, true);
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

int dom0_make_devices(struct domain *d, const struct acpi_info *acpi)
{
    d->vpci = heap_new(struct vpci);
    d->io_bitmap = heap_alloc_pages(HW_IO_BITMAP_ORDER);
    d->msr_bitmap = heap_alloc_pages(HW_MSR_BITMAP_ORDER);
    d->msr_bitmap_x2apic = heap_alloc_pages(HW_MSR_BITMAP_ORDER);
    if (!d->vpci || !d->io_bitmap || !d->msr_bitmap || !d->msr_bitmap_x2apic)
        return -ENOMEM;
    vpci_init(d->vpci, &host_pci);
    memset(d->io_bitmap, 0xff, HW_IO_BITMAP_BYTES);
    memset(d->msr_bitmap, 0xff, HW_MSR_BITMAP_BYTES);
    msr_policy_each_pass(true, allow_msrs, d->msr_bitmap);
    memcpy(d->msr_bitmap_x2apic, d->msr_bitmap, HW_MSR_BITMAP_BYTES);
    hw_msr_bitmap_x2apic(d->msr_bitmap_x2apic);
    return claim_ports(d, acpi);
}
