/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt wires of a PC: what devices drive, and what PIC and IO-APIC see of it. ISA lines 0-15 (timer 0 at the IO-APIC's
 * pin 2), four INTx per slot of PCI bus 0, each on a pin 16-47 of the IO-APIC and, through one of four links that
 * firmware routes, on an ISA line. Lines with several drivers are ORed. Pure; the caller holds the VIOAPIC lock and passes
 * the changes on.
 */
#ifndef HVM_VLINES_H
#define HVM_VLINES_H

#include <hv/types.h>
#include <xen/hvm/save.h>

#define VLINES_PINS 48U

struct vlines {
    struct hvm_hw_pci_irqs pci;      /* bit slot * 4 + INTx */
    uint16_t isa_model, isa_own;     /* driven by device models, by devices of ours */
    struct hvm_hw_pci_link link;     /* ISA line of each link, 0: none */
    struct vlines_upcall { enum { VLINES_NO_UPCALL, VLINES_UPCALL_GSI, VLINES_UPCALL_INTX } kind; uint8_t a, b; bool high; } upcall;
    uint64_t pins;                   /* as they are */
    uint16_t irqs;
};
/* Changed pins and PIC inputs, and their levels now. */
struct vlines_change { uint64_t pins_changed, pins; uint16_t irqs_changed, irqs; };

/* All return what has changed. false/0 arguments out of range change nothing. */
struct vlines_change vlines_set_intx(struct vlines *l, unsigned int slot, unsigned int intx, bool high);
struct vlines_change vlines_set_isa(struct vlines *l, unsigned int irq, bool own, bool high);
struct vlines_change vlines_set_route(struct vlines *l, unsigned int link, uint8_t irq);
/* The line by which a guest wants to hear of its events: a GSI (a), or a slot's (a) INTx (b). Low at first. */
struct vlines_change vlines_set_upcall_line(struct vlines *l, unsigned int kind, unsigned int a, unsigned int b);
struct vlines_change vlines_set_upcall(struct vlines *l, bool high);
/* After the records (pci, isa_model, link) were loaded. */
struct vlines_change vlines_reload(struct vlines *l);

#endif
