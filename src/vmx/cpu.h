/* SPDX-License-Identifier: BSD-2-Clause */
/* What src/vmx keeps per CPU, and what its files call of each other. */
#ifndef VMX_CPU_H
#define VMX_CPU_H

#include <vmx/vmx.h>

struct vmx_cpu {
    void *region;                 /* VMXON region */
    bool on;
    struct hw_vcpu *current;     /* whose VMCS is current here */
};

struct vmx_cpu *vmx_this_cpu(void);

/* cr.c: CR4 bits that this guest may set. */
uint64_t cr4_allowed(const struct hw_vcpu *v);
/* msr.c: the MSRs that hardware does not switch. */
void msrs_load(struct hw_vcpu *v);
void msrs_save(struct hw_vcpu *v);
/* apic.c: secondary and CR8 controls of a mode; pure. */
struct apic_controls { uint32_t cpu, secondary; };
/* What others see of the controls; to be called when they have changed. */
void apic_note_controls(struct hw_vcpu *v);
struct apic_controls apic_controls(const struct vmx_features *f, const struct hw_vcpu_config *config,
                                   enum hw_apic_mode mode);
/* inject.c: writes the queued event for the entry that follows. */
void inject_write(struct hw_vcpu *v);

#endif
