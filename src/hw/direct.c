/* SPDX-License-Identifier: BSD-2-Clause */
/* Host builds: text cannot be written there, so a variable is asked. */
#include "vendor.h"

static bool is_svm;

void hw_choose(void) { is_svm = hw_is_svm(); }

#define HW_OP(type, name, on_vmx, on_svm, params, args) \
    type hw_##name params { return is_svm ? on_svm args : on_vmx args; }
#include <hv/hw_ops.def>
#undef HW_OP
