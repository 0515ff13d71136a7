/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private: register state of a vCPU that is not running, in and out of the ABI's records. The vendor
 * folder wants a vCPU's state loaded on this CPU for that, so the caller's own is put aside meanwhile.
 */
#ifndef HYPERCALL_VCPU_CONTEXT_H
#define HYPERCALL_VCPU_CONTEXT_H

#include <domain/domain.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/save.h>

/* me: the vCPU whose hypercall this is; v: another, down or paused. -EINVAL: values that no CPU takes. */
int vcpu_context_set_hvm(struct vcpu *me, struct vcpu *v, const struct vcpu_hvm_context *ctx) must_check;
int vcpu_context_load(struct vcpu *me, struct vcpu *v, const struct hvm_hw_cpu *cpu) must_check;
void vcpu_context_save(struct vcpu *me, struct vcpu *v, struct hvm_hw_cpu *cpu);
/* IA32_PAT of v. false: an illegal value was to be set. */
bool vcpu_context_pat(struct vcpu *me, struct vcpu *v, uint64_t *pat, bool set);

#endif
