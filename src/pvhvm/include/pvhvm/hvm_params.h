/* SPDX-License-Identifier: BSD-2-Clause */
/* HVM_PARAM_* store with the rules of who may read or write which and when (xen/hvm/params.h; src/pvhvm/hvm_params.def). Pure. */
#ifndef PVHVM_HVM_PARAMS_H
#define PVHVM_HVM_PARAMS_H

#include <hv/types.h>
#include <xen/hvm/params.h>

struct hvm_params { uint64_t value[HVM_NR_PARAMS]; };
void hvm_params_init(struct hvm_params *p);
/* self: a guest acting on itself. 0, -EINVAL, -EPERM, -EEXIST (set once). Side effects are the caller's. */
int hvm_params_check_set(const struct hvm_params *p, uint32_t index, uint64_t value, bool self) must_check;
int hvm_params_get(const struct hvm_params *p, uint32_t index, bool self, uint64_t *value) must_check;

#endif
