/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: nanoseconds since boot from the invariant TSC, and the conversion that guests use (pvclock).
 * Calibrated once on the boot CPU; TSCs of other CPUs are checked, not adjusted.
 */
#ifndef X86_TIME_H
#define X86_TIME_H

#include <hv/types.h>

struct tsc_scale { uint32_t mul; int8_t shift; };   /* ns = (tsc << shift) * mul >> 32, as pvclock */

void time_init(void);
ns_t time_now(void);                       /* any context */
uint64_t time_tsc_khz(void);
struct tsc_scale time_tsc_scale(void);     /* TSC -> ns */
ns_t time_tsc_to_ns(uint64_t tsc_delta);
uint64_t time_ns_to_tsc(ns_t ns);          /* saturates */
uint64_t time_boot_tsc(void);              /* TSC at time 0 */
/* Wall clock: UTC in ns since 1970 at time 0 (CMOS RTC at boot, then XENPF_settime). */
ns_t time_wallclock_at_boot(void);
void time_set_wallclock_at_boot(ns_t utc_ns);
/* Arms this CPU's LAPIC timer (deadline or one-shot) for absolute time t; NS_NEVER stops it. IRQs off. */
void time_program_timer(ns_t t);
void time_delay_us(unsigned int us);

#endif
