/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel VMX (SDM volume 3C): capability probing, one VMCS per vCPU, entering the guest and turning the exit into the
 * neutral struct vmexit. Everything VT-x stays behind this header. Knows nothing of domains. The operations and their
 * contracts are the rows of hv/hw_ops.def; other folders call them through src/hw.
 * Exceptions that exit: #DB, #AC (both could loop in delivery for ever, a guest's way to hang a CPU) and #MC. The handler
 * gives #DB and #AC back with inject; for #DB it first ors the qualification into the guest's DR6.
 * State is read from the VMCS once between two exits and written when something changes. Guests change most bits of CR0
 * and CR4 without an exit; those that exit are CR0.NE/CD/NW and CR4.MCE and what cr4_allowed forbids.
 */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include <hv/hw.h>

/* What this machine offers and Tenon uses; filled once on the boot CPU, read-only afterwards. */
struct vmx_features {
    bool ept_1g, ept_2m, ept_ad, vpid, invept_single, invvpid_single;
    bool tpr_shadow, apic_access, apic_register_virt, virtual_intr_delivery, x2apic_virt;
    bool tsc_scaling, pml, preempt_timer, pause_loop, vnmi, unrestricted, xsaves, rdtscp, invpcid, mode_based_exec;
    bool spec_ctrl;               /* IA32_SPEC_CTRL exists */
};
extern struct vmx_features vmx_features;

struct slat_format;
struct slat;
#define HW_OP(type, name, vmx, svm, params, args) type vmx params;
#include <hv/hw_ops.def>
#undef HW_OP

/* The guest's MSRs stay in the CPU until unload; this saves them only, which is cheap when it will be loaded here again. */
void vmx_suspend(struct hw_vcpu *v);
/* RSP included, unlike regs.gpr[]. */
uint64_t vmx_get_gpr(struct hw_vcpu *v, unsigned int n);
void vmx_set_gpr(struct hw_vcpu *v, unsigned int n, uint64_t value);
void vmx_set_eptp(struct hw_vcpu *v, uint64_t eptp);
uint8_t vmx_get_rvi(struct hw_vcpu *v);
void vmx_invvpid(uint16_t vpid);

#endif
