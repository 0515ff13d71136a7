/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This CPU's local APIC, as x2APIC when the CPU has it, else through the xAPIC page (SDM volume 3,
 * chapter 11). Private to src/x86; the parts irq.c needs are in irq_hw.h.
 */
#ifndef X86_LAPIC_H
#define X86_LAPIC_H

#include <hv/types.h>

#define ICR_FIXED 0x00000U
#define ICR_NMI 0x00400U
#define ICR_INIT 0x00500U
#define ICR_STARTUP 0x00600U
#define ICR_ASSERT 0x04000U
#define ICR_LEVEL 0x08000U

/* On each CPU, the boot CPU first: enables it, accepts everything, masks all local sources but NMI. */
void lapic_init_cpu(void);
bool lapic_can_address(uint32_t apic_id);
uint32_t lapic_id(void);
/* Any context. dest is ignored with a shorthand. */
void lapic_send_ipi(uint32_t dest, uint32_t icr);

/* The timer: deadlines in TSC ticks if the CPU has that mode, else a count-down at lapic_timer_hz. */
bool lapic_has_deadline(void);
void lapic_timer_set_deadline(uint64_t tsc);   /* 0: off */
void lapic_timer_set_count(uint32_t count);    /* 0: off; divisor 1 */
uint32_t lapic_timer_count(void);

#endif
