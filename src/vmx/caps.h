/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the CPU reports to what Tenon uses: pure. The raw values are MSRs (SDM appendix A), the result
 * is one word per kind of control that holds all this CPU insists on and all that Tenon wants.
 */
#ifndef VMX_CAPS_H
#define VMX_CAPS_H

#include <vmx/vmx.h>

struct vmx_caps {
    bool vmx;                        /* CPUID.1:ECX[5] */
    bool spec_ctrl;                  /* CPUID.7:EDX[26] */
    uint64_t feature_control;
    uint64_t basic, misc, ept_vpid;
    uint64_t pin, cpu, secondary, exit, entry;      /* allowed-0 low, allowed-1 high; the TRUE ones */
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

struct vmx_setup {
    uint32_t revision;
    uint32_t pin, cpu, secondary, exit, entry;      /* what every VMCS starts with */
    uint64_t cr0_fixed0, cr4_fixed0, cr4_fixed1;
    struct vmx_features features;
};

/* NULL: fine, *out is filled. Else the sentence for the console. */
const char *caps_choose(const struct vmx_caps *caps, struct vmx_setup *out) must_check;
/* Whether VMXON will be let through by IA32_FEATURE_CONTROL; an unlocked register can be set. */
const char *caps_check_feature_control(uint64_t feature_control) must_check;
/* NULL if a CPU can run what was chosen from another's capabilities. */
const char *caps_same(const struct vmx_caps *boot, const struct vmx_caps *here) must_check;

extern struct vmx_setup vmx_setup;      /* what vmx_probe() chose */

#endif
