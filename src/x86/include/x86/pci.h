/* SPDX-License-Identifier: BSD-2-Clause */
/* Host PCI configuration space by mechanism 1 (ports CF8/CFC). Takes the PCI lock itself. */
#ifndef X86_PCI_H
#define X86_PCI_H

#include <hv/types.h>

struct pci_addr { uint16_t segment; uint8_t bus, devfn; };

/* size 1, 2 or 4, reg aligned to size, reg < 256. All-ones when nothing answers. */
uint32_t pci_read(struct pci_addr a, unsigned int reg, unsigned int size);
void pci_write(struct pci_addr a, unsigned int reg, unsigned int size, uint32_t value);

#endif
