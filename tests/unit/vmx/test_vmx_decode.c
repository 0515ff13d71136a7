/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode.h"

#include "world.h"

static struct vmexit decode(struct vmx_exit_raw raw)
{
    struct vmexit x;

    memset(&x, 0xa5, sizeof(x));       /* what an earlier exit left must not matter */
    vmx_decode(&raw, &x);
    return x;
}

static void each_row_of_the_table_has_its_reason(void **state)
{
    struct vmexit x;

    (void)state;
#define EXIT(name, hw, handler, what, label) \
    x = decode((struct vmx_exit_raw){ .reason = hw }); \
    assert_int_equal(x.reason, EXIT_##name); \
    assert_int_equal(exit_row(hw).reads & ~READ_CUT_SHORT, what);
#include <hv/exits.def>
#undef EXIT
}

static void unknown_reasons_are_said_to_be_unknown(void **state)
{
    static const uint32_t unknown[] = { 5, 6, 35, 38, 42, 65, 66, 200, 0xffff };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(unknown); i++) {
        struct vmexit x = decode((struct vmx_exit_raw){ .reason = unknown[i], .insn_len = 3, .qual = 9 });

        assert_int_equal(x.reason, EXIT_UNKNOWN);
        assert_int_equal(x.hw_reason, unknown[i]);
        assert_int_equal(x.insn_len, 0);
        assert_false(x.cut_short.valid);
    }
}

static void the_length_counts_only_where_the_row_asks_for_it(void **state)
{
    (void)state;
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 10, .insn_len = 2 }).insn_len, 2);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 48, .insn_len = 2 }).insn_len, 0);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 7, .insn_len = 2 }).insn_len, 0);
}

static void exceptions_carry_vector_type_error_and_length(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 0, .intr_info = 0x80000b0e, .intr_error = 7,
                                                    .qual = 0xdead000, .insn_len = 5 });

    (void)state;
    assert_true(x.exc.event.valid && x.exc.event.has_error);
    assert_int_equal(x.exc.event.vector, X86_PF);
    assert_int_equal(x.exc.event.type, EVENT_HW_EXCEPTION);
    assert_int_equal(x.exc.event.error, 7);
    assert_int_equal(x.exc.event.insn_len, 0);
    assert_int_equal(x.exc.qual, 0xdead000);
    assert_false(x.exc.nmi_unblock);
    x = decode((struct vmx_exit_raw){ .reason = 0, .intr_info = 0x80001603, .insn_len = 1, .intr_error = 9 });
    assert_int_equal(x.exc.event.type, EVENT_SW_EXCEPTION);
    assert_int_equal(x.exc.event.insn_len, 1);
    assert_int_equal(x.exc.event.error, 0);
    assert_true(x.exc.nmi_unblock);
    x = decode((struct vmx_exit_raw){ .reason = 0, .intr_info = 0x80000202 });
    assert_int_equal(x.exc.event.type, EVENT_NMI);
    assert_int_equal(x.exc.event.vector, X86_NMI);
}

static void vectors_come_from_where_the_reason_keeps_them(void **state)
{
    (void)state;
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 1, .intr_info = 0x800000ef }).vector, 0xef);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 45, .qual = 0x1f0 }).vector, 0xf0);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 4, .qual = 0x9a }).vector, 0x9a);
}

static void control_register_accesses(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 28, .qual = 0xf04, .insn_len = 4 });

    (void)state;
    assert_int_equal(x.cr.cr, 4);
    assert_int_equal(x.cr.op, CR_WRITE);
    assert_int_equal(x.cr.gpr, GPR_R15);
    assert_int_equal(x.insn_len, 4);
    x = decode((struct vmx_exit_raw){ .reason = 28, .qual = 0x318 });
    assert_int_equal(x.cr.op, CR_READ);
    assert_int_equal(x.cr.cr, 8);
    assert_int_equal(x.cr.gpr, GPR_RBX);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 28, .qual = 0x20 }).cr.op, CR_CLTS);
    x = decode((struct vmx_exit_raw){ .reason = 28, .qual = 0x00310030 });
    assert_int_equal(x.cr.op, CR_LMSW);
    assert_int_equal(x.cr.lmsw, 0x31);
}

static void debug_register_accesses(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 29, .qual = 0x417 });

    (void)state;
    assert_int_equal(x.dr.dr, 7);
    assert_true(x.dr.read);
    assert_int_equal(x.dr.gpr, GPR_RSP);
    assert_false(decode((struct vmx_exit_raw){ .reason = 29, .qual = 0x7 }).dr.read);
}

static void port_accesses(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 30, .qual = 0x03f80000, .gla = 77, .insn_len = 1 });

    (void)state;
    assert_int_equal(x.pio.port, 0x3f8);
    assert_int_equal(x.pio.size, 1);
    assert_false(x.pio.in || x.pio.string || x.pio.rep || x.pio.imm);
    assert_int_equal(x.pio.gva.v, 0);
    x = decode((struct vmx_exit_raw){ .reason = 30, .qual = 0x01f0003b, .gla = 0x1234 });
    assert_int_equal(x.pio.port, 0x1f0);
    assert_int_equal(x.pio.size, 4);
    assert_true(x.pio.in && x.pio.string && x.pio.rep);
    assert_int_equal(x.pio.gva.v, 0x1234);
    x = decode((struct vmx_exit_raw){ .reason = 30, .qual = 0x00700041 });
    assert_true(x.pio.imm);
    assert_int_equal(x.pio.size, 2);
}

static void ept_violations_bit_by_bit(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x181, .gpa = 0xfee00030,
                                                    .gla = 0xffff888000001030 });

    (void)state;
    assert_int_equal(x.ept.gpa.v, 0xfee00030);
    assert_int_equal(x.ept.gva.v, 0xffff888000001030);
    assert_true(x.ept.gva_valid && x.ept.read);
    assert_false(x.ept.write || x.ept.fetch || x.ept.walk || x.ept.readable || x.ept.writable ||
                 x.ept.executable || x.ept.nmi_unblock);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x2 }).ept.write);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x4 }).ept.fetch);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x8 }).ept.readable);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x10 }).ept.writable);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x20 }).ept.executable);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x80 }).ept.walk);
    assert_true(decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x1000 }).ept.nmi_unblock);
    x = decode((struct vmx_exit_raw){ .reason = 48, .qual = 0x101, .gla = 5 });
    assert_false(x.ept.gva_valid);
    assert_int_equal(x.ept.gva.v, 0);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 49, .gpa = 0x5000 }).ept.gpa.v, 0x5000);
}

static void apic_accesses_and_writes(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 44, .qual = 0x1300 });

    (void)state;
    assert_int_equal(x.apic.offset, 0x300);
    assert_true(x.apic.write && x.apic.linear);
    x = decode((struct vmx_exit_raw){ .reason = 44, .qual = 0x0020 });
    assert_false(x.apic.write || x.apic.fetch);
    assert_true(decode((struct vmx_exit_raw){ .reason = 44, .qual = 0x2000 }).apic.fetch);
    assert_false(decode((struct vmx_exit_raw){ .reason = 44, .qual = 0xf000 }).apic.linear);
    x = decode((struct vmx_exit_raw){ .reason = 56, .qual = 0x380 });
    assert_int_equal(x.apic.offset, 0x380);
    assert_true(x.apic.write);
}

static void task_switches_say_where_from(void **state)
{
    static const uint8_t sources[] = { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE };

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        struct vmexit x = decode((struct vmx_exit_raw){ .reason = 9, .qual = (uint64_t)i << 30 | 0x28 });

        assert_int_equal(x.task.source, sources[i]);
        assert_int_equal(x.task.selector, 0x28);
    }
}

static void failed_entries_carry_their_code(void **state)
{
    struct vmexit x = decode((struct vmx_exit_raw){ .reason = 0x80000021, .qual = 4 });

    (void)state;
    assert_int_equal(x.reason, EXIT_BAD_STATE);
    assert_int_equal(x.hw_reason, 0x80000021);
    assert_int_equal(x.fail_code, 4);
    assert_int_equal(decode((struct vmx_exit_raw){ .reason = 0x80000022, .qual = 2 }).fail_code, 2);
}

static void an_event_cut_short_is_seen_where_it_can_happen(void **state)
{
    struct vmx_exit_raw raw = { .reason = 48, .vectoring_info = 0x80000b0d, .vectoring_error = 0x18 };
    struct vmexit x = decode(raw);

    (void)state;
    assert_true(x.cut_short.valid && x.cut_short.has_error);
    assert_int_equal(x.cut_short.vector, X86_GP);
    assert_int_equal(x.cut_short.error, 0x18);
    raw.vectoring_info = 0x80000430;        /* INT 0x30 */
    raw.insn_len = 2;
    x = decode(raw);
    assert_int_equal(x.cut_short.type, EVENT_SOFT_INT);
    assert_int_equal(x.cut_short.insn_len, 2);
    assert_int_equal(x.insn_len, 0);
    raw.reason = 10;
    assert_false(decode(raw).cut_short.valid);
    raw.reason = 9;
    assert_true(decode(raw).cut_short.valid);
    raw.vectoring_info = 0;
    assert_false(decode(raw).cut_short.valid);
}

static void the_linear_address_is_there_when_the_qualification_says_so(void **state)
{
    (void)state;
    assert_true(exit_has_gla(EXIT_EPT_VIOLATION, 0x80));
    assert_false(exit_has_gla(EXIT_EPT_VIOLATION, 0x10));
    assert_true(exit_has_gla(EXIT_PIO, 0x10));
    assert_false(exit_has_gla(EXIT_PIO, 0x80));
    assert_false(exit_has_gla(EXIT_CPUID, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_has_its_reason),
        cmocka_unit_test(unknown_reasons_are_said_to_be_unknown),
        cmocka_unit_test(the_length_counts_only_where_the_row_asks_for_it),
        cmocka_unit_test(exceptions_carry_vector_type_error_and_length),
        cmocka_unit_test(vectors_come_from_where_the_reason_keeps_them),
        cmocka_unit_test(control_register_accesses),
        cmocka_unit_test(debug_register_accesses),
        cmocka_unit_test(port_accesses),
        cmocka_unit_test(ept_violations_bit_by_bit),
        cmocka_unit_test(apic_accesses_and_writes),
        cmocka_unit_test(task_switches_say_where_from),
        cmocka_unit_test(failed_entries_carry_their_code),
        cmocka_unit_test(an_event_cut_short_is_seen_where_it_can_happen),
        cmocka_unit_test(the_linear_address_is_there_when_the_qualification_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
