/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic between TSC ticks, nanoseconds and calendars. Pure. */
#ifndef X86_TSC_SCALE_H
#define X86_TSC_SCALE_H

#include <x86/time.h>

/* khz 1..2^31. mul is normalised (top bit set), as guests of pvclock expect. */
struct tsc_scale tsc_scale_of_khz(uint64_t khz);
uint64_t tsc_scale_to_ns(struct tsc_scale s, uint64_t ticks);
/* Saturates at UINT64_MAX; negative times are 0. */
uint64_t tsc_of_ns(uint64_t khz, ns_t ns);
/* The first ticks that s converts to at least ns: who waits for them finds that the time has come. The
 * scale's rounding would otherwise grow with the uptime. */
uint64_t tsc_reaching_ns(struct tsc_scale s, uint64_t khz, ns_t ns);

/* TSC frequency as CPUID leaves 0x15 and 0x16 tell it, in kHz; 0: they do not. */
uint64_t tsc_khz_of_cpuid(uint32_t denominator, uint32_t numerator, uint32_t crystal_hz,
                          uint32_t base_mhz);

/* CMOS clock registers as read; status_b bit 2: binary, bit 1: 24 hours. century 0: none. */
struct rtc_reading { uint8_t second, minute, hour, day, month, year, century, status_b; };
/* Seconds since 1970; -1: no such date. */
int64_t rtc_to_unix(struct rtc_reading r);

#endif
