/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's time stamp counter: where it stands, how fast it goes, and whether the CPU can keep it itself (SDM vol. 3C 25.6.5 "TSC
 * multiplier", APM vol. 2 15.30.5 "TSC ratio"; the modes are those of XEN_DOMCTL_settscinfo, xl.cfg's tsc_mode). A new guest's begins
 * at 0; a restored one's goes on from where it was saved. Pure: host counts are parameters. The caller sees to it that no vCPU of the domain
 * runs while it changes.
 *
 * guest = ((host * ratio) >> 32) + offset, which is what the hardware computes, too; a vCPU's IA32_TSC_ADJUST comes on top.
 */
#ifndef PVHVM_GUEST_TSC_H
#define PVHVM_GUEST_TSC_H

#include <hv/types.h>

#define GUEST_TSC_ONE (1ULL << 32)

enum guest_tsc_mode { GUEST_TSC_DEFAULT, GUEST_TSC_EMULATE, GUEST_TSC_NATIVE };

struct guest_tsc {
    uint64_t ratio;            /* guest ticks per host tick, 32.32 */
    uint64_t offset;
    uint64_t host, guest;      /* a moment, by both */
    uint32_t khz;              /* as the guest is told */
    uint32_t mode, incarnation;
    bool emulated;             /* RDTSC exits */
};

/* In step with the host's. */
void guest_tsc_init(struct guest_tsc *t, uint32_t host_khz);
/* khz 0: the host's. A rate within 100 ppm of the host's counts as that: the same machine is measured anew at each boot. Another one is
 * the hardware's with can_scale, else emulated. -EINVAL: no such mode, or a rate that nothing can make. */
int guest_tsc_set_mode(struct guest_tsc *t, uint32_t mode, uint32_t khz, uint32_t host_khz, bool can_scale) must_check;
/* From now on it stands at guest when the host's stands at host. */
void guest_tsc_set(struct guest_tsc *t, uint64_t guest, uint64_t host);
uint64_t guest_tsc_at(const struct guest_tsc *t, uint64_t host);
/* Host ticks from now until it stands at guest; 0: it does already. */
uint64_t guest_tsc_until(const struct guest_tsc *t, uint64_t guest, uint64_t host_now, uint32_t host_khz);

#endif
