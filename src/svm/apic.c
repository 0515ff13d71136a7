/* SPDX-License-Identifier: BSD-2-Clause */
/* No APIC virtualisation (AVIC) yet: the virtual APIC is software's alone, v->delivers_interrupts is never set. */
#include <svm/svm.h>

#include <hv/assert.h>

void svm_set_apic_mode(struct hw_vcpu *v, enum hw_apic_mode mode) { v->apic_mode = mode; }
void svm_set_tpr_threshold(struct hw_vcpu *v unused_arg, unsigned int threshold unused_arg) { }
void svm_set_rvi(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg) { ASSERT(false); }
void svm_set_svi(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg) { ASSERT(false); }

void svm_set_eoi_exit(struct hw_vcpu *v unused_arg, uint8_t vector unused_arg, bool exits unused_arg)
{
    ASSERT(false);
}
