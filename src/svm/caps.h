/* SPDX-License-Identifier: BSD-2-Clause */
/* From what the CPU reports to what Tenon uses: pure. */
#ifndef SVM_CAPS_H
#define SVM_CAPS_H

#include <hv/types.h>

struct svm_caps {
    uint32_t max_leaf, ext_ecx, ext_edx;   /* CPUID 80000000.EAX, 80000001 */
    uint32_t asids, svm_edx;               /* CPUID 8000000A.EBX, .EDX */
    uint32_t ext8_ebx;                     /* CPUID 80000008.EBX */
    uint64_t vm_cr;
    bool qemu_tcg;                         /* CPUID 40000000: the CPU is QEMU's emulation */
};

struct svm_features {
    bool nrips, decode_assists, clean, flush_by_asid, tsc_ratio, pause_filter, pause_threshold, vnmi;
    bool page_1g, rdtscp, spec_ctrl;
    bool forgets_irqs;             /* QEMU: one that arrives while VMRUN notes a virtual one, until its APIC is written */
    uint32_t asids;
};
extern struct svm_features svm_features;

/* NULL: fine, *out is filled. Else the sentence for the console. */
const char *svm_caps_choose(const struct svm_caps *caps, struct svm_features *out) must_check;

#endif
