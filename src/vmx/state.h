/* SPDX-License-Identifier: BSD-2-Clause */
/* What src/vmx keeps of a vCPU beyond the common part. */
#ifndef VMX_STATE_H
#define VMX_STATE_H

#include <hv/hw.h>

#define VMX_CACHED_FIELDS 10U

struct vmx_state {
    mfn_t vmcs;
    bool launched;
    bool live;                    /* the swapped MSRs are in the CPU */
    int loaded_on;                /* CPU on which the VMCS is active (needs vmx_unload there to move), -1: none */
    int host_cpu;                 /* CPU whose host state the VMCS holds */
    uint32_t cached;              /* guest fields read since the last exit, one bit each ... */
    uint64_t cache[VMX_CACHED_FIELDS];          /* ... and their values */
    uint32_t cpu_based, secondary, pin_based;   /* current controls */
    uint64_t cr0_shadow_mask, cr4_shadow_mask;
    uint64_t kernel_gs_base, star, lstar, cstar, sfmask, tsc_aux;   /* swapped at vmx_load/vmx_unload */
    uint64_t host_rsp_cached;
};
_Static_assert(sizeof(struct vmx_state) <= HW_VENDOR_WORDS * sizeof(uint64_t), "struct hw_vcpu has room");

/* Of a const vCPU too: reading fills the cache. */
static inline struct vmx_state *vmx(const struct hw_vcpu *v)
{
    return (struct vmx_state *)(uintptr_t)v->vendor;
}

#endif
