/* SPDX-License-Identifier: BSD-2-Clause */
/* pvclock, wall clock and runstate records in guest-visible memory (xen/xen.h vcpu_time_info, xen/vcpu.h vcpu_runstate_info).
 * Pure: writers with the version protocol over mapped memory. */
#ifndef PVHVM_GUEST_TIME_H
#define PVHVM_GUEST_TIME_H

#include <hv/types.h>
#include <xen/vcpu.h>

struct pvclock_source { uint64_t tsc_timestamp; ns_t system_time; uint32_t mul; int8_t shift; uint8_t flags; };
void pvclock_write(struct vcpu_time_info *to, const struct pvclock_source *from);
uint64_t pvclock_read(const struct vcpu_time_info *from, uint64_t tsc);      /* ns; for tests */
/* shared_info in 64- or 32-bit layout. */
void wallclock_write(void *shared_info, bool layout32, ns_t utc_at_zero);

struct runstate { uint32_t state; ns_t since; ns_t time[4]; };   /* RUNSTATE_* */
void runstate_init(struct runstate *r, ns_t now);
void runstate_change(struct runstate *r, uint32_t state, ns_t now);
void runstate_get(const struct runstate *r, ns_t now, struct vcpu_runstate_info *out);

#endif
