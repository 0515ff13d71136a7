/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <xen/version.h>

static void the_version_is_that_of_the_toolstack(void **state)
{
    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_xen_version, XENVER_version, 0, 0), 0x40011);
    assert_int_equal(dom0_call(__HYPERVISOR_xen_version, XENVER_pagesize, 0, 0), 4096);
    assert_int_equal(dom0_call(__HYPERVISOR_xen_version, XENVER_build_id, 0, 0), -ENODATA);
    assert_int_equal(dom0_call(__HYPERVISOR_xen_version, 11, 0, 0), -ENOSYS);
}

static void capabilities_contain_the_token_that_libxl_compares(void **state)
{
    char text[1024];
    uint64_t at;

    (void)state;
    memset(text, 0x55, sizeof(text));
    at = world_put(world.dom0, text, sizeof(text));
    assert_int_equal(dom0_call(__HYPERVISOR_xen_version, XENVER_capabilities, at, 0), 0);
    world_get(world.dom0, at, text, sizeof(text));
    assert_string_equal(text, "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ");
    for (size_t i = strlen(text); i < sizeof(text); i++)
        assert_int_equal(text[i], 0);
}

static void features_differ_between_dom0_and_a_guest(void **state)
{
    struct xen_feature_info f = { .submap_idx = 0 };

    (void)state;
    assert_int_equal(OP(world.v0, __HYPERVISOR_xen_version, XENVER_get_features, &f), 0);
    assert_int_equal(f.submap, 0x12b05);
    assert_int_equal(OP(world.g0, __HYPERVISOR_xen_version, XENVER_get_features, &f), 0);
    assert_int_equal(f.submap, 0x12305);
    f.submap_idx = 1;
    assert_int_equal(OP(world.g0, __HYPERVISOR_xen_version, XENVER_get_features, &f), -EINVAL);
}

static void the_command_line_is_for_dom0_alone(void **state)
{
    char text[1024];
    uint64_t at = world_put(world.dom0, "", 1), guest_at = world_put(world.guest, "", 1);

    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_xen_version, XENVER_commandline, at, 0), 0);
    world_get(world.dom0, at, text, sizeof(text));
    assert_string_equal(text, "dom0_mem=512M,max:512M console=com1");
    assert_int_equal(guest_call(__HYPERVISOR_xen_version, XENVER_commandline, guest_at, 0), 0);
    world_get(world.guest, guest_at, text, sizeof(text));
    assert_null(strstr(text, "dom0_mem"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(the_version_is_that_of_the_toolstack),
        T(capabilities_contain_the_token_that_libxl_compares),
        T(features_differ_between_dom0_and_a_guest),
        T(the_command_line_is_for_dom0_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
