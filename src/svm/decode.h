/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit information of a VMCB to the neutral record: pure, total (any input gives a record). */
#ifndef SVM_DECODE_H
#define SVM_DECODE_H

#include "vmcb.h"

#include <hv/vmexit.h>

#define SVM_EXIT_SHUTDOWN 0x7fU
#define SVM_EXIT_IRET 0x74U

/* Reads exit_code to exit_int_info, rip, next_rip (0 where the CPU does not save it), dr6 and cr2. */
void svm_decode(const struct vmcb *b, struct vmexit *x);

#endif
