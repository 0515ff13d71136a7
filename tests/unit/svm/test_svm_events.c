/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

static struct hv_event exception(uint8_t vector)
{
    return (struct hv_event){ .valid = true, .type = EVENT_HW_EXCEPTION, .vector = vector };
}

static void interrupts_wait_for_if_the_shadow_and_a_queued_event(void **state)
{
    struct world *w = *state;
    struct hv_event e = exception(X86_UD);

    svm_set_rflags(&w->v, RFLAGS_IF);
    assert_int_equal(svm_irq_blocked(&w->v), HW_OPEN);
    vmcb_of(&w->v)->interrupt_shadow = 1;
    assert_int_equal(svm_irq_blocked(&w->v), HW_BLOCKED_SHADOW);
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_SHADOW);
    svm_set_rflags(&w->v, 0);
    assert_int_equal(svm_irq_blocked(&w->v), HW_BLOCKED_IF);
    vmcb_of(&w->v)->interrupt_shadow = 0;
    assert_int_equal(svm_nmi_blocked(&w->v), HW_OPEN);
    svm_inject(&w->v, &e);
    assert_int_equal(svm_irq_blocked(&w->v), HW_BLOCKED_EVENT);
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_EVENT);
}

static uint64_t at_entry;

static void guest_looks_at_the_event(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    at_entry = b->event_inj;
    b->exit_code = 0x78;
}

static uint64_t enter_with(struct world *w, struct hv_event e)
{
    struct vmexit x;

    svm_fake_guest(guest_looks_at_the_event);
    svm_inject(&w->v, &e);
    svm_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_HLT);
    return at_entry;
}

static void error_codes_are_for_protected_mode(void **state)
{
    struct world *w = *state;
    struct hv_event e = exception(X86_GP);

    e.has_error = true;
    e.error = 0x18;
    assert_int_equal(enter_with(w, e), 0x8000030d);
    assert_true(svm_set_cr(&w->v, 0, CR0_PE));
    assert_int_equal(enter_with(w, e), 0x1880000b0dULL);
    assert_int_equal(enter_with(w, (struct hv_event){ .type = EVENT_NMI, .vector = 2 }), 0x80000202);
}

static void a_queued_event_goes_in_once(void **state)
{
    struct world *w = *state;
    struct hv_event e = exception(X86_PF);
    struct vmexit x;

    assert_true(svm_set_cr(&w->v, 0, CR0_PE));
    e.has_error = true;
    e.error = 6;
    e.cr2 = 0xabcd000;
    assert_int_equal(enter_with(w, e), 0x680000b0eULL);
    assert_int_equal(vmcb_of(&w->v)->cr2, 0xabcd000);
    assert_false(w->v.event.valid);
    svm_enter(&w->v, &x);
    assert_int_equal(at_entry, 0);
}

static void software_events_push_the_address_behind_their_instruction(void **state)
{
    struct world *w = *state;

    svm_set_rip(&w->v, 0x1000);
    assert_int_equal(enter_with(w, (struct hv_event){ .type = EVENT_SW_EXCEPTION, .vector = X86_BP, .insn_len = 1 }),
                     0x80000303);
    assert_int_equal(svm_get_rip(&w->v), 0x1001);
    assert_int_equal(enter_with(w, (struct hv_event){ .type = EVENT_SOFT_INT, .vector = 0x30, .insn_len = 2 }),
                     0x80000430);
    assert_int_equal(svm_get_rip(&w->v), 0x1003);
}

static void a_triple_fault_shows_as_the_exit_it_would_have_been(void **state)
{
    struct world *w = *state;
    struct hv_event df = exception(X86_DF), gp = exception(X86_GP);
    unsigned int entries = svm_fake_counts.entries;
    struct vmexit x;

    svm_inject(&w->v, &df);
    svm_inject(&w->v, &gp);
    svm_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_TRIPLE_FAULT);
    assert_int_equal(svm_fake_counts.entries, entries);
}

static void guest_cuts_a_page_fault_short(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    b->exit_code = 0x400;
    b->exit_info1 = 4;
    b->exit_int_info = 0x280000b0eULL;
    b->cr2 = 0x7777000;
}

static void a_page_fault_cut_short_keeps_its_address(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    svm_fake_guest(guest_cuts_a_page_fault_short);
    svm_enter(&w->v, &x);
    assert_int_equal(x.cut_short.cr2, 0x7777000);
    svm_inject(&w->v, &x.cut_short);
    assert_int_equal(w->v.regs.cr2, 0x7777000);
    assert_int_equal(w->v.event.error, 2);
}

static void guest_cuts_an_nmi_short(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    b->exit_code = 0x400;
    b->exit_info1 = 4;
    b->exit_int_info = 0x80000202;
}

static void an_nmi_cut_short_goes_in_again(void **state)
{
    struct world *w = *state;
    struct hv_event nmi = { .valid = true, .type = EVENT_NMI, .vector = 2 };
    struct vmexit x;

    svm_inject(&w->v, &nmi);
    svm_fake_guest(guest_cuts_an_nmi_short);
    svm_enter(&w->v, &x);
    assert_true(x.cut_short.valid);
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_NMI);
    assert_int_equal(enter_with(w, x.cut_short), 0x80000202);
}

static void an_interrupt_window_is_a_virtual_interrupt(void **state)
{
    struct world *w = *state;
    struct vmcb *b = vmcb_of(&w->v);

    assert_false(b->intercepts1 & SVM1_VINTR);
    assert_false(b->vintr & VINTR_IRQ);
    b->clean = CLEAN_ALL;
    svm_open_irq_window(&w->v, true);
    assert_true(w->v.irq_window);
    assert_true(b->vintr & VINTR_IRQ);
    assert_true(b->vintr & VINTR_IGNORE_TPR);
    assert_true(b->vintr & VINTR_MASKING);
    assert_true(b->intercepts1 & SVM1_VINTR);
    assert_int_equal(b->clean, CLEAN_ALL & ~(CLEAN_TPR | CLEAN_INTERCEPTS));
    svm_open_irq_window(&w->v, false);
    assert_false(b->vintr & VINTR_IRQ);
    assert_false(b->intercepts1 & SVM1_VINTR);
    assert_true(b->vintr & VINTR_MASKING);
}

static void guest_takes_the_interrupt(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    assert_int_equal(b->event_inj, 0);
    assert_false(b->intercepts1 & SVM1_VINTR);
    assert_int_equal(b->vintr >> 32 & 0xff, 0xef);
    assert_true(b->vintr & VINTR_IRQ);
    assert_true(b->vintr & VINTR_IGNORE_TPR);
    assert_true(b->vintr & VINTR_MASKING);
    assert_false(b->clean & CLEAN_TPR);
    b->vintr &= ~VINTR_IRQ;
    b->exit_code = 0x78;
}

static void an_interrupt_goes_in_as_a_virtual_one(void **state)
{
    struct world *w = *state;
    struct hv_event e = { .type = EVENT_EXTINT, .vector = 0xef };
    struct vmexit x;

    vmcb_of(&w->v)->clean = CLEAN_ALL;
    svm_fake_guest(guest_takes_the_interrupt);
    svm_inject(&w->v, &e);
    svm_enter(&w->v, &x);
    assert_false(x.cut_short.valid);
    svm_fake_guest(guest_looks_at_the_event);
    svm_enter(&w->v, &x);
    assert_false(x.cut_short.valid);
}

/* QEMU's APIC is asked again after each VMRUN that noted a virtual interrupt, and only then. */
static void only_qemu_is_reminded_of_its_interrupts(void **state)
{
    struct world *w = *state;
    struct hv_event e = { .type = EVENT_EXTINT, .vector = 0xef };
    struct vmexit x;

    svm_fake_guest(guest_takes_the_interrupt);
    svm_inject(&w->v, &e);
    svm_enter(&w->v, &x);
    assert_int_equal(fake_cr8_writes(), 0);
    svm_features.forgets_irqs = true;
    svm_inject(&w->v, &e);
    svm_enter(&w->v, &x);
    assert_int_equal(fake_cr8_writes(), 1);
    svm_fake_guest(guest_looks_at_the_event);
    svm_enter(&w->v, &x);
    assert_int_equal(fake_cr8_writes(), 1);
    svm_open_irq_window(&w->v, true);
    svm_enter(&w->v, &x);
    assert_int_equal(fake_cr8_writes(), 2);
}

/* QEMU says meanwhile that an exception of that number was under way. */
static void guest_exits_before_it_takes_the_interrupt(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    b->exit_int_info = 0x800003ef;
    b->exit_code = 0x60;
}

static void one_that_was_not_taken_goes_in_again(void **state)
{
    struct world *w = *state;
    struct hv_event e = { .type = EVENT_EXTINT, .vector = 0xef };
    struct vmexit x;

    svm_fake_guest(guest_exits_before_it_takes_the_interrupt);
    svm_inject(&w->v, &e);
    svm_enter(&w->v, &x);
    assert_true(x.cut_short.valid);
    assert_int_equal(x.cut_short.type, EVENT_EXTINT);
    assert_int_equal(x.cut_short.vector, 0xef);
    assert_false(vmcb_of(&w->v)->vintr & VINTR_IRQ);
    svm_fake_guest(guest_takes_the_interrupt);
    svm_inject(&w->v, &x.cut_short);
    svm_enter(&w->v, &x);
    assert_false(x.cut_short.valid);
}

static void beside_a_window_it_is_injected(void **state)
{
    struct world *w = *state;

    svm_open_irq_window(&w->v, true);
    assert_int_equal(enter_with(w, (struct hv_event){ .type = EVENT_EXTINT, .vector = 0xef }), 0x800000ef);
    assert_true(vmcb_of(&w->v)->vintr & VINTR_IRQ);
    svm_open_irq_window(&w->v, false);
}

static void guest_reaches_iret(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    assert_true(b->intercepts1 & SVM1_IRET);
    b->exit_code = 0x74;
    b->rip = 0x5000;
}

static void guest_ends_iret(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    assert_false(b->intercepts1 & SVM1_IRET);
    assert_true(b->rflags & RFLAGS_TF);
    b->exit_code = 0x41;
    b->dr6 = 0xffff4ff0;
    b->rip = 0x6000;
    b->rflags = RFLAGS_IF | 2;
}

static void the_nmi_window_opens_behind_the_iret(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    enter_with(w, (struct hv_event){ .type = EVENT_NMI, .vector = 2 });
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_NMI);
    svm_fake_guest(guest_reaches_iret);
    svm_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_NMI_WINDOW);
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_NMI);
    svm_fake_guest(guest_ends_iret);
    svm_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_NMI_WINDOW);
    assert_int_equal(svm_nmi_blocked(&w->v), HW_OPEN);
    assert_false(vmcb_of(&w->v)->dr6 & 0x4000);
}

static void guest_faults_on_iret(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    b->exit_code = 0x400;
    b->exit_info1 = 4;
}

static void an_iret_that_faults_leaves_nmis_blocked(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    enter_with(w, (struct hv_event){ .type = EVENT_NMI, .vector = 2 });
    svm_fake_guest(guest_reaches_iret);
    svm_enter(&w->v, &x);
    svm_fake_guest(guest_faults_on_iret);
    svm_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_EPT_VIOLATION);
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_NMI);
    assert_false(svm_get_rflags(&w->v) & RFLAGS_TF);
    assert_true(vmcb_of(&w->v)->intercepts1 & SVM1_IRET);
}

static void with_vnmi_the_cpu_knows(void **state)
{
    struct world *w = *state;

    enter_with(w, (struct hv_event){ .type = EVENT_NMI, .vector = 2 });
    assert_int_equal(svm_nmi_blocked(&w->v), HW_BLOCKED_NMI);
    assert_false(vmcb_of(&w->v)->intercepts1 & SVM1_IRET);
    svm_open_nmi_window(&w->v, true);
    assert_true(vmcb_of(&w->v)->intercepts1 & SVM1_IRET);
    vmcb_of(&w->v)->vintr &= ~VINTR_NMI_MASK;
    assert_int_equal(svm_nmi_blocked(&w->v), HW_OPEN);
}

static void stepping_goes_on_after_an_instruction_that_was_done_for_the_guest(void **state)
{
    struct world *w = *state;

    svm_set_rflags(&w->v, RFLAGS_TF | RFLAGS_RF);
    assert_true(svm_set_msr(&w->v, MSR_DEBUGCTL, DEBUGCTL_BTF));
    svm_skip(&w->v, 1);
    assert_false(w->v.event.valid);        /* only branches are stepped */
    assert_true(svm_set_msr(&w->v, MSR_DEBUGCTL, 0));
    svm_set_rflags(&w->v, RFLAGS_TF | RFLAGS_RF);
    vmcb_of(&w->v)->interrupt_shadow = 1;
    svm_set_rip(&w->v, 0xfffffffe);
    svm_skip(&w->v, 3);
    assert_int_equal(svm_get_rip(&w->v), 1);
    assert_int_equal(vmcb_of(&w->v)->interrupt_shadow, 0);
    assert_false(svm_get_rflags(&w->v) & RFLAGS_RF);
    assert_true(w->v.event.valid);
    assert_int_equal(w->v.event.vector, X86_DB);
    assert_true(svm_get_dr6(&w->v) & 0x4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        W(interrupts_wait_for_if_the_shadow_and_a_queued_event),
        W(error_codes_are_for_protected_mode),
        W(a_queued_event_goes_in_once),
        W(software_events_push_the_address_behind_their_instruction),
        W(a_triple_fault_shows_as_the_exit_it_would_have_been),
        W(a_page_fault_cut_short_keeps_its_address),
        W(an_interrupt_goes_in_as_a_virtual_one),
        W(only_qemu_is_reminded_of_its_interrupts),
        W(one_that_was_not_taken_goes_in_again),
        W(beside_a_window_it_is_injected),
        W(an_nmi_cut_short_goes_in_again),
        W(an_interrupt_window_is_a_virtual_interrupt),
        W(the_nmi_window_opens_behind_the_iret),
        W(an_iret_that_faults_leaves_nmis_blocked),
        FULL(with_vnmi_the_cpu_knows),
        W(stepping_goes_on_after_an_instruction_that_was_done_for_the_guest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
