/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw exit information to the neutral record: pure, total (any input gives a record). */
#ifndef SVM_DECODE_H
#define SVM_DECODE_H

#include <hv/vmexit.h>

/* As the VMCB has it. next_rip is 0 where the CPU does not save it. */
struct svm_exit_raw {
    uint64_t code, info1, info2, int_info;
    uint64_t rip, next_rip, dr6;
};

#define SVM_EXIT_SHUTDOWN 0x7fU
#define SVM_EXIT_IRET 0x74U

void svm_decode(const struct svm_exit_raw *raw, struct vmexit *x);

#endif
