/* SPDX-License-Identifier: BSD-2-Clause */
/* EPT pointer, invalidation of what this CPU has cached, and the TSC as the guest sees it. */
#include <vmx/vmx.h>

#include "bits.h"
#include "state.h"
#include "vmcs.h"

#include <hv/assert.h>

#define TSC_MULTIPLIER_ONE BIT(48)

void vmx_set_eptp(struct hw_vcpu *v, uint64_t eptp)
{
    if (v->config.slat_root == eptp)
        return;
    v->config.slat_root = eptp;
    v->slat_generation = UINT64_MAX;
    vmwrite64(CTL_EPT_POINTER, eptp);
}

void vmx_invept(uint64_t eptp)
{
    uint64_t type = vmx_features.invept_single ? INVALIDATE_SINGLE : INVALIDATE_ALL;

    BUG_ON(!insn_invept(type, eptp));
}

/* VPID 0 means that entries and exits flush anyway. */
void vmx_invvpid(uint16_t vpid)
{
    uint64_t type = vmx_features.invvpid_single ? INVALIDATE_SINGLE : INVALIDATE_ALL;

    if (vpid != 0)
        BUG_ON(!insn_invvpid(type, type == INVALIDATE_SINGLE ? vpid : 0));
}

void vmx_set_tsc_offset(struct hw_vcpu *v unused_arg, uint64_t offset) { vmwrite64(CTL_TSC_OFFSET, offset); }

void vmx_set_tsc_multiplier(struct hw_vcpu *v, uint64_t multiplier)
{
    uint32_t wanted = multiplier == TSC_MULTIPLIER_ONE ? vmx(v)->secondary & ~SEC_TSC_SCALING
                                                       : vmx(v)->secondary | SEC_TSC_SCALING;

    if (!vmx_features.tsc_scaling)
        return;
    vmwrite64(CTL_TSC_MULTIPLIER, multiplier);
    if (wanted != vmx(v)->secondary)
        vmwrite32(CTL_SECONDARY, wanted);
    vmx(v)->secondary = wanted;
}
