/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's CPUID leaves 0x40000000.. (xen/arch-x86/cpuid.h) and the hypercall page they announce.
 * Pure, no locks. */
#ifndef PVHVM_XEN_CPUID_H
#define PVHVM_XEN_CPUID_H

#include <hv/types.h>

#define XEN_CPUID_BASE 0x40000000U
#define XEN_CPUID_SIZE 0x100U
#define XEN_CPUID_BASE_VIRIDIAN 0x40000100U     /* behind the leaves of pvhvm/viridian.h, where a domain has those */
#define XEN_MSR_HYPERCALL_PAGE 0x40000000U     /* write: gfn << 12 | page index (only 0) */
#define XEN_MSR_HYPERCALL_PAGE_VIRIDIAN 0x40000200U
#define XEN_VERSION_4_17 0x00040011U

struct xen_cpuid_info {
    domid_t domid;
    uint32_t vcpu_id;
    bool apic_reg_virt, x2apic_virt;           /* the CPU does them without exits */
    bool iommu_mappings;                       /* foreign and grant mappings are good for DMA */
    uint64_t guest_tsc_khz, host_tsc_khz;
    uint64_t tsc_offset;
    uint32_t tsc_mul;
    int8_t tsc_shift;
    uint32_t tsc_mode, incarnation;
    bool tsc_emulated, tsc_safe, rdtscp;
    bool viridian;
};
/* leaf in the 256 from the base; out = eax, ebx, ecx, edx. Unknown: zeroes. */
void xen_cpuid_read(uint32_t leaf, uint32_t subleaf, const struct xen_cpuid_info *i,
                    uint32_t out[4]);
/* Fills a hypercall page (4 KiB): entry n at n*32. */
void xen_hypercall_page_fill(void *page, const uint8_t insn[3]);   /* insn: the CPU vendor's VMCALL */

#endif
