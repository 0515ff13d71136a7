/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration mechanism 1: an address latch at CF8 and a data window at CFC, hence the lock. */
#include <x86/pci.h>

#include <hv/assert.h>
#include <x86/cpu.h>
#include <x86/spinlock.h>

#define PCI_ADDRESS_PORT 0xcf8
#define PCI_DATA_PORT 0xcfc
#define PCI_ENABLE 0x80000000U

static spinlock_t pci_lock = SPINLOCK_INIT(LOCK_PCI_PORTS);

/* Segments other than 0 cannot be named by this mechanism. */
static bool reachable(struct pci_addr a, unsigned int reg, unsigned int size)
{
    ASSERT(size == 1 || size == 2 || size == 4);
    ASSERT(reg < 256 && reg % size == 0);
    return a.segment == 0;
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

    if (!reachable(a, reg, size))
        return (uint32_t)(BIT(size * 8) - 1);
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

    if (!reachable(a, reg, size))
        return;
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
