/* SPDX-License-Identifier: BSD-2-Clause */
/* What src/svm keeps of a vCPU and of a CPU beyond the common part, and what its files call of each other. */
#ifndef SVM_STATE_H
#define SVM_STATE_H

#include "vmcb.h"

#include <svm/svm.h>
#include <x86/percpu.h>

#define SVM_APIC_TPR 0x80U           /* in the APIC's page */

struct svm_state {
    struct vmcb *vmcb;
    hpa_t vmcb_pa;
    uint64_t asid_generation;     /* the CPU's when the ASID was given; 0: none */
    int asid_cpu;                 /* where */
    int loaded_on;                /* CPU that has its MSRs, -1: none */
    uint64_t cr0_hidden;          /* CR0.CD and NW as the guest set them: the caches stay on */
    uint64_t cr4_hidden;          /* CR4.MCE as the guest set it: it stays on */
    uint64_t tsc_aux, tsc_ratio;
    uint64_t iret_rip;            /* of the IRET that is being stepped over */
    bool nmi_masked;              /* without vNMI: from an NMI's delivery to the end of its IRET */
    bool nmi_stepping;            /* that IRET is under way, with RFLAGS.TF set by us */
    bool step_guest_tf;           /* the guest had it set itself */
    bool virtual_irq;             /* the queued interrupt went in as a virtual one */
    uint8_t tpr;                  /* of the page, as V_TPR and the intercept of CR8 have it */
};
_Static_assert(sizeof(struct svm_state) <= HW_VENDOR_WORDS * sizeof(uint64_t), "struct hw_vcpu has room");

static inline struct svm_state *svm(const struct hw_vcpu *v) { return (struct svm_state *)(uintptr_t)v->vendor; }
static inline struct vmcb *vmcb_of(const struct hw_vcpu *v) { return svm(v)->vmcb; }
static inline void vmcb_touch(struct vmcb *b, uint64_t groups) { b->clean &= (uint32_t)~groups; }

/*
 * ASIDs (APM 15.16): each is given once, then the TLB is flushed and they start again. A vCPU keeps its own until
 * the CPU's generation moves on, so flushing a guest's translations is to take another ASID.
 */
struct svm_cpu {
    void *hsave;                  /* where VMRUN puts host state */
    struct vmcb *host;            /* what VMSAVE put of it */
    hpa_t host_pa;
    bool on;
    struct hw_vcpu *current;
    uint64_t asid_generation;     /* from 1 on */
    uint32_t next_asid, asid_count;
};
static inline struct svm_cpu *svm_this_cpu(void) { return this_cpu()->hw; }
/* Before an entry: ASID and TLB control. A vCPU that comes from another CPU has dropped its own. */
void svm_asid_new(struct svm_cpu *cpu, struct hw_vcpu *v);
static inline void svm_asid_prepare(struct svm_cpu *cpu, struct hw_vcpu *v)
{
    vmcb_of(v)->tlb_control = TLB_KEEP;
    if (unlikely(svm(v)->asid_generation != cpu->asid_generation))
        svm_asid_new(cpu, v);
}
/* Translations of this vCPU that its CPU holds are not used again. */
static inline void svm_asid_drop(struct hw_vcpu *v) { svm(v)->asid_generation = 0; }

/* inject.c: the queued event into the VMCB; what the exit says about NMIs. */
void svm_inject_write(struct hw_vcpu *v);
void svm_nmi_after_exit(struct hw_vcpu *v, struct vmexit *x);
/* After an exit from a guest that was offered a virtual interrupt, or has a window open: one that was not taken is in
 * exit_int_info as an event that was cut short. */
void svm_virtual_irq_end(struct hw_vcpu *v);
/* apic.c: the TPR between the page and V_TPR, where vCPU->uses_tpr_threshold. Mostly both have it. */
void svm_tpr_put(struct hw_vcpu *v);
void svm_tpr_take(struct hw_vcpu *v);
static inline uint8_t *svm_tpr(const struct hw_vcpu *v) { return (uint8_t *)v->config.apic_page + SVM_APIC_TPR; }
static inline void svm_tpr_load(struct hw_vcpu *v)
{
    if (v->uses_tpr_threshold && unlikely(*svm_tpr(v) != svm(v)->tpr))
        svm_tpr_put(v);
}
static inline void svm_tpr_save(struct hw_vcpu *v)
{
    if (v->uses_tpr_threshold && unlikely((vmcb_of(v)->vintr & VINTR_TPR) != svm(v)->tpr >> 4))
        svm_tpr_take(v);
}
/* cr.c */
uint64_t svm_cr4_allowed(const struct hw_vcpu *v);
/* msr.c */
void svm_msrs_load(struct hw_vcpu *v);
void svm_msrs_save(struct hw_vcpu *v);

/* entry.S: runs the guest until its next exit; and VMSAVE. */
void svm_enter_guest(struct hw_vcpu *v, hpa_t vmcb, hpa_t host);
void svm_vmsave(hpa_t vmcb);

#endif
