/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the CPUID policy share; for nobody else. */
#ifndef HVM_CPUID_INTERNAL_H
#define HVM_CPUID_INTERNAL_H

#include <hvm/cpuid_policy.h>

#define XSTATE_X87 0x1ULL
#define XSTATE_SSE 0x2ULL
#define XSTATE_YMM 0x4ULL
#define XSTATE_ZMM 0xe0ULL          /* opmask, ZMM_Hi256, Hi16_ZMM: together or not at all */
#define XSTATE_LEGACY_SIZE 576U     /* legacy area and header */

/* Leaf 0xd from the feature bits and the host's component sizes (already in p->xstate). */
void cpuid_xstate_recalculate(struct cpuid_policy *p);
struct cpuid_leaf cpuid_xstate_read(const struct cpuid_policy *p, uint32_t subleaf, const struct cpuid_context *c);

#endif
