/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual local APIC: what its registers' effects mean to the rest, and the exits of APIC virtualisation. */
#include "exits.h"

#include <x86/time.h>

/* Where the CPU delivers interrupts it keeps what is in service, too. */
static void reload_svi(struct vcpu *v)
{
    int isr = vlapic_highest_isr(&v->lapic);

    hw_set_svi(&v->hw, isr < 0 ? 0 : (uint8_t)isr);
}

void vcpu_apic_effect(struct vcpu *v, const struct vlapic_effect *e)
{
    if ((e->what & VLAPIC_SELF_IRQ) && v->lapic.hw_delivery)
        reload_svi(v);
    if (e->what & VLAPIC_TIMER)
        timer_set(&v->lapic_timer, v->lapic.timer_deadline);
    if (e->what & VLAPIC_ICR)
        vcpu_send_ipi(v, &e->ipi);
    if (e->what & VLAPIC_EOI)
        domain_ioapic_eoi(v->domain, e->eoi_vector);
    if (e->what & VLAPIC_MODE) {
        vcpu_apic_mode_changed(v);
        /* An event that came while the APIC took no interrupts left its upcall byte set: no later event would
         * raise the vector again, so it is made up for now. */
        vcpu_notify_event(v);
    }
}

/* The registers of the access page are emulated like any MMIO. */
enum exit_action exit_apic_access(struct vcpu *v, const struct vmexit *x unused_arg)
{
    return vcpu_emulate(v, false, "APIC access");
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
    enum hw_apic_mode mode = HW_APIC_OFF;

    if (v->lapic.base_msr & VLAPIC_BASE_EN)
        mode = vlapic_is_x2apic(&v->lapic) ? HW_APIC_X2APIC : HW_APIC_XAPIC;
    hw_set_apic_mode(&v->hw, mode);
    __atomic_store_n(&v->lapic.hw_delivery, v->hw.delivers_interrupts, __ATOMIC_SEQ_CST);
    (void)vlapic_sync(&v->lapic);
    __atomic_store_n(&v->lapic.irr_hint, true, __ATOMIC_RELEASE);    /* the CPU may have left some in IRR itself */
    if (v->lapic.hw_delivery) {
        int irr = vlapic_highest_irr(&v->lapic);

        hw_set_rvi(&v->hw, irr < 0 ? 0 : (uint8_t)irr);
        reload_svi(v);
    }
}

/* Level-triggered vectors, whose EOI we must see although the CPU handles it. */
static void reload_eoi_exits(struct vcpu *v)
{
    __atomic_store_n(&v->lapic.eoi_exit_changed, false, __ATOMIC_SEQ_CST);
    for (unsigned int i = 0; i < 4; i++) {
        uint64_t now = READ_ONCE(v->lapic.eoi_exit[i]), changed = now ^ v->hw.eoi_exit[i];

        for (; changed; changed &= changed - 1) {
            unsigned int bit = (unsigned int)__builtin_ctzll(changed);

            hw_set_eoi_exit(&v->hw, (uint8_t)(64 * i + bit), (now >> bit) & 1);
        }
    }
}

void vcpu_virtual_interrupts(struct vcpu *v)
{
    int irr;

    if (unlikely(READ_ONCE(v->lapic.eoi_exit_changed)))
        reload_eoi_exits(v);
    /* RVI follows deliveries by itself; only what others added has to be told. */
    if (!vlapic_sync(&v->lapic))
        return;
    irr = vlapic_highest_irr(&v->lapic);
    if (irr >= 0)
        hw_set_rvi(&v->hw, (uint8_t)irr);
}
