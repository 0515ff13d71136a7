/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two 8259A of a PC, slave at the master's input 2, with the edge/level registers at 0x4D0. Pure; the caller holds
 * the domain's VIOAPIC lock. The output is a level: whoever can take an ExtINT asks vpic_output() and, when it takes it,
 * vpic_acknowledge(). State is kept in the form in which it is saved (xen/arch-x86/hvm/save.h).
 */
#ifndef HVM_VPIC_H
#define HVM_VPIC_H

#include <hv/types.h>
#include <xen/hvm/save.h>

struct vpic { struct hvm_hw_vpic chip[2]; };   /* master, slave */

void vpic_init(struct vpic *p);
/* Inputs 0-15; a call is a change of the line: an edge input requests at the rise and forgets at the fall. */
void vpic_set_line(struct vpic *p, unsigned int irq, bool high);
/* An edge of this input waits for the CPU, and is not masked. */
bool vpic_edge_waits(const struct vpic *p, unsigned int irq);
static inline bool vpic_output(const struct vpic *p)
{
    return ((const volatile struct hvm_hw_vpic *)&p->chip[0])->int_output;     /* also asked without the lock */
}
/* The CPU's acknowledge cycles: the vector. With nothing to deliver the spurious one of input 7. */
uint8_t vpic_acknowledge(struct vpic *p);

/* Ports 0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1, bytes. */
uint8_t vpic_read(struct vpic *p, uint16_t port);
void vpic_write(struct vpic *p, uint16_t port, uint8_t value);

/* A chip's state from a save record. -EINVAL: not one that could be. */
int vpic_load(struct vpic *p, unsigned int chip, const struct hvm_hw_vpic *from) must_check;

#endif
