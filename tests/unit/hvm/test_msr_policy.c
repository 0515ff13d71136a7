/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/msr_policy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The table again, to check the code against it the slow way. */
#define IGNORE 0xffU
enum { D = 1, U = 2, A = 3 };
static const struct { uint32_t first, last; int who; unsigned int read, write; } table[] = {
#define MSR(a, b, w, rd, wr, v, rsvd, name) { (a), (b), (w), (rd), (wr) },
#include "../../../src/hvm/msrs.def"
#undef MSR
};
#define ROWS (sizeof(table) / sizeof(table[0]))

static void rows_ascend_and_overlap_only_between_dom0_and_guests(void **state)
{
    (void)state;
    for (size_t i = 1; i < ROWS; i++) {
        assert_true(table[i].first >= table[i - 1].first);
        if (table[i].first <= table[i - 1].last)
            assert_int_equal(table[i].who & table[i - 1].who, 0);
        if (i >= 2)
            assert_true(table[i].first > table[i - 2].last);
    }
}

static void check(uint32_t msr, bool dom0)
{
    struct msr_rule r = msr_policy(msr, dom0);
    unsigned int want = MSR_GP;

    for (size_t i = 0; i < ROWS; i++)
        if (msr >= table[i].first && msr <= table[i].last && (table[i].who & (dom0 ? D : U)) != 0)
            want = table[i].read;
    assert_int_equal(r.read, want);
}

static void look_up_agrees_with_the_table(void **state)
{
    (void)state;
    for (uint32_t msr = 0; msr < 0x2000; msr++) {
        check(msr, true);
        check(msr, false);
        check(0xc0000000 + msr, true);
        check(0x40000000 + msr, false);
    }
    check(UINT32_MAX, true);
}

static void unknown_msrs_fault(void **state)
{
    (void)state;
    assert_int_equal(msr_policy(0x480, true).read, MSR_GP);       /* VMX capabilities */
    assert_int_equal(msr_policy(0x606, true).write, MSR_GP);      /* RAPL */
    assert_int_equal(msr_policy(0x9e, false).read, MSR_GP);
}

static void dom0_reads_the_machines_memory_types_and_guests_their_own(void **state)
{
    (void)state;
    assert_int_equal(msr_policy(0x2ff, true).read, MSR_HOST_READ);
    assert_true(msr_policy(0x2ff, true).ignore_write);
    assert_int_equal(msr_policy(0x2ff, false).write, MSR_STORE);
    assert_int_equal(msr_policy(0xfe, false).value, 0x508);
}

static void feature_control_is_locked_with_vmx_off(void **state)
{
    (void)state;
    assert_int_equal(msr_policy(0x3a, true).read, MSR_CONST);
    assert_int_equal(msr_policy(0x3a, true).value, 1);
    assert_int_equal(msr_policy(0x3a, true).write, MSR_GP);
}

static void microcode_updates_vanish(void **state)
{
    (void)state;
    assert_true(msr_policy(0x79, true).ignore_write);
    assert_int_equal(msr_policy(0x79, true).read, MSR_GP);
    assert_true(msr_policy(0x8b, true).ignore_write);
}

static unsigned int passes;
static void count_pass(void *ctx, uint32_t first, uint32_t last) { (void)ctx; passes += last - first + 1; }
static void bitmap_ranges_are_those_of_class_pass(void **state)
{
    unsigned int want = 0;

    (void)state;
    passes = 0;
    msr_policy_each_pass(true, count_pass, NULL);
    for (uint32_t i = 0; i < 0x2000; i++)
        want += (msr_policy(i, true).read == MSR_PASS) + (msr_policy(0xc0000000 + i, true).read == MSR_PASS);
    assert_int_equal(passes, want);
}

static void stored_msrs_remember_legal_values(void **state)
{
    struct msr_store s;
    uint64_t v = 1;
    unsigned int count = 0;

    (void)state;
    msr_store_reset(&s);
    for (uint32_t msr = 0; msr < 0x2000; msr++)
        if (msr_policy(msr, false).read == MSR_STORE) {
            assert_true(msr_store_read(&s, msr, &v));
            assert_int_equal(v, 0);
            assert_true(msr_store_write(&s, msr, 0x0));
            count++;
        }
    assert_true(count > 20 && count <= MSR_STORE_SLOTS);
    assert_true(msr_store_write(&s, 0x2ff, 0xc06));
    assert_false(msr_store_write(&s, 0x2ff, 0xc07));
    assert_false(msr_store_write(&s, 0x2ff, 0x1000));
    assert_true(msr_store_write(&s, 0x200, 0xc0000000));
    assert_true(msr_store_write(&s, 0x201, 0xfffc0000800ULL));
    assert_false(msr_store_write(&s, 0x201, 1));
    assert_true(msr_store_write(&s, 0x26f, 0x0605050505040100ULL));
    assert_false(msr_store_write(&s, 0x26f, 0x0605050503040100ULL));
    assert_true(msr_store_read(&s, 0x26f, &v));
    assert_true(v == 0x0605050505040100ULL);
    assert_true(msr_store_read(&s, 0x200, &v));
    assert_int_equal(v, 0xc0000000);
    assert_false(msr_store_read(&s, 0x10, &v));
    assert_false(msr_store_write(&s, 0x10, 0));
}

static void misc_enable_shows_what_cpuid_shows(void **state)
{
    (void)state;
    assert_int_equal(msr_misc_enable(0), 0x1801);
    assert_int_equal(msr_misc_enable(0x850089), 0x801801);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_ascend_and_overlap_only_between_dom0_and_guests),
        cmocka_unit_test(look_up_agrees_with_the_table),
        cmocka_unit_test(unknown_msrs_fault),
        cmocka_unit_test(dom0_reads_the_machines_memory_types_and_guests_their_own),
        cmocka_unit_test(feature_control_is_locked_with_vmx_off),
        cmocka_unit_test(microcode_updates_vanish),
        cmocka_unit_test(bitmap_ranges_are_those_of_class_pass),
        cmocka_unit_test(stored_msrs_remember_legal_values),
        cmocka_unit_test(misc_enable_shows_what_cpuid_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
