/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a CPU lets its software do, whichever vendor's hardware runs the guest: legal values of control registers and
 * MSRs, and what becomes of two events at once. Pure functions of src/vmx and src/svm; no locks.
 */
#ifndef GUESTCPU_RULES_H
#define GUESTCPU_RULES_H

#include <hv/regs.h>
#include <hv/vmexit.h>

#define GUEST_CR4_VIRTUALISED (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | \
    CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | \
    CR4_SMEP | CR4_SMAP | CR4_PKE)
/* A change of these changes translations that the TLB holds. */
#define GUEST_CR0_FLUSHES (CR0_PG | CR0_WP | CR0_PE)
#define GUEST_CR4_FLUSHES (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)
#define GUEST_CR3_NO_FLUSH BIT(63)
#define GUEST_RFLAGS_VALID 0x3f7fd5ULL       /* bits that exist; bit 1 is always set */
#define GUEST_RFLAGS_ONE 0x2ULL
#define GUEST_DR7_VALID 0xffff2fffULL
#define GUEST_DR7_ONE 0x400ULL
#define GUEST_RESET_PAT 0x0007040600070406ULL

/* The registers that decide what another may become. */
struct guest_control { uint64_t cr0, cr3, cr4, efer; bool cs_long; };

/* Whether MOV to the register raises no #GP (SDM volume 2). */
bool guest_cr0_is_legal(const struct guest_control *old, uint64_t value);
bool guest_cr4_is_legal(const struct guest_control *old, uint64_t value);   /* bits that do not exist are the caller's */
bool guest_efer_is_legal(const struct guest_control *old, uint64_t value);
bool guest_pat_is_legal(uint64_t value);
bool guest_is_canonical(uint64_t address);
/* STAR to TSC_AUX: MSRs that are switched as they are. */
bool guest_swapped_msr_is_legal(uint32_t msr, uint64_t value);

/* The exception that a second event makes of one that was being delivered (SDM table 6-5). false: triple fault. */
bool guest_event_merge(const struct hv_event *first, const struct hv_event *second, struct hv_event *out) must_check;
/* Whether the exception pushes an error code. */
bool guest_vector_has_error(unsigned int vector);

#endif
