/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC in both modes (SDM vol. 3A chapter 11), registers by their xAPIC offsets. */
#ifndef GUEST_APIC_H
#define GUEST_APIC_H

#include "guest.h"

enum {
    APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_PPR = 0xa0, APIC_EOI = 0xb0, APIC_LDR = 0xd0,
    APIC_SVR = 0xf0, APIC_ISR = 0x100, APIC_TMR = 0x180, APIC_IRR = 0x200, APIC_ESR = 0x280, APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310, APIC_LVTT = 0x320, APIC_LINT0 = 0x350, APIC_TIMER_COUNT = 0x380,
    APIC_TIMER_NOW = 0x390, APIC_TIMER_DIVIDE = 0x3e0, APIC_SELF_IPI = 0x3f0,
};
#define ICR_NMI 0x400U
#define ICR_INIT 0x500U
#define ICR_SIPI 0x600U
#define ICR_ASSERT 0x4000U
#define ICR_SELF 0x40000U
#define ICR_ALL 0x80000U
#define ICR_OTHERS 0xc0000U
#define LVT_MASKED 0x10000U
#define LVT_PERIODIC 0x20000U
#define LVT_DEADLINE 0x40000U

void apic_start(bool x2apic);              /* this CPU's APIC on, in this mode */
bool apic_is_x2(void);
uint32_t apic_read(unsigned int reg);
void apic_write(unsigned int reg, uint32_t value);
void apic_icr(uint32_t dest, uint32_t low);
void apic_eoi(void);
bool apic_bit(unsigned int reg, uint8_t vector);       /* in ISR, TMR or IRR */

#endif
