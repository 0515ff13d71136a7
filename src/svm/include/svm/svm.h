/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD SVM (APM volume 2, chapter 15): capability probing, one VMCB per vCPU, entering the guest and turning the exit into
 * the neutral struct vmexit. Everything SVM stays behind this header. Knows nothing of domains. The operations and
 * their contracts are the rows of hv/hw_ops.def; other folders call them through src/hw.
 */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include <hv/hw.h>

struct slat_format;
struct slat;
#define HW_OP(type, name, vmx, svm, params, args) type svm params;
#include <hv/hw_ops.def>
#undef HW_OP

#endif
