/* SPDX-License-Identifier: BSD-2-Clause */
#include <pvhvm/guest_tsc.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HOST_KHZ 2500000U
#define NOW 0x123456789abcULL

static struct guest_tsc t;

static int setup(void **state)
{
    (void)state;
    guest_tsc_init(&t, HOST_KHZ);
    return 0;
}

static void it_begins_in_step_with_the_hosts(void **state)
{
    (void)state;
    assert_true(guest_tsc_at(&t, NOW) == NOW);
    assert_int_equal(t.khz, HOST_KHZ);
    assert_false(t.emulated);
}

static void it_stands_where_it_is_set(void **state)
{
    (void)state;
    guest_tsc_set(&t, 0, NOW);
    assert_int_equal(guest_tsc_at(&t, NOW), 0);
    assert_int_equal(guest_tsc_at(&t, NOW + 1000), 1000);
    assert_true(t.offset == -NOW);
    assert_int_equal(guest_tsc_until(&t, 1500, NOW + 1000, HOST_KHZ), 500);
    assert_int_equal(guest_tsc_until(&t, 1000, NOW + 1000, HOST_KHZ), 0);
    assert_int_equal(guest_tsc_until(&t, 0, NOW + 1000, HOST_KHZ), 0);
}

static void the_hosts_rate_measured_anew_is_the_same(void **state)
{
    (void)state;
    assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_DEFAULT, HOST_KHZ + HOST_KHZ / 10000, HOST_KHZ, false), 0);
    assert_true(t.ratio == GUEST_TSC_ONE);
    assert_false(t.emulated);
    assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_DEFAULT, 0, HOST_KHZ, false), 0);
    assert_int_equal(t.khz, HOST_KHZ);
}

/* A second of the host's is a second of the guest's, after a day and to the microsecond. */
static void another_rate_is_scaled(void **state)
{
    const uint64_t day = 86400ULL * HOST_KHZ * 1000;
    uint64_t second;

    (void)state;
    for (uint32_t khz = 200000; khz < 10000000; khz += 333333) {
        setup(state);
        guest_tsc_set(&t, 77, NOW);
        assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_DEFAULT, khz, HOST_KHZ, true), 0);
        assert_false(t.emulated);
        assert_int_equal(guest_tsc_at(&t, NOW), 77);
        second = guest_tsc_at(&t, NOW + day + HOST_KHZ * 1000ULL) - guest_tsc_at(&t, NOW + day);
        assert_in_range(second, khz * 1000ULL - khz / 1000 - 1, khz * 1000ULL + khz / 1000);
    }
}

static void a_deadline_is_never_early(void **state)
{
    (void)state;
    guest_tsc_set(&t, 0, NOW);
    for (uint32_t khz = 333333; khz < 9000000; khz += 777777)
        for (uint64_t far = 1; far < 1ULL << 40; far *= 7) {
            uint64_t ticks;

            assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_DEFAULT, khz, HOST_KHZ, true), 0);
            ticks = guest_tsc_until(&t, far, NOW, HOST_KHZ);
            /* The two ratios are rounded down: one part in 2^31 of the way at most. */
            assert_true(guest_tsc_at(&t, NOW + ticks) + (far >> 29) + 1 >= far);
        }
}

static void without_help_of_the_hardware_it_is_emulated(void **state)
{
    (void)state;
    assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_DEFAULT, HOST_KHZ / 2, HOST_KHZ, false), 0);
    assert_true(t.emulated);
    assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_NATIVE, HOST_KHZ / 2, HOST_KHZ, false), 0);
    assert_false(t.emulated);
    assert_true(t.ratio == GUEST_TSC_ONE);
    assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_EMULATE, 0, HOST_KHZ, true), 0);
    assert_true(t.emulated);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
    struct guest_tsc before = t;

    (void)state;
    assert_int_equal(guest_tsc_set_mode(&t, 3, 0, HOST_KHZ, true), -EINVAL);
    assert_int_equal(guest_tsc_set_mode(&t, GUEST_TSC_DEFAULT, UINT32_MAX, 1000, true), -EINVAL);
    assert_memory_equal(&t, &before, sizeof(t));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(it_begins_in_step_with_the_hosts),
        T(it_stands_where_it_is_set),
        T(the_hosts_rate_measured_anew_is_the_same),
        T(another_rate_is_scaled),
        T(a_deadline_is_never_early),
        T(without_help_of_the_hardware_it_is_emulated),
        T(what_cannot_be_is_refused_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
