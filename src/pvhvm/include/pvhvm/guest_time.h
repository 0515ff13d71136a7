/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvclock, wall clock and runstate records in guest-visible memory (xen/xen.h vcpu_time_info,
 * xen/vcpu.h vcpu_runstate_info). Pure: writers with the version protocol over mapped memory, and
 * images for memory that is reached by copying. No locks: one writer per record at a time is the
 * caller's business. What a guest does to its record disturbs nobody else.
 */
#ifndef PVHVM_GUEST_TIME_H
#define PVHVM_GUEST_TIME_H

#include <hv/types.h>
#include <xen/vcpu.h>

/* ns = system_time + (((tsc - tsc_timestamp) << shift) * mul >> 32); a negative shift is to the
 * right. */
struct pvclock_source {
    uint64_t tsc_timestamp;
    ns_t system_time;
    uint32_t mul;
    int8_t shift;
    uint8_t flags;
};

/* mul and shift for a TSC of that frequency (0 is taken as 1 kHz: mul is never 0, guests divide by
 * it). */
void pvclock_scale(uint64_t tsc_khz, uint32_t *mul, int8_t *shift);
uint64_t pvclock_ticks_to_ns(uint64_t ticks, uint32_t mul, int8_t shift);
void pvclock_write(struct vcpu_time_info *to, const struct pvclock_source *from);
uint64_t pvclock_read(const struct vcpu_time_info *from, uint64_t tsc);      /* ns; for tests */
/* shared_info in 64- or 32-bit layout. */
void wallclock_write(void *shared_info, bool layout32, ns_t utc_at_zero);

struct runstate { uint32_t state; ns_t since; ns_t time[4]; };   /* RUNSTATE_*; starts offline */
void runstate_init(struct runstate *r, ns_t now);
void runstate_change(struct runstate *r, uint32_t state, ns_t now);
/* Time of the current state up to now included. */
void runstate_get(const struct runstate *r, ns_t now, struct vcpu_runstate_info *out);

/*
 * The record as the guest sees it, as bytes (a 32-bit guest's is packed differently). With
 * VMASST_TYPE_runstate_update_flag the guest must see XEN_RUNSTATE_UPDATE while the rest changes.
 * Where the area is reached by copies: write bytes[flag_offset] | RUNSTATE_FLAG_BYTE to its place,
 * then all bytes with that bit set, then the byte without it. Without the assist: all bytes.
 */
#define RUNSTATE_FLAG_BYTE 0x80U
struct runstate_image { uint8_t bytes[48]; uint32_t size, flag_offset; };
void runstate_make_image(const struct runstate *r, ns_t now, bool layout32,
                         struct runstate_image *out);
/* The same into mapped memory (of at least image size). */
void runstate_write(void *area, bool layout32, const struct runstate *r, ns_t now,
                    bool update_flag);

#endif
