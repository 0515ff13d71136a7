/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enlightenments for Windows (HVM_PARAM_VIRIDIAN, xl.cfg's viridian): what a guest finds that looks for Microsoft's interface, as the
 * "Hypervisor Top Level Functional Specification" has it: CPUID leaves, the contents of its pages, which MSRs there are. Pure; src/vcpu
 * reads and writes the MSRs. The bits of features are HVMPV_* (xen/hvm/params.h).
 *
 * The reference time counts 100 ns and begins with the domain, as its TSC does: the one is the other, scaled.
 */
#ifndef PVHVM_VIRIDIAN_H
#define PVHVM_VIRIDIAN_H

#include <hv/types.h>
#include <xen/hvm/params.h>

/* Those of HVMPV_feature_mask that are there. */
#define VIRIDIAN_FEATURES                                                                                                     \
    (HVMPV_base_freq | HVMPV_no_freq | HVMPV_time_ref_count | HVMPV_reference_tsc | HVMPV_apic_assist | HVMPV_crash_ctl |     \
     HVMPV_no_vp_limit | HVMPV_cpu_hotplug)

#define VIRIDIAN_PAGE_ENABLED 1ULL         /* in the MSRs that place a page; its frame in bits 12 and up */
#define VIRIDIAN_PAGE_LOCKED 2ULL          /* VIRIDIAN_HYPERCALL: as it is until the domain is reset */
#define VIRIDIAN_CRASH_PARAMETERS 5U
#define VIRIDIAN_CRASH_NOTIFY (1ULL << 63)

enum viridian_msr {
    VIRIDIAN_GUEST_OS_ID = 0x40000000,
    VIRIDIAN_HYPERCALL = 0x40000001,
    VIRIDIAN_VP_INDEX = 0x40000002,
    VIRIDIAN_TIME_REF_COUNT = 0x40000020,
    VIRIDIAN_REFERENCE_TSC = 0x40000021,
    VIRIDIAN_TSC_FREQUENCY = 0x40000022,
    VIRIDIAN_APIC_FREQUENCY = 0x40000023,
    VIRIDIAN_EOI = 0x40000070,
    VIRIDIAN_ICR = 0x40000071,
    VIRIDIAN_TPR = 0x40000072,
    VIRIDIAN_APIC_ASSIST = 0x40000073,     /* the page of virtual processor assistance */
    VIRIDIAN_CRASH_P0 = 0x40000100,
    VIRIDIAN_CRASH_P4 = 0x40000104,
    VIRIDIAN_CRASH_CTL = 0x40000105,
};

/* A domain's; a vCPU has the MSR of its assist page besides. */
struct viridian {
    uint64_t guest_os_id, hypercall, reference_tsc;
    uint64_t crash[VIRIDIAN_CRASH_PARAMETERS];
};

struct viridian_cpuid {
    uint64_t features, guest_os_id;
    uint32_t max_vcpus;
    bool apic_by_msr;                      /* EOI, ICR and TPR exit: the MSRs are the shorter way */
};

/* leaf in [0x40000000, 0x400000ff]; out = eax, ebx, ecx, edx. Unknown: zeroes. */
void viridian_cpuid_read(uint32_t leaf, const struct viridian_cpuid *i, uint32_t out[4]);
bool viridian_has_msr(uint64_t features, uint32_t msr);
/* Reference time per TSC tick, 0.64 fixed point; 0: a TSC so slow has none (below 10 MHz). */
uint64_t viridian_tsc_scale(uint32_t tsc_khz);
uint64_t viridian_reference_time(uint64_t tsc, uint32_t tsc_khz);
/* Both fill a page (4 KiB). insn: the CPU vendor's VMCALL. */
void viridian_hypercall_page_fill(void *page, const uint8_t insn[3]);
void viridian_tsc_page_fill(void *page, uint32_t tsc_khz);
/* The status of a hypercall with this input value; *yield: the caller waits for somebody else to run. */
uint16_t viridian_hypercall(uint64_t input, bool *yield);

#endif
