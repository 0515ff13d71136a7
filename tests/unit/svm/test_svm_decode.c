/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode.h"

#include "world.h"

/* What of a VMCB the decoder reads. */
struct svm_exit_raw { uint64_t code, info1, info2, int_info, rip, next_rip, dr6, cr2; };

static struct vmexit decode(struct svm_exit_raw raw)
{
    struct vmcb b = { .exit_code = raw.code, .exit_info1 = raw.info1, .exit_info2 = raw.info2, .exit_int_info = raw.int_info,
                      .rip = raw.rip, .next_rip = raw.next_rip, .dr6 = raw.dr6, .cr2 = raw.cr2 };
    struct vmexit x;

    memset(&x, 0xa5, sizeof(x));       /* what an earlier exit left must not matter */
    svm_decode(&b, &x);
    return x;
}

static void each_row_of_the_table_has_its_reason(void **state)
{
    static const struct { uint64_t code; enum exit_reason reason; } rows[] = {
#define CODE(code, reason, flags) { code, EXIT_##reason },
#include "exit_codes.def"
#undef CODE
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct vmexit x = decode((struct svm_exit_raw){ .code = rows[i].code });

        assert_int_equal(x.reason, rows[i].reason);
        assert_int_equal(x.hw_reason, rows[i].code);
        assert_false(x.cut_short.valid);
    }
}

static void unknown_codes_are_said_to_be_unknown(void **state)
{
    static const uint64_t unknown[] = { 0x62, 0x70, 0x75, 0x7e, 0x9f, 0xa5, 0x3ff, 0x401, 0x100000000ULL };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(unknown); i++)
        assert_int_equal(decode((struct svm_exit_raw){ .code = unknown[i], .next_rip = 3 }).reason, EXIT_UNKNOWN);
    assert_int_equal(decode((struct svm_exit_raw){ .code = UINT64_MAX }).reason, EXIT_BAD_STATE);
    assert_int_equal(decode((struct svm_exit_raw){ .code = UINT32_MAX }).reason, EXIT_BAD_STATE);      /* QEMU's */
}

static void the_length_is_what_lies_between_here_and_the_next_instruction(void **state)
{
    (void)state;
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x72, .rip = 0x1000, .next_rip = 0x1002 }).insn_len, 2);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x72, .rip = 0x1000 }).insn_len, 0);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x72, .rip = 0x1000, .next_rip = 0x2000 }).insn_len, 0);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x400, .rip = 0x1000, .next_rip = 0x1002 }).insn_len, 0);
}

static void exceptions_carry_vector_type_and_error(void **state)
{
    struct vmexit x = decode((struct svm_exit_raw){ .code = 0x4e, .info1 = 7, .info2 = 0xdead000 });

    (void)state;
    assert_int_equal(x.reason, EXIT_EXCEPTION);
    assert_true(x.exc.event.valid && x.exc.event.has_error);
    assert_int_equal(x.exc.event.vector, X86_PF);
    assert_int_equal(x.exc.event.type, EVENT_HW_EXCEPTION);
    assert_int_equal(x.exc.event.error, 7);
    assert_int_equal(x.exc.qual, 0xdead000);
    x = decode((struct svm_exit_raw){ .code = 0x41, .dr6 = 0xffff4ff1, .info1 = 9 });
    assert_int_equal(x.exc.event.vector, X86_DB);
    assert_false(x.exc.event.has_error);
    assert_int_equal(x.exc.qual, 0x4001);
    assert_true(decode((struct svm_exit_raw){ .code = 0x51 }).exc.event.has_error);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x52 }).exc.event.vector, X86_MC);
}

static void an_interrupt_is_left_to_the_cpu(void **state)
{
    (void)state;
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x60 }).vector, 0);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x61 }).reason, EXIT_EXTERNAL_IRQ);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x61 }).vector, 0);
}

static void control_register_accesses(void **state)
{
    struct vmexit x = decode((struct svm_exit_raw){ .code = 0x14, .info1 = BIT(63) | 15, .rip = 8, .next_rip = 12 });

    (void)state;
    assert_int_equal(x.reason, EXIT_CR_ACCESS);
    assert_int_equal(x.cr.cr, 4);
    assert_int_equal(x.cr.op, CR_WRITE);
    assert_int_equal(x.cr.gpr, GPR_R15);
    assert_false(x.cr.undecoded);
    assert_int_equal(x.insn_len, 4);
    x = decode((struct svm_exit_raw){ .code = 0x08, .info1 = BIT(63) | 3 });
    assert_int_equal(x.cr.op, CR_READ);
    assert_int_equal(x.cr.cr, 8);
    assert_int_equal(x.cr.gpr, GPR_RBX);
    x = decode((struct svm_exit_raw){ .code = 0x65, .info1 = BIT(63) | 1 });
    assert_int_equal(x.cr.cr, 0);
    assert_int_equal(x.cr.op, CR_WRITE);
}

static void without_decode_assists_the_instruction_has_to_be_looked_at(void **state)
{
    (void)state;
    assert_true(decode((struct svm_exit_raw){ .code = 0x65 }).cr.undecoded);
    assert_true(decode((struct svm_exit_raw){ .code = 0x10 }).cr.undecoded);
    assert_true(decode((struct svm_exit_raw){ .code = 0x18, .info1 = 5 }).cr.undecoded);
}

static void debug_register_accesses(void **state)
{
    struct vmexit x = decode((struct svm_exit_raw){ .code = 0x27, .info1 = 4 });

    (void)state;
    assert_int_equal(x.reason, EXIT_DR_ACCESS);
    assert_int_equal(x.dr.dr, 7);
    assert_true(x.dr.read);
    assert_int_equal(x.dr.gpr, GPR_RSP);
    assert_false(decode((struct svm_exit_raw){ .code = 0x37 }).dr.read);
}

static void port_accesses(void **state)
{
    struct vmexit x = decode((struct svm_exit_raw){ .code = 0x7b, .info1 = 0x03f80010, .rip = 0x100, .info2 = 0x101 });

    (void)state;
    assert_int_equal(x.pio.port, 0x3f8);
    assert_int_equal(x.pio.size, 1);
    assert_false(x.pio.in || x.pio.string || x.pio.rep);
    assert_int_equal(x.insn_len, 1);
    x = decode((struct svm_exit_raw){ .code = 0x7b, .info1 = 0x01f0004d });
    assert_int_equal(x.pio.port, 0x1f0);
    assert_int_equal(x.pio.size, 4);
    assert_true(x.pio.in && x.pio.string && x.pio.rep);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x7b, .info1 = 0x00700020 }).pio.size, 2);
}

static void msr_accesses_are_two_reasons(void **state)
{
    (void)state;
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x7c }).reason, EXIT_RDMSR);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x7c, .info1 = 1 }).reason, EXIT_WRMSR);
}

static void nested_page_faults_bit_by_bit(void **state)
{
    struct vmexit x = decode((struct svm_exit_raw){ .code = 0x400, .info1 = BIT(32) | 4, .info2 = 0xfee00030 });

    (void)state;
    assert_int_equal(x.reason, EXIT_EPT_VIOLATION);
    assert_int_equal(x.ept.gpa.v, 0xfee00030);
    assert_true(x.ept.read);
    assert_false(x.ept.gva_valid || x.ept.write || x.ept.fetch || x.ept.walk || x.ept.readable || x.ept.writable ||
                 x.ept.executable || x.ept.nmi_unblock);
    x = decode((struct svm_exit_raw){ .code = 0x400, .info1 = BIT(33) | 7 });
    assert_true(x.ept.write && x.ept.walk && x.ept.readable);
    assert_false(x.ept.read || x.ept.writable);
    x = decode((struct svm_exit_raw){ .code = 0x400, .info1 = 0x15 });
    assert_true(x.ept.fetch && x.ept.readable);
    assert_false(x.ept.executable);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x400, .info1 = 0xd, .info2 = 0x5000 }).reason,
                     EXIT_EPT_MISCONFIG);
}

static void an_event_cut_short_is_seen_whatever_the_exit(void **state)
{
    struct vmexit x = decode((struct svm_exit_raw){ .code = 0x400, .int_info = 0x1880000b0dULL, .cr2 = 0x123 });

    (void)state;
    assert_true(x.cut_short.valid && x.cut_short.has_error);
    assert_int_equal(x.cut_short.vector, X86_GP);
    assert_int_equal(x.cut_short.error, 0x18);
    assert_int_equal(x.cut_short.cr2, 0x123);
    assert_int_equal(x.cut_short.type, EVENT_HW_EXCEPTION);
    x = decode((struct svm_exit_raw){ .code = 0x7d, .int_info = 0x800000ef });
    assert_int_equal(x.cut_short.type, EVENT_EXTINT);
    assert_int_equal(x.cut_short.vector, 0xef);
    assert_int_equal(decode((struct svm_exit_raw){ .code = 0x400, .int_info = 0x80000202 }).cut_short.type, EVENT_NMI);
}

static void software_events_come_again_by_themselves(void **state)
{
    (void)state;
    assert_false(decode((struct svm_exit_raw){ .code = 0x400, .int_info = 0x80000430 }).cut_short.valid);
    assert_false(decode((struct svm_exit_raw){ .code = 0x400, .int_info = 0x80000303 }).cut_short.valid);
    assert_false(decode((struct svm_exit_raw){ .code = 0x400, .int_info = 0x80000304 }).cut_short.valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_has_its_reason),
        cmocka_unit_test(unknown_codes_are_said_to_be_unknown),
        cmocka_unit_test(the_length_is_what_lies_between_here_and_the_next_instruction),
        cmocka_unit_test(exceptions_carry_vector_type_and_error),
        cmocka_unit_test(an_interrupt_is_left_to_the_cpu),
        cmocka_unit_test(control_register_accesses),
        cmocka_unit_test(without_decode_assists_the_instruction_has_to_be_looked_at),
        cmocka_unit_test(debug_register_accesses),
        cmocka_unit_test(port_accesses),
        cmocka_unit_test(msr_accesses_are_two_reasons),
        cmocka_unit_test(nested_page_faults_bit_by_bit),
        cmocka_unit_test(an_event_cut_short_is_seen_whatever_the_exit),
        cmocka_unit_test(software_events_come_again_by_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
