/* SPDX-License-Identifier: BSD-2-Clause */
/* Host builds only: what stands for VMRUN. A test's guest function looks at the VMCB and writes the next exit into it. */
#ifndef SVM_SVM_FAKE_H
#define SVM_SVM_FAKE_H

#include <hv/hw.h>

struct vmcb;
void svm_fake_guest(void (*fn)(struct hw_vcpu *v, struct vmcb *b));
struct svm_fake_counts { unsigned int entries, saves; };
extern struct svm_fake_counts svm_fake_counts;

#endif
