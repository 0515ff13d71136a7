/* SPDX-License-Identifier: BSD-2-Clause */
/* No APIC virtualisation (AVIC) yet: the virtual APIC is software's alone, v->delivers_interrupts is never set. */
#include <svm/svm.h>

#include "state.h"

#include <hv/assert.h>

void svm_set_apic_mode(struct hw_vcpu *v, enum hw_apic_mode mode) { v->apic_mode = mode; }

/*
 * The guest's CR8 is V_TPR, without exits (APM 15.21.2); the page has it between entries. There is no threshold: writes exit while
 * an interrupt waits, and while the register has a lower half, which CR8 would clear.
 */
static void intercept_cr8(struct hw_vcpu *v)
{
    bool exits = v->tpr_threshold != 0 || (*svm_tpr(v) & 0xf) != 0;
    struct vmcb *b = vmcb_of(v);

    if (exits == ((b->cr_writes & SVM_CR8) != 0))
        return;
    b->cr_writes = (uint16_t)(b->cr_writes ^ SVM_CR8);
    vmcb_touch(b, CLEAN_INTERCEPTS);
}

void svm_set_tpr_threshold(struct hw_vcpu *v, unsigned int threshold)
{
    if (!v->uses_tpr_threshold)
        return;
    v->tpr_threshold = threshold;
    intercept_cr8(v);
}

void svm_tpr_put(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);
    uint8_t tpr = *svm_tpr(v);

    svm(v)->tpr = tpr;
    intercept_cr8(v);
    b->vintr = (b->vintr & ~VINTR_TPR) | tpr >> 4;
    vmcb_touch(b, CLEAN_TPR);
}

void svm_tpr_take(struct hw_vcpu *v)
{
    uint8_t tpr = (uint8_t)((vmcb_of(v)->vintr & VINTR_TPR) << 4);

    svm(v)->tpr = *svm_tpr(v) = tpr;
}

void svm_set_rvi(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg) { ASSERT(false); }
void svm_set_svi(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg) { ASSERT(false); }

void svm_set_eoi_exit(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg, bool exits unused_arg)
{
    ASSERT(false);
}
