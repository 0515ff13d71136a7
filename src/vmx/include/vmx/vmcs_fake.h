/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host builds only: the VMX instructions over arrays indexed by field encoding. A test writes what the next
 * exit shall look like from its guest function, which runs in place of the guest.
 */
#ifndef VMX_VMCS_FAKE_H
#define VMX_VMCS_FAKE_H

#include <vmx/vmx.h>

/* Every VMCS is forgotten, VMX is off, counters are zero. */
void vmcs_fake_reset(void);
/* Runs at VMLAUNCH/VMRESUME: plays guest and CPU. NULL: the entry instruction fails with error 7. */
void vmcs_fake_guest(void (*fn)(struct hw_vcpu *v, bool launch));
/* Fields of the current VMCS, read-only ones too; not counted. */
uint64_t vmcs_fake_get(unsigned int encoding);
void vmcs_fake_set(unsigned int encoding, uint64_t value);

struct vmcs_fake_counts { unsigned int reads, writes, invepts, invvpids, vmclears, vmptrlds, entries; };
extern struct vmcs_fake_counts vmcs_fake_counts;
/* VMXON fails from now on (another hypervisor is there). */
extern bool vmcs_fake_no_vmxon;

#endif
