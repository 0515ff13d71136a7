/* SPDX-License-Identifier: BSD-2-Clause */
#include "caps.h"

#include "vmcb.h"

#define NESTED "; if this is a virtual machine, its host must pass it on"

/* CPUID 8000000A.EDX (APM volume 3, appendix E.4.9) */
#define SVM_EDX_NP BIT(0)
#define SVM_EDX_NRIPS BIT(3)
#define SVM_EDX_TSC_RATE BIT(4)
#define SVM_EDX_CLEAN BIT(5)
#define SVM_EDX_FLUSH_BY_ASID BIT(6)
#define SVM_EDX_DECODE_ASSISTS BIT(7)
#define SVM_EDX_PAUSE_FILTER BIT(10)
#define SVM_EDX_PAUSE_THRESHOLD BIT(12)
#define SVM_EDX_VNMI BIT(25)
#define SVM_LEAF 0x8000000aU
#define EXT_ECX_SVM BIT(2)
#define EXT_EDX_PAGE_1G BIT(26)
#define EXT_EDX_RDTSCP BIT(27)
#define EXT8_EBX_SPEC_CTRL (BIT(14) | BIT(15) | BIT(24))      /* IBRS, STIBP, SSBD */

static const char *check(const struct svm_caps *c)
{
    if (c->max_leaf < SVM_LEAF || !(c->ext_ecx & EXT_ECX_SVM))
        return "Tenon needs AMD SVM (AMD-V); this CPU does not offer it" NESTED;
    if ((c->vm_cr & VM_CR_SVMDIS) && (c->vm_cr & VM_CR_LOCK))
        return "SVM is disabled by the firmware: VM_CR.SVMDIS is set and locked; enable SVM (AMD-V, virtualization) in "
               "the firmware's setup";
    if (!(c->svm_edx & SVM_EDX_NP))
        return "Tenon needs nested paging (NPT); this CPU's SVM does not offer it" NESTED;
    if (c->asids < 2)
        return "Tenon needs address-space identifiers (ASIDs) for guests; this CPU's SVM offers none" NESTED;
    return NULL;
}

const char *svm_caps_choose(const struct svm_caps *c, struct svm_features *out)
{
    const char *problem = check(c);

    if (problem != NULL)
        return problem;
    *out = (struct svm_features){
        .nrips = c->svm_edx & SVM_EDX_NRIPS,
        .decode_assists = c->svm_edx & SVM_EDX_DECODE_ASSISTS,
        .clean = c->svm_edx & SVM_EDX_CLEAN,
        .flush_by_asid = c->svm_edx & SVM_EDX_FLUSH_BY_ASID,
        .tsc_ratio = c->svm_edx & SVM_EDX_TSC_RATE,
        .pause_filter = c->svm_edx & SVM_EDX_PAUSE_FILTER,
        .pause_threshold = c->svm_edx & SVM_EDX_PAUSE_THRESHOLD,
        .vnmi = c->svm_edx & SVM_EDX_VNMI,
        .page_1g = c->ext_edx & EXT_EDX_PAGE_1G,
        .rdtscp = c->ext_edx & EXT_EDX_RDTSCP,
        .spec_ctrl = c->ext8_ebx & EXT8_EBX_SPEC_CTRL,
        .forgets_irqs = c->qemu_tcg,
        .asids = c->asids,
    };
    return NULL;
}
