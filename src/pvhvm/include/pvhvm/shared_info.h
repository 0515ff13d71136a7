/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are in shared_info and vcpu_info (xen/xen.h), for guests of either word size. Which
 * layout a domain has is latched from the mode of its vCPU when it sets the hypercall page or
 * HVM_PARAM_CALLBACK_IRQ. Pure arithmetic; any caller, no locks.
 */
#ifndef PVHVM_SHARED_INFO_H
#define PVHVM_SHARED_INFO_H

#include <hv/errno.h>
#include <hv/types.h>

#define SHARED_INFO_VCPUS 32U        /* so many have theirs there; other vCPUs must register one */
#define VCPU_INFO_SIZE 64U           /* in both layouts */
#define SHARED_INFO_PENDING 2048U    /* in both layouts */

static inline uint32_t shared_info_mask_offset(bool layout32) { return layout32 ? 2176 : 2560; }
static inline uint32_t shared_info_wc_offset(bool layout32) { return layout32 ? 2304 : 3072; }
static inline uint32_t shared_info_wc_sec_hi_offset(bool layout32)
{
    return layout32 ? 2340 : 3084;
}
static inline uint32_t vcpu_info_sel_offset(bool layout32) { return layout32 ? 4 : 8; }
#define VCPU_INFO_TIME 32U           /* in both layouts */

/* NULL: this vCPU has none there. */
static inline void *shared_info_vcpu(void *shared_info, uint32_t vcpu)
{
    return vcpu < SHARED_INFO_VCPUS ? (char *)shared_info + (size_t)vcpu * VCPU_INFO_SIZE : NULL;
}

static inline struct vcpu_time_info *vcpu_info_time(void *vcpu_info)
{
    return (struct vcpu_time_info *)(void *)((char *)vcpu_info + VCPU_INFO_TIME);
}

/* VCPUOP_register_vcpu_info: within the page and, for our atomic accesses, aligned. */
static inline int vcpu_info_check_offset(uint32_t offset)
{
    return offset > PAGE_SIZE - VCPU_INFO_SIZE || (offset & 7) != 0 ? -EINVAL : 0;
}

#endif
