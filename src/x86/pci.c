/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space. Mechanism 1 is an address latch at CF8 and a data window at CFC, hence the lock. */
#include <x86/pci.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/spinlock.h>

#define PCI_ADDRESS_PORT 0xcf8
#define PCI_DATA_PORT 0xcfc
#define PCI_ENABLE 0x80000000U

static spinlock_t pci_lock = SPINLOCK_INIT(LOCK_PCI_PORTS);

/* ---- ECAM: 4 KiB a function (PCI Express 4.0, 7.2.2) ---- */

#define MAX_ECAM 8U
#define BUS_SHIFT 20

static struct { struct pci_ecam range; volatile uint8_t *at; } ecam[MAX_ECAM] ro_after_init;
static unsigned int ecam_count ro_after_init;

static volatile uint8_t *ecam_register(struct pci_addr a, unsigned int reg)
{
    for (unsigned int i = 0; i < ecam_count; i++)
        if (ecam[i].range.segment == a.segment && a.bus >= ecam[i].range.bus_first &&
            a.bus <= ecam[i].range.bus_last)
            return ecam[i].at + ((uint64_t)(a.bus - ecam[i].range.bus_first) << BUS_SHIFT) +
                   ((unsigned int)a.devfn << 12) + reg;
    return NULL;
}

static uint32_t ecam_read(const volatile uint8_t *at, unsigned int size)
{
    if (at == NULL)
        return (uint32_t)(BIT(size * 8) - 1);
    return size == 1 ? *at : size == 2 ? *(const volatile uint16_t *)(const volatile void *)at :
                                         *(const volatile uint32_t *)(const volatile void *)at;
}

static void ecam_write(volatile uint8_t *at, unsigned int size, uint32_t value)
{
    if (at == NULL)
        return;
    if (size == 1)
        *at = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)(volatile void *)at = (uint16_t)value;
    else
        *(volatile uint32_t *)(volatile void *)at = value;
}

init_text int pci_add_ecam(const struct pci_ecam *e)
{
    uint64_t first = e->base + ((uint64_t)e->bus_first << BUS_SHIFT);
    size_t size = (size_t)(e->bus_last - e->bus_first + 1U) << BUS_SHIFT;
    struct pci_addr bridge = { e->segment, e->bus_first, 0 };

    if (ecam_count == MAX_ECAM)
        return -ENOSPC;
    ecam[ecam_count].range = *e;
    ecam[ecam_count].at = map_device(hpa_of(first), size, MAP_UC);
    if (ecam[ecam_count].at == NULL)
        return -ENOMEM;
    if (e->segment == 0 && ecam_read(ecam[ecam_count].at, 4) != pci_read(bridge, 0, 4)) {
        unmap_device((void *)(uintptr_t)ecam[ecam_count].at, size);
        return -EINVAL;
    }
    ecam_count++;
    return 0;
}

#ifdef HV_HOST
void pci_forget_ecam(void) { ecam_count = 0; }
#endif

/* ---- mechanism 1 ---- */

static bool by_ports(struct pci_addr a, unsigned int reg, unsigned int size)
{
    ASSERT(size == 1 || size == 2 || size == 4);
    ASSERT(reg < 4096 && reg % size == 0);
    return a.segment == 0 && reg < 256;
}

static uint16_t select_register(struct pci_addr a, unsigned int reg)
{
    cpu_out32(PCI_ADDRESS_PORT, PCI_ENABLE | ((uint32_t)a.bus << 16) | ((uint32_t)a.devfn << 8) |
                                (reg & 0xfcU));
    return (uint16_t)(PCI_DATA_PORT + (reg & 3));
}

uint32_t pci_read(struct pci_addr a, unsigned int reg, unsigned int size)
{
    uint32_t value;
    uint16_t port;
    uint64_t flags;

    if (!by_ports(a, reg, size))
        return ecam_read(ecam_register(a, reg), size);
    flags = spin_lock_irqsave(&pci_lock);
    port = select_register(a, reg);
    value = size == 1 ? cpu_in8(port) : size == 2 ? cpu_in16(port) : cpu_in32(port);
    spin_unlock_irqrestore(&pci_lock, flags);
    return value;
}

void pci_write(struct pci_addr a, unsigned int reg, unsigned int size, uint32_t value)
{
    uint16_t port;
    uint64_t flags;

    if (!by_ports(a, reg, size)) {
        ecam_write(ecam_register(a, reg), size, value);
        return;
    }
    flags = spin_lock_irqsave(&pci_lock);
    port = select_register(a, reg);
    if (size == 1)
        cpu_out8(port, (uint8_t)value);
    else if (size == 2)
        cpu_out16(port, (uint16_t)value);
    else
        cpu_out32(port, value);
    spin_unlock_irqrestore(&pci_lock, flags);
}
