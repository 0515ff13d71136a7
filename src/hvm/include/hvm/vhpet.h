/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HPET (IA-PC HPET 1.0a): one 64-bit counter of 62.5 MHz, three comparators, legacy replacement, no FSB messages. Pure: time is
 * a parameter; the caller holds the VDEV lock, arms one timer for vhpet_deadline(), and drives the IO-APIC's lines by
 * what vhpet_expire() and vhpet_level() say. Periods that the guest could not take are not made up for.
 */
#ifndef HVM_VHPET_H
#define HVM_VHPET_H

#include <hv/types.h>
#include <xen/hvm/save.h>

#define VHPET_ADDRESS 0xfed00000ULL
#define VHPET_SIZE 0x400U
#define VHPET_TICK_NS 16

struct vhpet {
    struct hvm_hw_hpet hw;           /* mc64: counter when it was stopped or started last */
    ns_t started;                    /* while the counter runs */
    uint64_t due[HPET_TIMER_NUM];    /* counter value at which each fires next */
    bool armed[HPET_TIMER_NUM];
};

void vhpet_init(struct vhpet *h, ns_t now);
/* size 4 or 8, aligned; others read all-ones and write nothing. offset within the block. */
uint64_t vhpet_read(struct vhpet *h, unsigned int offset, unsigned int size, ns_t now);
void vhpet_write(struct vhpet *h, unsigned int offset, unsigned int size, uint64_t value, ns_t now);
ns_t vhpet_deadline(const struct vhpet *h);
/* Which timers fire at now; *pins: IO-APIC pins to pulse for those in edge mode; *isa: ISA lines to pulse instead (legacy
 * replacement: 0 and 8). */
void vhpet_expire(struct vhpet *h, ns_t now, uint64_t *pins, uint16_t *isa);
/* Pins held high by timers in level mode. */
uint64_t vhpet_level(const struct vhpet *h);
/* The PIT's and the clock's interrupts are taken over by timers 0 and 1. */
bool vhpet_is_legacy(const struct vhpet *h);
void vhpet_save(const struct vhpet *h, ns_t now, struct hvm_hw_hpet *to);
int vhpet_load(struct vhpet *h, const struct hvm_hw_hpet *from, ns_t now) must_check;

#endif
