/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest that looks for Microsoft's interface is told. */
#include <pvhvm/hvm_params.h>
#include <pvhvm/viridian.h>
#include <pvhvm/xen_cpuid.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t vmcall[3] = { 0x0f, 0x01, 0xc1 };

static uint32_t leaf(uint32_t n, uint64_t features, unsigned int reg)
{
    const struct viridian_cpuid i = { .features = features, .guest_os_id = 1, .max_vcpus = 100, .apic_by_msr = true };
    uint32_t out[4];

    viridian_cpuid_read(n, &i, out);
    return out[reg];
}

static void the_vendor_and_the_interface_have_names(void **state)
{
    const struct viridian_cpuid i = { .features = HVMPV_base_freq };
    uint32_t r[4];

    (void)state;
    viridian_cpuid_read(0x40000000, &i, r);
    assert_in_range(r[0], 0x40000005, 0x400000ff);
    assert_memory_equal(&r[1], "Microsoft Hv", 12);
    viridian_cpuid_read(0x40000001, &i, r);
    assert_memory_equal(&r[0], "Hv#1", 4);
    viridian_cpuid_read(0x40000002, &i, r);             /* before it has said who it is */
    assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
    assert_int_not_equal(leaf(0x40000002, HVMPV_base_freq, 0), 0);
    assert_int_equal(leaf(0x400000ff, HVMPV_base_freq, 0), 0);
}

static void each_feature_has_its_bits_and_its_msrs(void **state)
{
    static const struct { uint64_t feature; uint32_t eax, edx, msr; bool removes; } rows[] = {
        { HVMPV_no_freq, 1U << 11, 1U << 8, VIRIDIAN_TSC_FREQUENCY, true },
        { HVMPV_time_ref_count, 1U << 1, 0, VIRIDIAN_TIME_REF_COUNT, false },
        { HVMPV_reference_tsc, 1U << 9, 0, VIRIDIAN_REFERENCE_TSC, false },
        { HVMPV_crash_ctl, 0, 1U << 10, VIRIDIAN_CRASH_CTL, false },
        { HVMPV_apic_assist, 0, 0, VIRIDIAN_APIC_ASSIST, false },
    };

    (void)state;
    for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t without = HVMPV_base_freq, with = without | rows[i].feature;
        uint64_t has = rows[i].removes ? without : with, lacks = rows[i].removes ? with : without;

        assert_int_equal(leaf(0x40000003, has, 0) & rows[i].eax, rows[i].eax);
        assert_int_equal(leaf(0x40000003, has, 3) & rows[i].edx, rows[i].edx);
        assert_true(viridian_has_msr(has, rows[i].msr));
        assert_int_equal(leaf(0x40000003, lacks, 0) & rows[i].eax, 0);
        assert_int_equal(leaf(0x40000003, lacks, 3) & rows[i].edx, 0);
        assert_false(viridian_has_msr(lacks, rows[i].msr));
    }
    assert_false(viridian_has_msr(VIRIDIAN_FEATURES, 0x40000003));     /* reset: not there */
    assert_false(viridian_has_msr(VIRIDIAN_FEATURES, 0x40000080));     /* nor is the synthetic interrupt controller */
}

static void more_than_64_vcpus_are_told_to_those_who_can_take_it(void **state)
{
    (void)state;
    assert_int_equal(leaf(0x40000005, HVMPV_base_freq, 0), 64);
    assert_int_equal(leaf(0x40000005, HVMPV_base_freq | HVMPV_no_vp_limit, 0), 100);
}

static void the_msrs_of_the_apic_are_recommended_where_registers_exit(void **state)
{
    const struct viridian_cpuid i = { .features = HVMPV_base_freq };
    uint32_t out[4];

    (void)state;
    assert_int_equal(leaf(0x40000004, HVMPV_base_freq, 0) & 8, 8);
    viridian_cpuid_read(0x40000004, &i, out);
    assert_int_equal(out[0] & 8, 0);
}

static void reference_time_is_counted_in_100_ns(void **state)
{
    static const uint32_t khz[] = { 10001, 1000000, 2400000, 3999999, 4294967295U };

    (void)state;
    for (unsigned int i = 0; i < sizeof(khz) / sizeof(khz[0]); i++) {
        assert_in_range(viridian_reference_time(khz[i] * 1000ULL, khz[i]), 9999999, 10000000);
        assert_in_range(viridian_reference_time(khz[i] * 1000000000ULL, khz[i]), 9999999999999ULL, 10000000000000ULL);
    }
    assert_int_equal(viridian_tsc_scale(10000), 0);
    assert_int_equal(viridian_tsc_scale(0), 0);
}

static void the_page_of_the_reference_tsc_says_the_same(void **state)
{
    unsigned char page[4096];
    uint64_t scale;

    (void)state;
    memset(page, 0xff, sizeof(page));
    viridian_tsc_page_fill(page, 2400000);
    memcpy(&scale, page + 8, sizeof(scale));
    assert_int_equal(scale, viridian_tsc_scale(2400000));
    assert_int_equal(page[0], 1);
    for (unsigned int i = 16; i < sizeof(page); i++)
        assert_int_equal(page[i], 0);
    viridian_tsc_page_fill(page, 9000);
    assert_int_equal(page[0] | page[1] | page[2] | page[3], 0);        /* there is none: ask the MSR */
}

static void the_hypercall_page_marks_its_calls(void **state)
{
    static const uint8_t code[9] = { 0x0d, 0, 0, 0, 0x80, 0x0f, 0x01, 0xc1, 0xc3 };
    unsigned char page[4096] = { 0 };
    bool yield;

    (void)state;
    viridian_hypercall_page_fill(page, vmcall);
    assert_memory_equal(page, code, sizeof(code));
    assert_int_equal(page[4095], 0xcc);
    assert_int_equal(viridian_hypercall(0x10008, &yield), 0);
    assert_true(yield);
    assert_int_equal(viridian_hypercall(2, &yield), 2);
    assert_false(yield);
}

static void xens_leaves_follow(void **state)
{
    const struct xen_cpuid_info i = { .domid = 3, .viridian = true };
    uint32_t r[4];

    (void)state;
    xen_cpuid_read(0x40000100, 0, &i, r);
    assert_int_equal(r[0], 0x40000105);
    assert_memory_equal(&r[1], "XenVMMXenVMM", 12);
    xen_cpuid_read(0x40000102, 0, &i, r);
    assert_int_equal(r[1], 0x40000200);
}

static void a_toolstack_gets_what_there_is_or_an_error(void **state)
{
    struct hvm_params p;

    (void)state;
    hvm_params_init(&p);
    assert_int_equal(hvm_params_check_set(&p, HVM_PARAM_VIRIDIAN, HVMPV_base_freq | HVMPV_time_ref_count, false), 0);
    assert_int_equal(hvm_params_check_set(&p, HVM_PARAM_VIRIDIAN, HVMPV_time_ref_count, false), -EINVAL);
    assert_int_equal(hvm_params_check_set(&p, HVM_PARAM_VIRIDIAN, HVMPV_base_freq | HVMPV_stimer, false), -EINVAL);
    assert_int_equal(hvm_params_check_set(&p, HVM_PARAM_VIRIDIAN, HVMPV_base_freq | 1ULL << 40, false), -EINVAL);
    assert_int_equal(hvm_params_check_set(&p, HVM_PARAM_VIRIDIAN, 0, false), 0);
    assert_int_equal(hvm_params_check_set(&p, HVM_PARAM_VIRIDIAN, HVMPV_base_freq, true), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vendor_and_the_interface_have_names),
        cmocka_unit_test(each_feature_has_its_bits_and_its_msrs),
        cmocka_unit_test(more_than_64_vcpus_are_told_to_those_who_can_take_it),
        cmocka_unit_test(the_msrs_of_the_apic_are_recommended_where_registers_exit),
        cmocka_unit_test(reference_time_is_counted_in_100_ns),
        cmocka_unit_test(the_page_of_the_reference_tsc_says_the_same),
        cmocka_unit_test(the_hypercall_page_marks_its_calls),
        cmocka_unit_test(xens_leaves_follow),
        cmocka_unit_test(a_toolstack_gets_what_there_is_or_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
