/* SPDX-License-Identifier: BSD-2-Clause */
#include <hw/hw.h>

#include <fake.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void cpu_is(uint32_t vendor_ebx, bool vmx, bool svm)
{
    fake_reset();
    fake_cpuid_set(0, 0, (struct cpuid_regs){ .eax = 1, .ebx = vendor_ebx });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .ecx = vmx ? 1U << 5 : 0 });
    fake_cpuid_set(0x80000000U, 0, (struct cpuid_regs){ .eax = 0x80000008U });
    fake_cpuid_set(0x80000001U, 0, (struct cpuid_regs){ .ecx = svm ? 1U << 2 : 0 });
    hw_choose();
}

#define INTEL 0x756e6547U
#define AMD 0x68747541U

static void the_vendor_is_chosen_by_what_the_cpu_has(void **state)
{
    (void)state;
    cpu_is(INTEL, true, false);
    assert_string_equal(hw_probed_features()->name, "VMX");
    cpu_is(AMD, false, true);
    assert_string_equal(hw_probed_features()->name, "SVM");
}

static void a_cpu_that_has_neither_is_told_so_by_its_own_vendor(void **state)
{
    (void)state;
    cpu_is(INTEL, false, false);
    assert_non_null(strstr(hw_start(), "VT-x"));
    cpu_is(AMD, false, false);
    assert_non_null(strstr(hw_start(), "SVM"));
}

static void exits_have_names(void **state)
{
    (void)state;
#define EXIT(name, hw, handler, what, label) \
    assert_string_equal(hw_exit_name(&(struct vmexit){ .reason = EXIT_##name }), label);
#include <hv/exits.def>
#undef EXIT
    assert_string_equal(hw_exit_name(&(struct vmexit){ .reason = EXIT_ENTRY_FAILED }), "VM entry failed");
    assert_string_equal(hw_exit_name(&(struct vmexit){ .reason = EXIT_COUNT }), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vendor_is_chosen_by_what_the_cpu_has),
        cmocka_unit_test(a_cpu_that_has_neither_is_told_so_by_its_own_vendor),
        cmocka_unit_test(exits_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
