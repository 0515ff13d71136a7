/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

static struct svm_caps good(void)
{
    return (struct svm_caps){ .max_leaf = 0x8000001f, .ext_ecx = 4, .ext_edx = 1U << 27, .asids = 16, .svm_edx = EDX_PLAIN };
}

static void refuses(struct svm_caps c, const char *word)
{
    struct svm_features f;
    const char *sentence = svm_caps_choose(&c, &f);

    assert_non_null(sentence);
    if (strstr(sentence, word) == NULL)
        fail_msg("'%s' does not say '%s'", sentence, word);
}

static void what_is_missing_is_named_in_a_sentence(void **state)
{
    struct svm_caps c = good();

    (void)state;
    c.ext_ecx = 0;
    refuses(c, "SVM");
    c = good();
    c.max_leaf = 0x80000008;
    refuses(c, "SVM");
    c = good();
    c.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK;
    refuses(c, "firmware");
    c = good();
    c.svm_edx = EDX_FULL & ~EDX_PLAIN;
    refuses(c, "nested paging");
    c = good();
    c.asids = 1;
    refuses(c, "ASID");
}

static void a_disabled_svm_that_is_not_locked_is_switched_on(void **state)
{
    (void)state;
    world_machine(EDX_PLAIN, 16);
    fake_msr_set(MSR_VM_CR, VM_CR_SVMDIS);
    assert_null(svm_probe());
    assert_null(svm_cpu_enable());
    assert_int_equal(cpu_rdmsr(MSR_VM_CR), 0);
    assert_true(cpu_rdmsr(MSR_EFER) & EFER_SVME);
    assert_int_not_equal(cpu_rdmsr(MSR_VM_HSAVE_PA), 0);
    svm_cpu_disable();
    assert_false(cpu_rdmsr(MSR_EFER) & EFER_SVME);
}

static void every_feature_is_optional_but_nested_paging(void **state)
{
    struct svm_caps c = good();
    struct svm_features f;

    (void)state;
    assert_null(svm_caps_choose(&c, &f));
    assert_false(f.nrips || f.decode_assists || f.clean || f.flush_by_asid || f.tsc_ratio || f.pause_filter ||
                 f.pause_threshold || f.vnmi || f.page_1g || f.spec_ctrl);
    c.svm_edx = EDX_FULL;
    assert_null(svm_caps_choose(&c, &f));
    assert_true(f.nrips && f.decode_assists && f.clean && f.flush_by_asid && f.tsc_ratio && f.pause_filter &&
                f.pause_threshold && f.vnmi);
}

static void qemus_emulation_is_known_by_its_signature(void **state)
{
    const struct cpuid_regs tcg = { .eax = 0x40000001, .ebx = 0x54474354, .ecx = 0x43544743, .edx = 0x47435447 };

    (void)state;
    world_machine(EDX_PLAIN, 16);
    fake_cpuid_set(0x40000000U, 0, tcg);
    assert_null(svm_probe());
    assert_false(svm_features.forgets_irqs);
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .ecx = 1U << 31 });
    assert_null(svm_probe());
    assert_true(svm_features.forgets_irqs);
    fake_cpuid_set(0x40000000U, 0, (struct cpuid_regs){ .ebx = 0x4b4d564b, .ecx = 0x564b4d56, .edx = 0x4d });   /* KVM's */
    assert_null(svm_probe());
    assert_false(svm_features.forgets_irqs);
}

static void a_cpu_that_differs_from_the_first_is_refused(void **state)
{
    (void)state;
    world_machine(EDX_FULL, 16);
    assert_null(svm_probe());
    fake_cpuid_set(0x8000000aU, 0, (struct cpuid_regs){ .ebx = 16, .edx = EDX_PLAIN });
    assert_non_null(svm_cpu_enable());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_named_in_a_sentence),
        cmocka_unit_test(a_disabled_svm_that_is_not_locked_is_switched_on),
        cmocka_unit_test(every_feature_is_optional_but_nested_paging),
        cmocka_unit_test(qemus_emulation_is_known_by_its_signature),
        cmocka_unit_test(a_cpu_that_differs_from_the_first_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
