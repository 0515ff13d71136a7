/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/system_insn.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct vector { const char *bytes; uint8_t count; bool code64; uint8_t length; enum system_op op; uint8_t gpr; };

static const struct vector known[] = {
    { "\x0f\xa2", 2, true, 2, SYSTEM_OTHER, 0 },                    /* cpuid */
    { "\xf4", 1, false, 1, SYSTEM_OTHER, 0 },                       /* hlt */
    { "\xf3\x90", 2, true, 2, SYSTEM_OTHER, 0 },                    /* pause */
    { "\x66\x0f\x30", 3, true, 3, SYSTEM_OTHER, 0 },                /* wrmsr with a prefix */
    { "\x2e\x48\x0f\x32", 4, true, 4, SYSTEM_OTHER, 0 },            /* rdmsr with two */
    { "\x0f\x01\xd9", 3, true, 3, SYSTEM_OTHER, 0 },                /* vmmcall */
    { "\x0f\x01\xd1", 3, true, 3, SYSTEM_OTHER, 0 },                /* xsetbv */
    { "\x0f\x01\xf9", 3, true, 3, SYSTEM_OTHER, 0 },                /* rdtscp */
    { "\x0f\x09", 2, true, 2, SYSTEM_OTHER, 0 },                    /* wbinvd */
    { "\x0f\x22\xe0", 3, true, 3, SYSTEM_MOV_TO, 0 },               /* mov %rax, %cr4 */
    { "\x41\x0f\x22\xc7", 4, true, 4, SYSTEM_MOV_TO, 15 },          /* mov %r15, %cr0 */
    { "\x44\x0f\x20\xc3", 4, true, 4, SYSTEM_MOV_FROM, 3 },         /* mov %cr8, %rbx */
    { "\xf0\x0f\x20\xc0", 4, false, 4, SYSTEM_MOV_FROM, 0 },        /* the other way to CR8 */
    { "\x0f\x06", 2, true, 2, SYSTEM_CLTS, 0 },
    { "\x0f\x01\xf3", 3, false, 3, SYSTEM_LMSW, 3 },                /* lmsw %bx */
    { "\x41\x0f\x01\xe1", 4, true, 4, SYSTEM_SMSW, 9 },             /* smsw %r9 */
};

static void lengths_and_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint8_t bytes[15] = { 0 };
        struct system_insn insn;

        memcpy(bytes, known[i].bytes, known[i].count);
        assert_true(system_insn_decode(bytes, sizeof(bytes), known[i].code64, &insn));
        assert_int_equal(insn.length, known[i].length);
        assert_int_equal(insn.op, known[i].op);
        assert_int_equal(insn.gpr, known[i].gpr);
    }
}

static void what_is_cut_off_is_not_guessed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        for (size_t n = 0; n < known[i].count; n++) {
            uint8_t bytes[15] = { 0 };
            struct system_insn insn;

            memcpy(bytes, known[i].bytes, n);
            assert_false(system_insn_decode(bytes, n, known[i].code64, &insn));
        }
}

static void others_are_refused(void **state)
{
    static const char *const others[] = { "\x89\xc0", "\x0f\x05", "\x0f\x01\x30", &"\x48\xf4\x0f"[2], "\x0f\x01\xf8" };
    struct system_insn insn;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        uint8_t bytes[15] = { 0 };

        memcpy(bytes, others[i], strlen(others[i]));
        assert_false(system_insn_decode(bytes, sizeof(bytes), true, &insn));
    }
    /* Fifteen prefixes leave no room for an instruction. */
    assert_false(system_insn_decode((const uint8_t *)"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 15,
                                    true, &insn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_and_registers),
        cmocka_unit_test(what_is_cut_off_is_not_guessed),
        cmocka_unit_test(others_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
