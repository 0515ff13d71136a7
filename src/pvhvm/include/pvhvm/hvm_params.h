/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HVM_PARAM_* store with the rules of who may read or write which, when and what (xen/hvm/params.h;
 * the rules are the rows of src/pvhvm/hvm_params.def). Pure: side effects of a new value are the
 * caller's, between check and set. Callers serialise.
 */
#ifndef PVHVM_HVM_PARAMS_H
#define PVHVM_HVM_PARAMS_H

#include <hv/types.h>
#include <xen/hvm/params.h>

struct hvm_params { uint64_t value[HVM_NR_PARAMS]; };
void hvm_params_init(struct hvm_params *p);
/* self: a guest acting on itself, else a toolstack. 0, -EINVAL (no such parameter, bad value),
 * -EPERM, -EEXIST (set once). */
int hvm_params_check_set(const struct hvm_params *p, uint32_t index, uint64_t value,
                         bool self) must_check;
/* After a check that said 0. */
void hvm_params_set(struct hvm_params *p, uint32_t index, uint64_t value);
int hvm_params_get(const struct hvm_params *p, uint32_t index, bool self,
                   uint64_t *value) must_check;

#endif
