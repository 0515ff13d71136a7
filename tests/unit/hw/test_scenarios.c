/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What holds for both vendors, told once: how exits are read and events go in. The layers above see the same record and the
 * same state, whichever CPU it was. SVM comes twice, with all that newer CPUs have and without.
 */
#include "vendors.h"

#include <hw/hw.h>

#include <guestcpu/rules.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <x86/cpu.h>

static const struct vendor *vendor;      /* whose turn it is */
static struct hw_vcpu *v;

static int setup(void **state)
{
    vendor = *state;
    v = vendor->up();
    assert_true(hw_set_cr(v, 0, CR0_PE));
    hw_set_rip(v, 0x1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vendor->down();
    return 0;
}

static struct vmexit run(struct act act)
{
    struct vmexit x;

    memset(&x, 0xa5, sizeof(x));             /* what an earlier exit left must not matter */
    vendor->does(&act);
    hw_enter(v, &x);
    return x;
}

static uint8_t length_of(uint8_t length) { return vendor->tells_lengths ? length : 0; }

/* ---- what an exit says ---- */

static void instructions_have_their_reason_and_length(void **state)
{
    static const struct { enum act_kind kind; uint8_t length; enum exit_reason reason; } rows[] = {
        { DO_CPUID, 2, EXIT_CPUID }, { DO_HLT, 1, EXIT_HLT }, { DO_HYPERCALL, 3, EXIT_HYPERCALL },
        { DO_RDMSR, 2, EXIT_RDMSR }, { DO_WRMSR, 2, EXIT_WRMSR }, { DO_XSETBV, 3, EXIT_XSETBV },
        { DO_WBINVD, 2, EXIT_WBINVD }, { DO_PAUSE, 2, EXIT_PAUSE }, { DO_RDTSC, 2, EXIT_RDTSC },
        { DO_INVD, 2, EXIT_INVD }, { DO_MONITOR, 3, EXIT_MONITOR }, { DO_MWAIT, 3, EXIT_MWAIT },
        { DO_RDPMC, 2, EXIT_RDPMC },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct vmexit x = run((struct act){ .kind = rows[i].kind, .length = rows[i].length });

        assert_int_equal(x.reason, rows[i].reason);
        assert_int_equal(x.insn_len, length_of(rows[i].length));
        assert_false(x.cut_short.valid);
    }
}

static void what_no_instruction_caused_has_no_length(void **state)
{
    static const struct { enum act_kind kind; enum exit_reason reason; } rows[] = {
        { DO_TRIPLE_FAULT, EXIT_TRIPLE_FAULT }, { DO_IRQ_WINDOW, EXIT_IRQ_WINDOW }, { DO_INIT, EXIT_INIT },
        { DO_HOST_IRQ, EXIT_EXTERNAL_IRQ }, { DO_SLAT_FAULT, EXIT_EPT_VIOLATION },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct vmexit x = run((struct act){ .kind = rows[i].kind, .length = 3, .ept.read = true });

        assert_int_equal(x.reason, rows[i].reason);
        assert_int_equal(x.insn_len, 0);
    }
}

static void port_accesses(void **state)
{
    static const struct exit_pio rows[] = {
        { .port = 0x3f8, .size = 1 }, { .port = 0xcfc, .size = 4, .in = true }, { .port = 0x1f0, .size = 2, .in = true,
        .string = true, .rep = true }, { .port = 0xffff, .size = 2, .string = true },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct vmexit x = run((struct act){ .kind = DO_PIO, .length = 2, .pio = rows[i] });

        assert_int_equal(x.reason, EXIT_PIO);
        assert_int_equal(x.insn_len, 2);         /* of port accesses every CPU tells it */
        assert_int_equal(x.pio.port, rows[i].port);
        assert_int_equal(x.pio.size, rows[i].size);
        assert_int_equal(x.pio.in, rows[i].in);
        assert_int_equal(x.pio.string, rows[i].string);
        assert_int_equal(x.pio.rep, rows[i].rep);
    }
}

static void register_accesses(void **state)
{
    static const struct exit_cr crs[] = {
        { .cr = 0, .gpr = GPR_RDX, .op = CR_WRITE }, { .cr = 4, .gpr = GPR_R15, .op = CR_WRITE },
        { .cr = 8, .gpr = GPR_RBX, .op = CR_READ }, { .cr = 3, .gpr = GPR_RSP, .op = CR_WRITE },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(crs); i++) {
        struct vmexit x = run((struct act){ .kind = DO_CR, .length = 3, .cr = crs[i] });

        assert_int_equal(x.reason, EXIT_CR_ACCESS);
        assert_int_equal(x.cr.cr, crs[i].cr);
        assert_int_equal(x.insn_len, length_of(3));
        if (x.cr.undecoded)                      /* the reader of instructions has its turn */
            continue;
        assert_int_equal(x.cr.op, crs[i].op);
        assert_int_equal(x.cr.gpr, crs[i].gpr);
    }
    for (uint8_t i = 0; i < 8; i++) {
        struct exit_dr dr = { .dr = i, .gpr = i ^ 5, .read = i & 1 };
        struct vmexit x = run((struct act){ .kind = DO_DR, .length = 3, .dr = dr });

        assert_int_equal(x.reason, EXIT_DR_ACCESS);
        assert_int_equal(x.dr.dr, dr.dr);
        assert_int_equal(x.dr.read, dr.read);
    }
}

static void exceptions(void **state)
{
    static const struct { uint8_t vector; bool has_error; uint32_t error; uint64_t qual; } rows[] = {
        { X86_UD, false, 0, 0 }, { X86_GP, true, 0x18, 0 }, { X86_PF, true, 6, 0xffff888000001000 }, { X86_AC, true, 0, 0 },
        { X86_MC, false, 0, 0 },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct hv_event e = { .valid = true, .type = EVENT_HW_EXCEPTION, .vector = rows[i].vector,
                              .has_error = rows[i].has_error, .error = rows[i].error };
        struct vmexit x = run((struct act){ .kind = DO_EXCEPTION, .exc = { .event = e, .qual = rows[i].qual } });

        assert_int_equal(x.reason, EXIT_EXCEPTION);
        assert_true(x.exc.event.valid);
        assert_int_equal(x.exc.event.type, EVENT_HW_EXCEPTION);
        assert_int_equal(x.exc.event.vector, rows[i].vector);
        assert_int_equal(x.exc.event.has_error, rows[i].has_error);
        assert_int_equal(x.exc.event.error, rows[i].error);
        if (rows[i].vector == X86_PF)
            assert_true(x.exc.qual == rows[i].qual);
    }
}

static void missing_pages(void **state)
{
    static const struct exit_ept rows[] = {
        { .gpa = { 0xfee00030 }, .read = true }, { .gpa = { 0x1234567000 }, .write = true, .readable = true },
        { .gpa = { 0x5000 }, .fetch = true }, { .gpa = { 0x7000 }, .write = true, .walk = true },
        { .gpa = { 0x8ff8 }, .write = true },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct vmexit x = run((struct act){ .kind = DO_SLAT_FAULT, .ept = rows[i] });

        assert_int_equal(x.reason, EXIT_EPT_VIOLATION);
        assert_true(x.ept.gpa.v == rows[i].gpa.v);
        assert_int_equal(x.ept.read, rows[i].read);
        assert_int_equal(x.ept.write, rows[i].write);
        assert_int_equal(x.ept.fetch, rows[i].fetch);
        assert_int_equal(x.ept.walk, rows[i].walk);
        assert_int_equal(x.ept.readable, rows[i].readable);
    }
}

/* ---- what goes in ---- */

static struct told enter_with(struct hv_event e)
{
    hw_inject(v, &e);
    (void)run((struct act){ .kind = DO_HLT, .length = 1 });
    return vendor->told();
}

static struct hv_event exception(uint8_t vector)
{
    return (struct hv_event){ .valid = true, .type = EVENT_HW_EXCEPTION, .vector = vector,
                              .has_error = guest_vector_has_error(vector) };
}

static void an_event_goes_in_as_what_it_is_and_once(void **state)
{
    static const struct { struct hv_event event; uint64_t pushed; } rows[] = {
        { { .type = EVENT_EXTINT, .vector = 0xef }, 0x1000 },
        { { .type = EVENT_HW_EXCEPTION, .vector = X86_UD }, 0x1000 },
        { { .type = EVENT_HW_EXCEPTION, .vector = X86_GP, .has_error = true, .error = 0x18 }, 0x1000 },
        { { .type = EVENT_SW_EXCEPTION, .vector = X86_BP, .insn_len = 1 }, 0x1001 },
        { { .type = EVENT_SOFT_INT, .vector = 0x30, .insn_len = 2 }, 0x1002 },
        { { .type = EVENT_NMI, .vector = X86_NMI }, 0x1000 },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct told t;

        hw_set_rip(v, 0x1000);
        t = enter_with(rows[i].event);
        assert_true(t.valid);
        assert_int_equal(t.type, rows[i].event.type);
        assert_int_equal(t.vector, rows[i].event.vector);
        assert_int_equal(t.has_error, rows[i].event.has_error);
        assert_int_equal(t.error, rows[i].event.error);
        assert_int_equal(t.pushed_rip, rows[i].pushed);
        assert_false(v->event.valid);
        (void)run((struct act){ .kind = DO_HLT });
        assert_false(vendor->told().valid);
    }
}

static void in_real_mode_there_are_no_error_codes(void **state)
{
    (void)state;
    assert_true(hw_set_cr(v, 0, 0));
    assert_false(enter_with(exception(X86_GP)).has_error);
}

static void a_page_fault_brings_its_address(void **state)
{
    struct hv_event e = exception(X86_PF);

    (void)state;
    e.error = 2;
    e.cr2 = 0xabcd000;
    assert_int_equal(enter_with(e).error, 2);
    assert_int_equal(v->regs.cr2, 0xabcd000);
}

static void two_exceptions_are_a_double_fault_and_three_the_end(void **state)
{
    struct hv_event gp = exception(X86_GP), pf = exception(X86_PF), ud = exception(X86_UD);
    struct told t;

    (void)state;
    hw_inject(v, &ud);
    t = enter_with(gp);                          /* benign, then another: the second alone */
    assert_int_equal(t.vector, X86_GP);
    hw_inject(v, &pf);
    t = enter_with(gp);
    assert_int_equal(t.vector, X86_DF);
    assert_true(t.has_error && t.error == 0);
    hw_inject(v, &pf);
    hw_inject(v, &pf);
    hw_inject(v, &gp);
    assert_int_equal(run((struct act){ .kind = DO_HLT }).reason, EXIT_TRIPLE_FAULT);
}

/* ---- what was cut short goes in again ---- */

static struct told again(struct hv_event e)
{
    struct vmexit x;

    hw_set_rip(v, 0x1000);
    x = run((struct act){ .kind = DO_SLAT_FAULT, .ept.read = true, .cut_short = e });
    assert_int_equal(x.reason, EXIT_EPT_VIOLATION);
    if (x.cut_short.valid)
        hw_inject(v, &x.cut_short);
    (void)run((struct act){ .kind = DO_HLT });
    return vendor->told();
}

static void what_was_cut_short_goes_in_again(void **state)
{
    struct hv_event pf = exception(X86_PF);
    struct told t = again((struct hv_event){ .valid = true, .type = EVENT_EXTINT, .vector = 0xef });

    (void)state;
    assert_true(t.valid && t.type == EVENT_EXTINT && t.vector == 0xef);
    pf.error = 6;
    pf.cr2 = 0x7777000;
    t = again(pf);
    assert_true(t.valid && t.vector == X86_PF && t.has_error && t.error == 6);
    assert_int_equal(v->regs.cr2, 0x7777000);
    t = again((struct hv_event){ .valid = true, .type = EVENT_NMI, .vector = X86_NMI });
    assert_true(t.valid && t.type == EVENT_NMI);
    assert_int_equal(hw_nmi_blocked(v), HW_BLOCKED_NMI);
}

/* The guest's stack must have the address behind the instruction, whether it runs again or not. */
static void an_int_instruction_is_executed_once(void **state)
{
    struct told t = again((struct hv_event){ .valid = true, .type = EVENT_SOFT_INT, .vector = 0x30, .insn_len = 2 });

    (void)state;
    if (vendor->repeats_software_events) {
        assert_false(t.valid);
        assert_int_equal(t.pushed_rip, 0x1000);
    } else {
        assert_true(t.valid && t.type == EVENT_SOFT_INT && t.vector == 0x30);
        assert_int_equal(t.pushed_rip, 0x1002);
    }
}

/* ---- when something may go in ---- */

static void interrupts_wait_for_if_the_shadow_and_a_queued_event(void **state)
{
    struct hv_event ud = exception(X86_UD);

    (void)state;
    hw_set_rflags(v, RFLAGS_IF);
    assert_int_equal(hw_irq_blocked(v), HW_OPEN);
    (void)run((struct act){ .kind = DO_CPUID, .shadow = true });
    assert_int_equal(hw_irq_blocked(v), HW_BLOCKED_SHADOW);
    assert_int_equal(hw_nmi_blocked(v), HW_BLOCKED_SHADOW);
    hw_skip(v, 2);                               /* behind the next instruction there is none */
    assert_int_equal(hw_irq_blocked(v), HW_OPEN);
    hw_set_rflags(v, 0);
    assert_int_equal(hw_irq_blocked(v), HW_BLOCKED_IF);
    assert_int_equal(hw_nmi_blocked(v), HW_OPEN);
    hw_inject(v, &ud);
    assert_int_equal(hw_irq_blocked(v), HW_BLOCKED_EVENT);
    assert_int_equal(hw_nmi_blocked(v), HW_BLOCKED_EVENT);
}

static void an_open_window_makes_the_cpu_exit(void **state)
{
    (void)state;
    assert_false(vendor->waits_for_irq());
    hw_want_irq_window(v, true);
    assert_true(vendor->waits_for_irq());
    assert_int_equal(run((struct act){ .kind = DO_IRQ_WINDOW }).reason, EXIT_IRQ_WINDOW);
    hw_want_irq_window(v, false);
    assert_false(vendor->waits_for_irq());
}

static void an_nmi_keeps_others_away_until_its_iret(void **state)
{
    struct vmexit x;

    (void)state;
    (void)enter_with((struct hv_event){ .type = EVENT_NMI, .vector = X86_NMI });
    assert_int_equal(hw_nmi_blocked(v), HW_BLOCKED_NMI);
    hw_set_rflags(v, RFLAGS_IF);
    assert_int_equal(hw_irq_blocked(v), HW_OPEN);
    vendor->iret(false, &x);
    assert_int_equal(hw_nmi_blocked(v), HW_OPEN);
}

static void an_iret_that_faults_leaves_nmis_blocked(void **state)
{
    struct vmexit x;

    (void)state;
    (void)enter_with((struct hv_event){ .type = EVENT_NMI, .vector = X86_NMI });
    vendor->iret(true, &x);
    assert_int_equal(x.reason, EXIT_EPT_VIOLATION);
    assert_int_equal(hw_nmi_blocked(v), HW_BLOCKED_NMI);
}

#define ON(f, who) { #f " (" #who ")", f, setup, teardown, (void *)(uintptr_t)&vendor_##who }
#define BOTH(f) ON(f, vmx), ON(f, svm), ON(f, svm_plain)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(instructions_have_their_reason_and_length),
        BOTH(what_no_instruction_caused_has_no_length),
        BOTH(port_accesses),
        BOTH(register_accesses),
        BOTH(exceptions),
        BOTH(missing_pages),
        BOTH(an_event_goes_in_as_what_it_is_and_once),
        BOTH(in_real_mode_there_are_no_error_codes),
        BOTH(a_page_fault_brings_its_address),
        BOTH(two_exceptions_are_a_double_fault_and_three_the_end),
        BOTH(what_was_cut_short_goes_in_again),
        BOTH(an_int_instruction_is_executed_once),
        BOTH(interrupts_wait_for_if_the_shadow_and_a_queued_event),
        BOTH(an_open_window_makes_the_cpu_exit),
        BOTH(an_nmi_keeps_others_away_until_its_iret),
        BOTH(an_iret_that_faults_leaves_nmis_blocked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
