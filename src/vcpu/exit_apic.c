/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC: what its registers' effects mean to the rest, and the exits of APIC virtualisation. */
#include "exits.h"

#include <x86/time.h>

void vcpu_apic_effect(struct vcpu *v, const struct vlapic_effect *e)
{
    if (e->what & VLAPIC_TIMER)
        timer_set(&v->lapic_timer, v->lapic.timer_deadline);
    if (e->what & VLAPIC_ICR)
        vcpu_send_ipi(v, &e->ipi);
    if (e->what & VLAPIC_EOI)
        domain_ioapic_eoi(v->domain, e->eoi_vector);
    if (e->what & VLAPIC_MODE)
        vcpu_apic_mode_changed(v);
}

/* The registers of the access page are emulated like any MMIO. */
enum exit_action exit_apic_access(struct vcpu *v, const struct vmexit *x unused_arg)
{
    return vcpu_emulate(v, "APIC access");
}

enum exit_action exit_eoi_induced(struct vcpu *v, const struct vmexit *x)
{
    domain_ioapic_eoi(v->domain, x->vector);
    return ACT_RESUME;
}

enum exit_action exit_apic_write(struct vcpu *v, const struct vmexit *x)
{
    struct vlapic_effect e = { 0 };

    vlapic_after_hw_write(&v->lapic, x->apic.offset, time_now(), &e);
    vcpu_apic_effect(v, &e);
    return ACT_RESUME;
}

void vcpu_apic_mode_changed(struct vcpu *v)
{
    enum vmx_apic_mode mode = VMX_APIC_OFF;

    if (v->lapic.hw_delivery)
        mode = vlapic_is_x2apic(&v->lapic) ? VMX_APIC_X2APIC : VMX_APIC_XAPIC;
    vmx_set_apic_mode(&v->vmx, mode);
}
