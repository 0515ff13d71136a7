/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O ports of dom0: which it has directly (dom0_ports.def lists the others) and the small devices that answer the rest.
 * Pure; hardware is reached through struct dom0_port_host, whose functions take the locks they need (an index and
 * its data port belong together). The PM timer is left to dom0: reading it disturbs nobody.
 */
#ifndef HVM_DOM0_PORTS_H
#define HVM_DOM0_PORTS_H

#include <hv/io.h>
#include <hvm/io_bus.h>
#include <hvm/vpci.h>

struct dom0_port_host {
    uint8_t (*cmos_read)(void *ctx, uint8_t index);
    void (*cmos_write)(void *ctx, uint8_t index, uint8_t value);
    void (*debug_char)(void *ctx, char c);         /* port 0xE9 */
    void *ctx;
};
#define DOM0_PORTS_MAX_EXTRA 8
struct dom0_ports {
    const struct dom0_port_host *host;
    struct vpci *pci;
    uint8_t cmos_index;
    uint8_t reset;                                 /* last value of 0xCF9 */
    unsigned int extra_count;
    struct { uint16_t first, last; } extra[DOM0_PORTS_MAX_EXTRA];
};

void dom0_ports_init(struct dom0_ports *p, const struct dom0_port_host *host, struct vpci *pci);
/* A further range that dom0 must not reach. Before dom0_ports_claim/_each_direct. -ENOSPC,
 * -EEXIST: overlaps. The device is registered by the caller. */
int dom0_ports_exclude(struct dom0_ports *p, uint16_t first, uint16_t last) must_check;
/* Registers the devices of the table (not the excluded ranges: those read all-ones as unclaimed). */
int dom0_ports_claim(struct dom0_ports *p, struct io_bus *bus) must_check;
/* Calls fn for every maximal range that dom0 has directly: to build the I/O bitmap. */
void dom0_ports_each_direct(const struct dom0_ports *p, void (*fn)(void *ctx, uint16_t first, uint16_t last),
                            void *ctx);

#endif
