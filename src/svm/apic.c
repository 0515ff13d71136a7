/* SPDX-License-Identifier: BSD-2-Clause */
/* No APIC virtualisation (AVIC) yet: the virtual APIC is software's alone, v->delivers_interrupts is never set. */
#include <svm/svm.h>

#include "state.h"

#include <hv/assert.h>

#define PAGE_TPR 0x80U

static uint8_t *svm_tpr(const struct hw_vcpu *v) { return (uint8_t *)v->config.apic_page + PAGE_TPR; }

void svm_set_apic_mode(struct hw_vcpu *v, enum hw_apic_mode mode) { v->apic_mode = mode; }

/*
 * The guest's CR8 is V_TPR, without exits (APM 15.21.2); the page has it between entries. There is no threshold: writes exit while
 * an interrupt waits, and while the register has a lower half, which CR8 would clear.
 */
void svm_set_tpr_threshold(struct hw_vcpu *v, unsigned int threshold)
{
    struct vmcb *b = vmcb_of(v);
    bool exits;

    if (!v->uses_tpr_threshold)
        return;
    exits = threshold != 0 || (*svm_tpr(v) & 0xf) != 0;
    if (exits == ((b->cr_writes & SVM_CR8) != 0))
        return;
    b->cr_writes = (uint16_t)(b->cr_writes ^ SVM_CR8);
    vmcb_touch(b, CLEAN_INTERCEPTS);
}

void svm_tpr_load(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);
    uint64_t tpr = *svm_tpr(v) >> 4;

    if ((b->vintr & VINTR_TPR) == tpr)
        return;
    b->vintr = (b->vintr & ~VINTR_TPR) | tpr;
    vmcb_touch(b, CLEAN_TPR);
}

void svm_tpr_save(struct hw_vcpu *v)
{
    uint8_t tpr = vmcb_of(v)->vintr & VINTR_TPR;

    if (tpr != *svm_tpr(v) >> 4)
        *svm_tpr(v) = (uint8_t)(tpr << 4);
}

void svm_set_rvi(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg) { ASSERT(false); }
void svm_set_svi(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg) { ASSERT(false); }

void svm_set_eoi_exit(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg, bool exits unused_arg)
{
    ASSERT(false);
}
