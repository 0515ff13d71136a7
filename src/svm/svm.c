/* SPDX-License-Identifier: BSD-2-Clause */
/* The place of a second backend: a CPU that is no Intel's is refused. */
#include <svm/svm.h>

#include <hv/assert.h>

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define svm_probe svm_not_probe
#define svm_probed_features svm_no_features
#define npt_format svm_format
#define npt_pointer svm_pointer
#define HW_OP(type, name, vmx, svm, params, args) type svm params { BUG(); }
#include <hv/hw_ops.def>
#undef HW_OP
#undef svm_probe
#undef svm_probed_features

const char *svm_probe(void)
{
    return "Tenon needs Intel VT-x (VMX); this is an AMD CPU, whose SVM it cannot use yet";
}

const struct hw_features *svm_probed_features(void)
{
    static const struct hw_features f = { .name = "SVM" };

    return &f;
}
