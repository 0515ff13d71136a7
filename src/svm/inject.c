/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events into the guest (APM 15.20, 15.21). An interrupt goes in as a virtual one, which the guest takes before its next instruction, being
 * open for it; if the entry comes to nothing, it is still there. Interrupts wait for a window made of a virtual interrupt that is never
 * delivered: it exits (VINTR) as soon as the guest would take it. For an interrupt beside such a window there is EVENTINJ, as for all
 * other events. (Not for all interrupts: QEMU 7.2 sometimes delivers one of EVENTINJ twice.)
 *
 * NMIs: with vNMI the CPU knows when they are blocked. Without, they are from an NMI's injection until its IRET, which
 * is intercepted and stepped over with RFLAGS.TF:
 *   open -> NMI injected -> masked (IRET intercepted) -> IRET exits -> stepping (TF, not intercepted) -> #DB -> open
 */
#include <svm/svm.h>

#include "caps.h"
#include "decode.h"
#include "state.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <x86/cpu.h>

enum hw_blocked svm_irq_blocked(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);

    if (v->event.valid)
        return HW_BLOCKED_EVENT;
    if (!(b->rflags & RFLAGS_IF))
        return HW_BLOCKED_IF;
    return b->interrupt_shadow & SHADOW_ACTIVE ? HW_BLOCKED_SHADOW : HW_OPEN;
}

static bool nmi_is_masked(struct hw_vcpu *v)
{
    return svm_features.vnmi ? vmcb_of(v)->vintr & VINTR_NMI_MASK : svm(v)->nmi_masked;
}

enum hw_blocked svm_nmi_blocked(struct hw_vcpu *v)
{
    if (v->event.valid)
        return HW_BLOCKED_EVENT;
    if (nmi_is_masked(v))
        return HW_BLOCKED_NMI;
    return vmcb_of(v)->interrupt_shadow & SHADOW_ACTIVE ? HW_BLOCKED_SHADOW : HW_OPEN;
}

void svm_inject(struct hw_vcpu *v, const struct hv_event *e)
{
    struct hv_event merged;

    ASSERT(!v->event.valid || e->type == EVENT_HW_EXCEPTION);
    if (!guest_event_merge(&v->event, e, &merged)) {
        v->triple_fault = true;
        return;
    }
    v->event = merged;
    v->event.valid = true;
    if (merged.type == EVENT_HW_EXCEPTION && merged.vector == X86_PF)
        v->regs.cr2 = merged.cr2;
}

static void set_iret_intercept(struct vmcb *b, bool on)
{
    b->intercepts1 = (uint32_t)(on ? b->intercepts1 | SVM1_IRET : b->intercepts1 & ~SVM1_IRET);
    vmcb_touch(b, CLEAN_INTERCEPTS);
}

static void mask_nmi(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);

    if (svm_features.vnmi) {
        b->vintr |= VINTR_NMI_MASK;
        vmcb_touch(b, CLEAN_TPR);
        return;
    }
    svm(v)->nmi_masked = true;
    set_iret_intercept(b, true);
}

/* Of a software event the CPU pushes the RIP that it finds: it has to be the one behind the instruction. */
static enum svm_event_type software_event(struct hw_vcpu *v, const struct hv_event *e)
{
    struct vmcb *b = vmcb_of(v);

    b->rip += e->insn_len;
    if (svm_features.nrips)
        b->next_rip = b->rip;
    return e->type == EVENT_SOFT_INT ? SVM_EVENT_SOFT_INT : SVM_EVENT_EXCEPTION;
}

#define VIRTUAL_IRQ (VINTR_IRQ | VINTR_PRIORITY_MAX | VINTR_IGNORE_TPR)

static void offer_virtual_irq(struct hw_vcpu *v, uint8_t vector)
{
    struct vmcb *b = vmcb_of(v);

    b->vintr = (b->vintr & ~VINTR_VECTOR) | VIRTUAL_IRQ | (uint64_t)vector << VINTR_VECTOR_SHIFT;
    vmcb_touch(b, CLEAN_TPR);
    svm(v)->virtual_irq = true;
}

/* Not taken: an event cut short, whatever the CPU says was under way. */
void svm_virtual_irq_end(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);

    /* VMRUN noted a virtual interrupt: QEMU's APIC looks again for one of the machine's (docs/caveats.md). */
    if (svm_features.forgets_irqs)
        cpu_write_cr8(0);
    if (!svm(v)->virtual_irq)
        return;
    svm(v)->virtual_irq = false;
    if (!(b->vintr & VINTR_IRQ))
        return;
    b->vintr &= ~VIRTUAL_IRQ;
    vmcb_touch(b, CLEAN_TPR);
    b->exit_int_info = EVENT_VALID | (uint64_t)SVM_EVENT_INTR << EVENT_TYPE_SHIFT | (b->vintr & VINTR_VECTOR) >> VINTR_VECTOR_SHIFT;
}

void svm_inject_write(struct hw_vcpu *v)
{
    const struct hv_event *e = &v->event;
    struct vmcb *b = vmcb_of(v);
    enum svm_event_type type;
    uint64_t value = EVENT_VALID | e->vector;

    if (e->type == EVENT_EXTINT && !v->irq_window) {
        offer_virtual_irq(v, e->vector);
        return;
    }
    switch (e->type) {
    case EVENT_EXTINT: type = SVM_EVENT_INTR; break;
    case EVENT_NMI:
        type = SVM_EVENT_NMI;
        mask_nmi(v);
        break;
    case EVENT_HW_EXCEPTION: type = SVM_EVENT_EXCEPTION; break;
    default: type = software_event(v, e); break;
    }
    value |= (uint64_t)type << EVENT_TYPE_SHIFT;
    /* In real mode exceptions push no error code, and the entry must not ask for it (APM 15.20). */
    if (e->has_error && (b->cr0 & CR0_PE))
        value |= EVENT_HAS_ERROR | (uint64_t)e->error << EVENT_ERROR_SHIFT;
    b->event_inj = value;
}

static void begin_step(struct hw_vcpu *v)
{
    struct svm_state *s = svm(v);
    struct vmcb *b = s->vmcb;

    s->nmi_stepping = true;
    s->iret_rip = b->rip;
    s->step_guest_tf = b->rflags & RFLAGS_TF;
    b->rflags |= RFLAGS_TF;
    set_iret_intercept(b, false);
}

/* The IRET loads RFLAGS anew; if it faulted, TF is still ours. */
static void end_step(struct hw_vcpu *v)
{
    struct svm_state *s = svm(v);

    s->nmi_stepping = false;
    if (s->vmcb->rip != s->iret_rip) {
        s->nmi_masked = false;
        return;
    }
    if (!s->step_guest_tf)
        s->vmcb->rflags &= ~RFLAGS_TF;
    set_iret_intercept(s->vmcb, true);
}

void svm_nmi_after_exit(struct hw_vcpu *v, struct vmexit *x)
{
    struct svm_state *s = svm(v);
    bool ours;

    if (x->hw_reason == SVM_EXIT_IRET) {
        begin_step(v);
        return;
    }
    if (!s->nmi_stepping)
        return;
    ours = x->reason == EXIT_EXCEPTION && x->exc.event.vector == X86_DB && (x->exc.qual & DR6_BS) &&
           !s->step_guest_tf;
    end_step(v);
    if (!ours)
        return;
    s->vmcb->dr6 &= ~DR6_BS;
    vmcb_touch(s->vmcb, CLEAN_DR);
    x->reason = EXIT_NMI_WINDOW;
}

void svm_open_irq_window(struct hw_vcpu *v, bool open)
{
    struct vmcb *b = vmcb_of(v);

    v->irq_window = open;
    b->vintr = open ? b->vintr | VIRTUAL_IRQ : b->vintr & ~VIRTUAL_IRQ;
    b->intercepts1 = (uint32_t)(open ? b->intercepts1 | SVM1_VINTR : b->intercepts1 & ~SVM1_VINTR);
    vmcb_touch(b, CLEAN_TPR | CLEAN_INTERCEPTS);
}

/* While NMIs are masked their IRET exits anyway; with vNMI the CPU has to be asked for that. */
void svm_open_nmi_window(struct hw_vcpu *v, bool open)
{
    v->nmi_window = open;
    if (svm_features.vnmi)
        set_iret_intercept(vmcb_of(v), open);
}
