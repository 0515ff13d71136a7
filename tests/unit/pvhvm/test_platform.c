/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID leaves, hypercall page, HVM parameters. */
#include <pvhvm/hvm_params.h>
#include <pvhvm/xen_cpuid.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/sched.h>

static const struct xen_cpuid_info info = {
    .domid = 3,
    .vcpu_id = 2,
    .guest_tsc_khz = 2500000,
    .host_tsc_khz = 2400000,
    .tsc_offset = 0x123456789abcULL,
    .tsc_mul = 0xcafe,
    .tsc_shift = -1,
    .tsc_mode = 2,
    .incarnation = 4,
    .tsc_safe = true,
};

static void the_signature_is_xens_and_five_leaves_follow(void **state)
{
    uint32_t r[4];

    (void)state;
    xen_cpuid_read(0x40000000, 0, &info, r);
    assert_int_equal(r[0], 0x40000005);
    assert_memory_equal(&r[1], "XenVMMXenVMM", 12);
    xen_cpuid_read(0x40000001, 0, &info, r);
    assert_int_equal(r[0], 0x00040011);
    xen_cpuid_read(0x40000002, 0, &info, r);
    assert_int_equal(r[0], 1);
    assert_int_equal(r[1], 0x40000000);
    assert_int_equal(r[2] | r[3], 0);
}

static void the_time_leaf_has_three_parts(void **state)
{
    uint32_t r[4];

    (void)state;
    xen_cpuid_read(0x40000003, 0, &info, r);
    assert_int_equal(r[0], 2);
    assert_int_equal(r[1], 2);
    assert_int_equal(r[2], 2500000);
    assert_int_equal(r[3], 4);
    xen_cpuid_read(0x40000003, 1, &info, r);
    assert_int_equal(r[0], 0x56789abc);
    assert_int_equal(r[1], 0x1234);
    assert_int_equal(r[2], 0xcafe);
    assert_int_equal((int32_t)r[3], -1);
    xen_cpuid_read(0x40000003, 2, &info, r);
    assert_int_equal(r[0], 2400000);
    xen_cpuid_read(0x40000003, 3, &info, r);
    assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
}

static void the_hvm_leaf_names_vcpu_and_domain(void **state)
{
    struct xen_cpuid_info i = info;
    uint32_t r[4];

    (void)state;
    xen_cpuid_read(0x40000004, 0, &i, r);
    assert_int_equal(r[0], XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT |
                               XEN_HVM_CPUID_UPCALL_VECTOR);
    assert_int_equal(r[1], 2);
    assert_int_equal(r[2], 3);
    i.x2apic_virt = i.iommu_mappings = true;
    xen_cpuid_read(0x40000004, 0, &i, r);
    assert_int_equal(r[0] & 7, XEN_HVM_CPUID_X2APIC_VIRT | XEN_HVM_CPUID_IOMMU_MAPPINGS);
}

static void other_leaves_are_zero(void **state)
{
    uint32_t leaf, r[4];

    (void)state;
    for (leaf = 0x40000005; leaf <= 0x400000ff; leaf++) {
        memset(r, 0xff, sizeof(r));
        xen_cpuid_read(leaf, leaf & 3, &info, r);
        assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
    }
}

static void the_hypercall_page_has_an_entry_every_32_bytes(void **state)
{
    uint8_t page[4096];
    uint32_t n, nr;

    (void)state;
    static const uint8_t vmcall[3] = { 0x0f, 0x01, 0xc1 };

    xen_hypercall_page_fill(page, vmcall);
    for (n = 0; n < 128; n++) {
        const uint8_t *p = page + n * 32;

        if (n == 23) {
            assert_memory_equal(p, "\x0f\x0b\xcc", 3);
            continue;
        }
        memcpy(&nr, p + 1, 4);
        assert_int_equal(nr, n);
        assert_int_equal(p[0], 0xb8);
        assert_memory_equal(p + 5, "\x0f\x01\xc1\xc3\xcc", 5);
    }
}

/* The rules once more, as lists. */
static bool in(uint32_t i, const uint8_t *list)
{
    for (; *list != 0xff; list++)
        if (*list == i)
            return true;
    return false;
}

static const uint8_t self_set[] = { 0, 2, 15, 18, 19, 34, 36, 37, 0xff };
static const uint8_t self_get_more[] = { 1, 17, 35, 0xff };
static const uint8_t gone[] = { 4, 13, 20, 21, 22, 23, 24, 25, 26, 30, 0xff };
static const uint8_t missing[] = { 3, 7, 8, 0xff };
static const uint8_t once[] = { 5, 6, 9, 32, 33, 35, 38, 0xff };

static void a_guest_may_set_and_get_what_the_lists_say(void **state)
{
    struct hvm_params p;
    uint64_t v;

    (void)state;
    hvm_params_init(&p);
    for (uint32_t i = 0; i < HVM_NR_PARAMS + 3; i++) {
        bool none = i >= HVM_NR_PARAMS || in(i, missing);
        int set = none || in(i, gone) ? -EINVAL : in(i, self_set) ? 0 : -EPERM;
        int get = set == -EPERM && in(i, self_get_more) ? 0 : set;

        assert_int_equal(hvm_params_check_set(&p, i, 0, true), set);
        assert_int_equal(hvm_params_get(&p, i, true, &v), get);
        assert_int_equal(hvm_params_get(&p, i, false, &v), none ? -EINVAL : 0);
        assert_int_equal(hvm_params_check_set(&p, i, i == HVM_PARAM_NR_IOREQ_SERVER_PAGES, false),
                         none ? -EINVAL : 0);
    }
    assert_int_equal(hvm_params_check_set(&p, ~0U, 0, true), -EINVAL);
}

static void some_parameters_are_set_once(void **state)
{
    struct hvm_params p;

    (void)state;
    hvm_params_init(&p);
    for (uint32_t i = 0; i < HVM_NR_PARAMS; i++) {
        if (in(i, missing))
            continue;
        p.value[i] = 1;
        assert_int_equal(hvm_params_check_set(&p, i, 0, false) == -EEXIST, in(i, once));
        if (i != HVM_PARAM_VIRIDIAN && i != HVM_PARAM_ALTP2M)
            assert_int_not_equal(hvm_params_check_set(&p, i, 1, false), -EEXIST);
    }
}

static void values_are_checked(void **state)
{
    static const struct { uint32_t index; uint64_t good, bad;
    } v[] = {
        { HVM_PARAM_TIMER_MODE, 3, 4 },
        { HVM_PARAM_ACPI_S_STATE, 3, 1 },
        { HVM_PARAM_TRIPLE_FAULT_REASON, 5, 6 },
        { HVM_PARAM_X87_FIP_WIDTH, 8, 5 },
        { HVM_PARAM_ACPI_IOPORTS_LOCATION, 1, 2 },
        { HVM_PARAM_ALTP2M, 0, 1 },
        { HVM_PARAM_MCA_CAP, 1, 2 },
        { HVM_PARAM_NR_IOREQ_SERVER_PAGES, 8, 0 },
        { HVM_PARAM_VIRIDIAN, 0, HVMPV_no_freq },
    };
    struct hvm_params p;
    uint64_t got;

    (void)state;
    hvm_params_init(&p);
    assert_int_equal(p.value[HVM_PARAM_TRIPLE_FAULT_REASON], SHUTDOWN_reboot);
    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        assert_int_equal(hvm_params_check_set(&p, v[i].index, v[i].bad, false), -EINVAL);
        assert_int_equal(hvm_params_check_set(&p, v[i].index, v[i].good, false), 0);
    }
    hvm_params_set(&p, HVM_PARAM_STORE_EVTCHN, 42);
    assert_int_equal(hvm_params_get(&p, HVM_PARAM_STORE_EVTCHN, true, &got), 0);
    assert_int_equal(got, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_is_xens_and_five_leaves_follow),
        cmocka_unit_test(the_time_leaf_has_three_parts),
        cmocka_unit_test(the_hvm_leaf_names_vcpu_and_domain),
        cmocka_unit_test(other_leaves_are_zero),
        cmocka_unit_test(the_hypercall_page_has_an_entry_every_32_bytes),
        cmocka_unit_test(a_guest_may_set_and_get_what_the_lists_say),
        cmocka_unit_test(some_parameters_are_set_once),
        cmocka_unit_test(values_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
