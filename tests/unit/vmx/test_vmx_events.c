/* SPDX-License-Identifier: BSD-2-Clause */
#include "inject.h"

#include <guestcpu/rules.h>

#include "world.h"

static struct hv_event exception(uint8_t vector)
{
    return (struct hv_event){ .valid = true, .type = EVENT_HW_EXCEPTION, .vector = vector };
}

static void interrupts_wait_for_if_the_shadow_and_a_queued_event(void **state)
{
    (void)state;
    assert_int_equal(irq_blocked(false, RFLAGS_IF, 0), HW_OPEN);
    assert_int_equal(irq_blocked(true, RFLAGS_IF, 0), HW_BLOCKED_EVENT);
    assert_int_equal(irq_blocked(false, 0, 0), HW_BLOCKED_IF);
    assert_int_equal(irq_blocked(false, RFLAGS_IF, BLOCKED_BY_STI), HW_BLOCKED_SHADOW);
    assert_int_equal(irq_blocked(false, RFLAGS_IF, BLOCKED_BY_MOV_SS), HW_BLOCKED_SHADOW);
    assert_int_equal(irq_blocked(false, RFLAGS_IF, BLOCKED_BY_NMI), HW_OPEN);
}

static void nmis_wait_for_the_last_one_the_shadow_and_a_queued_event(void **state)
{
    (void)state;
    assert_int_equal(nmi_blocked(false, 0), HW_OPEN);
    assert_int_equal(nmi_blocked(true, 0), HW_BLOCKED_EVENT);
    assert_int_equal(nmi_blocked(false, BLOCKED_BY_NMI), HW_BLOCKED_NMI);
    assert_int_equal(nmi_blocked(false, BLOCKED_BY_STI), HW_BLOCKED_SHADOW);
    assert_int_equal(nmi_blocked(false, BLOCKED_BY_MOV_SS), HW_BLOCKED_SHADOW);
    assert_int_equal(nmi_blocked(false, BLOCKED_BY_NMI | BLOCKED_BY_MOV_SS), HW_BLOCKED_NMI);
}

enum outcome { SECOND, DOUBLE, TRIPLE };

/* SDM tables 6-4 and 6-5: benign, contributory, page fault, double fault. */
static void two_exceptions_become_what_the_manual_says(void **state)
{
    static const struct { uint8_t first, second; enum outcome outcome; } cases[] = {
        { X86_UD, X86_GP, SECOND }, { X86_UD, X86_PF, SECOND }, { X86_DB, X86_DB, SECOND },
        { X86_GP, X86_UD, SECOND }, { X86_GP, X86_PF, SECOND }, { X86_GP, X86_GP, DOUBLE },
        { X86_DE, X86_SS, DOUBLE }, { X86_TS, X86_NP, DOUBLE }, { X86_CP, X86_GP, DOUBLE },
        { X86_PF, X86_PF, DOUBLE }, { X86_PF, X86_GP, DOUBLE }, { X86_PF, X86_UD, SECOND },
        { X86_DF, X86_GP, TRIPLE }, { X86_DF, X86_PF, TRIPLE }, { X86_DF, X86_DB, SECOND },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hv_event first = exception(cases[i].first), second = exception(cases[i].second), out;
        bool ok = guest_event_merge(&first, &second, &out);

        assert_int_equal(ok, cases[i].outcome != TRIPLE);
        if (ok)
            assert_int_equal(out.vector, cases[i].outcome == DOUBLE ? X86_DF : cases[i].second);
        if (cases[i].outcome == DOUBLE)
            assert_true(out.has_error && out.error == 0);
    }
}

static void an_exception_after_an_interrupt_is_just_that(void **state)
{
    struct hv_event first = { .valid = true, .type = EVENT_EXTINT, .vector = 0x0e }, second = exception(X86_PF), out;

    (void)state;
    assert_true(guest_event_merge(&first, &second, &out));
    assert_int_equal(out.vector, X86_PF);
}

static void error_codes_are_for_protected_mode(void **state)
{
    struct hv_event e = exception(X86_GP);

    (void)state;
    e.has_error = true;
    assert_int_equal(event_encode(&e, true), 0x80000b0d);
    assert_int_equal(event_encode(&e, false), 0x8000030d);
    e = (struct hv_event){ .valid = true, .type = EVENT_EXTINT, .vector = 0xef };
    assert_int_equal(event_encode(&e, true), 0x800000ef);
    e = (struct hv_event){ .valid = true, .type = EVENT_NMI, .vector = 2 };
    assert_int_equal(event_encode(&e, true), 0x80000202);
}

static uint64_t at_entry[3];

static void guest_looks_at_the_event(struct hw_vcpu *v, bool launch)
{
    (void)v;
    (void)launch;
    at_entry[0] = vmcs_fake_get(CTL_ENTRY_INTR_INFO.encoding);
    at_entry[1] = vmcs_fake_get(CTL_ENTRY_ERROR_CODE.encoding);
    at_entry[2] = vmcs_fake_get(CTL_ENTRY_INSN_LEN.encoding);
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 12);
}

static void a_queued_event_goes_in_once(void **state)
{
    struct world *w = *state;
    struct hv_event e = exception(X86_PF);
    struct vmexit x;

    vmcs_fake_guest(guest_looks_at_the_event);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    e.has_error = true;
    e.error = 6;
    e.cr2 = 0xabcd000;
    vmx_inject(&w->v, &e);
    assert_true(w->v.event.valid);
    assert_int_equal(vmx_irq_blocked(&w->v), HW_BLOCKED_EVENT);
    assert_int_equal(vmx_nmi_blocked(&w->v), HW_BLOCKED_EVENT);
    vmx_enter(&w->v, &x);
    assert_int_equal(at_entry[0], 0x80000b0e);
    assert_int_equal(at_entry[1], 6);
    assert_int_equal(w->v.regs.cr2, 0xabcd000);
    assert_false(w->v.event.valid);
    vmx_enter(&w->v, &x);
    assert_int_equal(at_entry[0] & INTR_VALID, 0);
}

static void software_events_have_their_length(void **state)
{
    struct world *w = *state;
    struct hv_event e = { .valid = true, .type = EVENT_SW_EXCEPTION, .vector = X86_BP, .insn_len = 1 };
    struct vmexit x;

    vmcs_fake_guest(guest_looks_at_the_event);
    vmx_inject(&w->v, &e);
    vmx_enter(&w->v, &x);
    assert_int_equal(at_entry[0], 0x80000603);
    assert_int_equal(at_entry[2], 1);
}

static void a_triple_fault_shows_as_the_exit_it_would_have_been(void **state)
{
    struct world *w = *state;
    struct hv_event df = exception(X86_DF), gp = exception(X86_GP);
    unsigned int entries = vmcs_fake_counts.entries;
    struct vmexit x;

    vmx_inject(&w->v, &df);
    vmx_inject(&w->v, &gp);
    vmx_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_TRIPLE_FAULT);
    assert_int_equal(vmcs_fake_counts.entries, entries);
}

static void guest_cuts_an_nmi_short(struct hw_vcpu *v, bool launch)
{
    (void)launch;
    (void)v;
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 48);
    vmcs_fake_set(INFO_QUALIFICATION.encoding, 0x1081);       /* NMI unblocking by IRET is set too */
    vmcs_fake_set(INFO_VECTORING_INFO.encoding, 0x80000202);
    vmcs_fake_set(GUEST_INTERRUPTIBILITY.encoding, BLOCKED_BY_NMI);
}

static void an_nmi_cut_short_goes_in_again_with_nmis_unblocked(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(guest_cuts_an_nmi_short);
    vmx_enter(&w->v, &x);
    assert_true(x.cut_short.valid);
    assert_int_equal(vmx_nmi_blocked(&w->v), HW_BLOCKED_NMI);
    vmx_inject(&w->v, &x.cut_short);
    vmcs_fake_guest(guest_looks_at_the_event);
    vmx_enter(&w->v, &x);
    assert_int_equal(at_entry[0], 0x80000202);
    assert_int_equal(vmcs_fake_get(GUEST_INTERRUPTIBILITY.encoding), 0);
}

static void guest_faults_on_iret(struct hw_vcpu *v, bool launch)
{
    (void)v;
    (void)launch;
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 48);
    vmcs_fake_set(INFO_QUALIFICATION.encoding, 0x1081);
    vmcs_fake_set(INFO_VECTORING_INFO.encoding, 0);
    vmcs_fake_set(GUEST_INTERRUPTIBILITY.encoding, 0);
}

static void an_iret_that_faults_leaves_nmis_blocked(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(guest_faults_on_iret);
    vmx_enter(&w->v, &x);
    assert_int_equal(vmcs_fake_get(GUEST_INTERRUPTIBILITY.encoding), BLOCKED_BY_NMI);
    assert_int_equal(vmx_nmi_blocked(&w->v), HW_BLOCKED_NMI);
}

static void guest_cuts_a_page_fault_short(struct hw_vcpu *v, bool launch)
{
    (void)launch;
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 48);
    vmcs_fake_set(INFO_QUALIFICATION.encoding, 0x82);
    vmcs_fake_set(INFO_VECTORING_INFO.encoding, 0x80000b0e);
    vmcs_fake_set(INFO_VECTORING_ERROR_CODE.encoding, 2);
    v->regs.cr2 = 0x7777000;
}

static void a_page_fault_cut_short_keeps_its_address(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(guest_cuts_a_page_fault_short);
    vmx_enter(&w->v, &x);
    assert_int_equal(x.cut_short.cr2, 0x7777000);
    vmx_inject(&w->v, &x.cut_short);
    assert_int_equal(w->v.regs.cr2, 0x7777000);
    assert_int_equal(w->v.event.error, 2);
}

static void windows_are_written_only_when_they_change(void **state)
{
    struct world *w = *state;
    unsigned int writes = vmcs_fake_counts.writes;

    vmx_open_irq_window(&w->v, false);
    assert_int_equal(vmcs_fake_counts.writes, writes);
    vmx_open_irq_window(&w->v, true);
    vmx_open_irq_window(&w->v, true);
    assert_int_equal(vmcs_fake_counts.writes, writes + 1);
    assert_true(vmcs_fake_get(CTL_CPU_BASED.encoding) & CPU_IRQ_WINDOW);
    vmx_open_nmi_window(&w->v, true);
    assert_true(vmcs_fake_get(CTL_CPU_BASED.encoding) & CPU_NMI_WINDOW);
    vmx_open_irq_window(&w->v, false);
    assert_false(vmcs_fake_get(CTL_CPU_BASED.encoding) & CPU_IRQ_WINDOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupts_wait_for_if_the_shadow_and_a_queued_event),
        cmocka_unit_test(nmis_wait_for_the_last_one_the_shadow_and_a_queued_event),
        cmocka_unit_test(two_exceptions_become_what_the_manual_says),
        cmocka_unit_test(an_exception_after_an_interrupt_is_just_that),
        cmocka_unit_test(error_codes_are_for_protected_mode),
        W(a_queued_event_goes_in_once),
        W(software_events_have_their_length),
        W(a_triple_fault_shows_as_the_exit_it_would_have_been),
        W(an_nmi_cut_short_goes_in_again_with_nmis_unblocked),
        W(an_iret_that_faults_leaves_nmis_blocked),
        W(a_page_fault_cut_short_keeps_its_address),
        W(windows_are_written_only_when_they_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
