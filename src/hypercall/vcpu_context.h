/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private: register state of a vCPU that is not running, in and out of the ABI's records. It is
 * borrowed from the vendor folder meanwhile, whatever vCPU this CPU has loaded.
 */
#ifndef HYPERCALL_VCPU_CONTEXT_H
#define HYPERCALL_VCPU_CONTEXT_H

#include <domain/domain.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/hvm/save.h>

/* v: off every CPU, down or paused. -EINVAL: values that no CPU takes. */
int vcpu_context_set_hvm(struct vcpu *v, const struct vcpu_hvm_context *ctx) must_check;
int vcpu_context_load(struct vcpu *v, const struct hvm_hw_cpu *cpu) must_check;
void vcpu_context_save(struct vcpu *v, struct hvm_hw_cpu *cpu);
/* The general registers, RIP, RSP and RFLAGS alone. */
void vcpu_context_set_regs(struct vcpu *v, const struct hvm_hw_cpu *cpu);
/* The 512 bytes of FXSAVE; NULL: as after reset. */
void vcpu_fpu_save(const struct vcpu *v, char to[512]);
void vcpu_fpu_load(struct vcpu *v, const char *from);
/* Of the XSAVE record; 0: a domain without XSAVE has none. -EINVAL: not what this CPU could have saved. */
#define XSAVE_RECORD_MAX 4096U
uint32_t vcpu_xsave_length(const struct vcpu *v);
void vcpu_xsave_save(const struct vcpu *v, struct hvm_hw_cpu_xsave *to);
int vcpu_xsave_load(struct vcpu *v, const struct hvm_hw_cpu_xsave *from, uint32_t length) must_check;
/* IA32_PAT of v. false: an illegal value was to be set. */
bool vcpu_context_pat(struct vcpu *v, uint64_t *pat, bool set);

#endif
