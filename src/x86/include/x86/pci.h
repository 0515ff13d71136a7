/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host PCI configuration space: the first 256 bytes of segment 0 by mechanism 1 (ports CF8/CFC), everything else
 * by ECAM where the machine has it. Takes the PCI_PORTS lock itself; ECAM needs none.
 */
#ifndef X86_PCI_H
#define X86_PCI_H

#include <hv/types.h>

struct pci_addr { uint16_t segment; uint8_t bus, devfn; };

/* size 1, 2 or 4, reg aligned to size, reg < 4096. All-ones when nothing answers, or nothing can ask. */
uint32_t pci_read(struct pci_addr a, unsigned int reg, unsigned int size);
void pci_write(struct pci_addr a, unsigned int reg, unsigned int size, uint32_t value);

/* Boot: a range of ECAM, base being where bus 0 of the segment would be. It is used if it shows the same host bridge as
 * mechanism 1 does (segment 0). -EINVAL: it does not; -ENOSPC, -ENOMEM. */
struct pci_ecam { uint64_t base; uint16_t segment; uint8_t bus_first, bus_last; };
int pci_add_ecam(const struct pci_ecam *e) must_check;

#ifdef HV_HOST
void pci_forget_ecam(void);                 /* tests */
#endif

#endif
