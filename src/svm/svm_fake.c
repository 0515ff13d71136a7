/* SPDX-License-Identifier: BSD-2-Clause */
#include <svm/svm_fake.h>

#include "state.h"

#include <hv/assert.h>

struct svm_fake_counts svm_fake_counts;
static void (*guest)(struct hw_vcpu *v, struct vmcb *b);

void svm_fake_guest(void (*fn)(struct hw_vcpu *v, struct vmcb *b)) { guest = fn; }

/* What the CPU checks before it enters (APM 15.5.1). */
static bool state_is_legal(const struct vmcb *b)
{
    return (b->efer & EFER_SVME) && b->asid != 0 && (b->intercepts2 & SVM2_VMRUN) &&
           ((b->cr0 & CR0_CD) || !(b->cr0 & CR0_NW)) && b->cr0 >> 32 == 0 &&
           !((b->efer & EFER_LME) && (b->cr0 & CR0_PG) && !((b->cr4 & CR4_PAE) && (b->cr0 & CR0_PE)));
}

void svm_enter_guest(struct hw_vcpu *v, hpa_t vmcb unused_arg, hpa_t host unused_arg)
{
    struct vmcb *b = vmcb_of(v);

    svm_fake_counts.entries++;
    b->exit_int_info = 0;
    if (guest == NULL || !state_is_legal(b))
        b->exit_code = UINT64_MAX;
    else
        guest(v, b);
}

void svm_vmsave(hpa_t vmcb unused_arg) { svm_fake_counts.saves++; }
