/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest finds when it asks whether this is Xen. */
#include <pvhvm/xen_cpuid.h>

#include <hv/compiler.h>
#include <lib/string.h>
#include <xen/arch-x86/cpuid.h>

static void set(uint32_t out[4], uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    out[0] = eax;
    out[1] = ebx;
    out[2] = ecx;
    out[3] = edx;
}

static void time_leaf(uint32_t subleaf, const struct xen_cpuid_info *i, uint32_t out[4])
{
    if (subleaf == 0)
        set(out, (i->tsc_emulated ? 1U : 0) | (i->tsc_safe ? 2U : 0) | (i->rdtscp ? 4U : 0),
            i->tsc_mode, (uint32_t)i->guest_tsc_khz, i->incarnation);
    else if (subleaf == 1)
        set(out, (uint32_t)i->tsc_offset, (uint32_t)(i->tsc_offset >> 32), i->tsc_mul,
            (uint32_t)(int32_t)i->tsc_shift);
    else if (subleaf == 2)
        set(out, (uint32_t)i->host_tsc_khz, 0, 0, 0);
}

static uint32_t hvm_features(const struct xen_cpuid_info *i)
{
    return XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT |
           XEN_HVM_CPUID_UPCALL_VECTOR | (i->apic_reg_virt ? XEN_HVM_CPUID_APIC_ACCESS_VIRT : 0) |
           (i->x2apic_virt ? XEN_HVM_CPUID_X2APIC_VIRT : 0) |
           (i->iommu_mappings ? XEN_HVM_CPUID_IOMMU_MAPPINGS : 0);
}

void xen_cpuid_read(uint32_t leaf, uint32_t subleaf, const struct xen_cpuid_info *i,
                    uint32_t out[4])
{
    uint32_t base = i->viridian ? XEN_CPUID_BASE_VIRIDIAN : XEN_CPUID_BASE;

    set(out, 0, 0, 0, 0);
    switch (leaf - base) {
    case 0:
        set(out, base + XEN_CPUID_MAX_NUM_LEAVES, XEN_CPUID_SIGNATURE_EBX,
            XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX);
        break;
    case 1:
        set(out, XEN_VERSION_4_17, 0, 0, 0);
        break;
    case 2:
        set(out, 1, i->viridian ? XEN_MSR_HYPERCALL_PAGE_VIRIDIAN : XEN_MSR_HYPERCALL_PAGE, 0, 0);
        break;
    case 3:
        time_leaf(subleaf, i, out);
        break;
    case 4:
        if (subleaf == 0)
            set(out, hvm_features(i), i->vcpu_id, i->domid, 0);
        break;
    default:      /* leaf 5 is for PV guests */
        break;
    }
}

void xen_hypercall_page_fill(void *page, const uint8_t insn[3])
{
    uint8_t *p = page;
    uint32_t n;

    memset(p, 0xcc, PAGE_SIZE);                       /* int3 */
    for (n = 0; n < PAGE_SIZE / 32; n++, p += 32) {
        if (n == __HYPERVISOR_iret) {                 /* PV only: ud2 */
            p[0] = 0x0f;
            p[1] = 0x0b;
            continue;
        }
        p[0] = 0xb8;                                  /* mov $n, %eax */
        memcpy(p + 1, &n, sizeof(n));
        memcpy(p + 5, insn, 3);                       /* VMCALL or VMMCALL */
        p[8] = 0xc3;                                  /* ret */
    }
}
