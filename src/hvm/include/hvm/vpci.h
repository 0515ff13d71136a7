/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0's view of PCI configuration space, mechanism 1: the latch at 0xCF8 and data ports 0xCFC-0xCFF, passed to the host through a
 * port except what the hypervisor keeps (its serial card, later MSI/MSI-X capabilities and ECAM). Pure; caller holds the PCI lock.
 */
#ifndef HVM_VPCI_H
#define HVM_VPCI_H

#include <hv/io.h>

struct vpci_host { uint32_t (*read)(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size);
                   void (*write)(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size, uint32_t value); void *ctx; };
#define VPCI_MAX_HIDDEN 8
struct vpci { uint32_t cf8; const struct vpci_host *host; unsigned int hidden_count; uint32_t hidden[VPCI_MAX_HIDDEN]; };
void vpci_init(struct vpci *p, const struct vpci_host *host);
int vpci_hide(struct vpci *p, uint32_t sbdf) must_check;
bool vpci_is_hidden(const struct vpci *p, uint32_t sbdf);
/* One access to configuration space, whatever way it came (mechanism 1, ECAM); lies within one 32-bit register. */
void vpci_config_access(const struct vpci *p, uint32_t sbdf, unsigned int reg, struct io_req *req);
/* An access to ports 0xCF8-0xCFF. 0xCF9 (reset) is not ours: IO_UNCLAIMED for byte accesses there. */
enum io_result vpci_port_access(struct vpci *p, struct io_req *req);

#endif
