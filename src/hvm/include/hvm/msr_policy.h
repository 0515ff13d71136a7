/* SPDX-License-Identifier: BSD-2-Clause */
/* What RDMSR/WRMSR of each MSR does for a guest: one table (src/hvm/msrs.def), default #GP. Says only the class; the caller in
 * src/vcpu performs it. Pure. */
#ifndef HVM_MSR_POLICY_H
#define HVM_MSR_POLICY_H

#include <hv/types.h>

enum msr_class {
    MSR_GP,            /* not there */
    MSR_VMCS,          /* lives in guest state: hw_get_msr/hw_set_msr */
    MSR_PASS,          /* never exits (bitmap allows it); if it does exit after all: as MSR_VMCS */
    MSR_CONST,         /* reads a constant of the row, writes ignored or #GP by row */
    MSR_STORE,         /* per-vCPU storage without effect (MTRRs ...): msr_store_* */
    MSR_TSC, MSR_TSC_ADJUST, MSR_TSC_DEADLINE, MSR_APIC_BASE, MSR_X2APIC, MSR_EFER, MSR_XSS,
    MSR_SPEC_CTRL, MSR_PRED_CMD, MSR_FLUSH_CMD, MSR_MISC_ENABLE, MSR_ARCH_CAPS, MSR_PLATFORM_INFO,
    MSR_SYNTHETIC,     /* a hypervisor's own: who asks and which one decide */
    MSR_HOST_READ,     /* the real value (exception-safe read: #GP here is #GP there) */
    MSR_AMD_CONST,     /* the row's constant, writes ignored, where CPUID says AMD or Hygon; else #GP */
};
/* On a write look in this order: reserved bits -> #GP; ignore_write -> done; else the class. Classes that stand for a CPUID
 * feature (TSC_DEADLINE, TSC_ADJUST, SPEC_CTRL, PRED_CMD, FLUSH_CMD, ARCH_CAPS, XSS) are #GP when the policy lacks it. */
struct msr_rule { enum msr_class read, write; uint64_t value; /* MSR_CONST */ uint64_t reserved; /* write with any of these bits -> #GP */ bool ignore_write; };
/* dom0 sees a few more than a guest. */
struct msr_rule msr_policy(uint32_t msr, bool dom0);
/* Calls fn for every range that needs no exit (MSR_PASS): to build the bitmap. */
void msr_policy_each_pass(bool dom0, void (*fn)(void *ctx, uint32_t first, uint32_t last), void *ctx);

/* IA32_MISC_ENABLE as a guest sees it: host's value with fast strings on, BTS and PEBS unavailable, and without
 * MWAIT, SpeedStep, and thermal control. The rule's value has the bits that must read as set in any case: without
 * fast strings Linux gives up REP MOVSB. */
uint64_t msr_misc_enable(uint64_t host_value);

/* Storage for MSR_STORE: a small fixed array per vCPU, indexed by table position. */
#define MSR_STORE_SLOTS 48
struct msr_store { uint64_t value[MSR_STORE_SLOTS]; };
void msr_store_reset(struct msr_store *s);
bool msr_store_read(const struct msr_store *s, uint32_t msr, uint64_t *value);
bool msr_store_write(struct msr_store *s, uint32_t msr, uint64_t value);   /* false: illegal value -> #GP */

#endif
