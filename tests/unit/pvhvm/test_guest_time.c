/* SPDX-License-Identifier: BSD-2-Clause */
#include <pvhvm/guest_time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/foreign/x86_32.h>

static void the_scale_of_any_tsc_agrees_with_exact_arithmetic(void **state)
{
    static const uint64_t khz[] = {
        1,       1000,    999999,  1000000, 1000001, 1999999,  2000000,
        2000001, 2400000, 3000000, 3700123, 4000001, 10000000, 100000000
    };
    static const uint64_t ticks[] = {
        0, 1, 1000, 1ULL << 31, 1ULL << 40, 1ULL << 52, (1ULL << 55) + 12345
    };

    (void)state;
    for (size_t i = 0; i < sizeof(khz) / sizeof(khz[0]); i++) {
        uint32_t mul;
        int8_t shift;

        pvclock_scale(khz[i], &mul, &shift);
        assert_true(mul >= 1U << 31);
        for (size_t j = 0; j < sizeof(ticks) / sizeof(ticks[0]); j++) {
            unsigned __int128 exact = (unsigned __int128)ticks[j] * 1000000 / khz[i];
            uint64_t got = pvclock_ticks_to_ns(ticks[j], mul, shift);
            uint64_t slack = (uint64_t)(exact >> 30) + 2;

            if (exact >> 60)
                continue;   /* centuries */
            assert_true(got <= exact + slack && got + slack >= exact);
        }
    }
}

static void guests_derive_the_frequency_back(void **state)
{
    (void)state;
    for (uint64_t khz = 500000; khz < 6000000; khz += 123457) {
        uint32_t mul;
        int8_t shift;
        uint64_t back;

        pvclock_scale(khz, &mul, &shift);
        back = (1000000ULL << 32) / mul;
        back = shift < 0 ? back << -shift : back >> shift;
        assert_true(back + 4 >= khz && back <= khz + 4);     /* guests shift left last */
    }
}

static void a_clock_written_reads_back(void **state)
{
    struct pvclock_source s = { .tsc_timestamp = 1000,
                                .system_time = 500,
                                .flags = XEN_PVCLOCK_TSC_STABLE_BIT };
    struct vcpu_time_info t;

    (void)state;
    memset(&t, 0, sizeof(t));
    pvclock_scale(2000000, &s.mul, &s.shift);
    pvclock_write(&t, &s);
    assert_int_equal(t.version, 2);
    assert_int_equal(t.flags, 1);
    assert_int_equal(pvclock_read(&t, 1000), 500);
    assert_in_range(pvclock_read(&t, 1000 + 2000000000ULL), 500 + 1000000000ULL - 1,
                    500 + 1000000000ULL);
    t.version = 7;      /* left odd by the guest: becomes even and different all the same */
    pvclock_write(&t, &s);
    assert_int_equal(t.version, 8);
    t.version = ~0U;
    pvclock_write(&t, &s);
    assert_int_equal(t.version, 0);
}

static void the_wall_clock_is_where_each_layout_has_it(void **state)
{
    ns_t utc = 5000000000LL * NS_PER_SEC + 123456789;
    _Alignas(8) uint8_t page[4096];
    struct shared_info *s = (void *)page;
    struct shared_info_x86_32 *c = (void *)page;

    (void)state;
    memset(page, 0, sizeof(page));
    wallclock_write(page, false, utc);
    assert_int_equal(s->wc_version, 2);
    assert_int_equal(s->wc_sec, (uint32_t)5000000000LL);
    assert_int_equal(s->wc_sec_hi, 1);
    assert_int_equal(s->wc_nsec, 123456789);
    memset(page, 0, sizeof(page));
    wallclock_write(page, true, utc);
    assert_int_equal(c->wc_version, 2);
    assert_int_equal(c->wc_sec, (uint32_t)5000000000LL);
    assert_int_equal(c->arch.wc_sec_hi, 1);
    assert_int_equal(c->wc_nsec, 123456789);
    wallclock_write(page, false, -5);
    assert_int_equal(s->wc_sec, 0);
}

static void runstate_times_add_up_to_elapsed_time(void **state)
{
    struct vcpu_runstate_info info;
    struct runstate r;
    ns_t now = 1000;
    unsigned int i;

    (void)state;
    runstate_init(&r, now);
    srand(1);
    for (i = 0; i < 1000; i++) {
        now += rand() % 1000 - 20;                     /* sometimes another CPU's clock is behind */
        runstate_change(&r, (uint32_t)rand() % 4, now);
    }
    now = r.since + 77;
    runstate_get(&r, now, &info);
    assert_int_equal(info.state, r.state);
    assert_int_equal(info.state_entry_time, r.since);
    assert_int_equal(info.time[0] + info.time[1] + info.time[2] + info.time[3], now - 1000);
    runstate_change(&r, RUNSTATE_running, r.since - 50);
    assert_int_equal(r.since, now - 77);
    runstate_get(&r, r.since - 5, &info);
    assert_int_equal(info.time[0] + info.time[1] + info.time[2] + info.time[3], r.since - 1000);
}

static void runstate_images_fit_both_word_sizes(void **state)
{
    struct runstate r = { .state = RUNSTATE_blocked,
                          .since = 0x1122334455667788,
                          .time = { 1, 2, 3, 4 } };
    struct runstate_image image;
    struct vcpu_runstate_info wide;
    uint8_t area[48];
    uint64_t v;

    (void)state;
    runstate_make_image(&r, r.since + 10, false, &image);
    assert_int_equal(image.size, sizeof(wide));
    memcpy(&wide, image.bytes, sizeof(wide));
    assert_int_equal(wide.state, RUNSTATE_blocked);
    assert_int_equal(wide.time[2], 13);
    wide.state_entry_time = 0;
    ((uint8_t *)&wide)[image.flag_offset] = RUNSTATE_FLAG_BYTE;
    assert_true(wide.state_entry_time == XEN_RUNSTATE_UPDATE);
    runstate_make_image(&r, r.since + 10, true, &image);
    assert_int_equal(image.size, 44);
    memcpy(&v, image.bytes + 4, 8);
    assert_true(v == 0x1122334455667788);
    memcpy(&v, image.bytes + 12 + 16, 8);
    assert_int_equal(v, 13);
    memset(area, 0xee, sizeof(area));
    runstate_write(area, true, &r, r.since + 10, true);
    assert_memory_equal(area, image.bytes, 44);
    assert_int_equal(area[44], 0xee);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scale_of_any_tsc_agrees_with_exact_arithmetic),
        cmocka_unit_test(guests_derive_the_frequency_back),
        cmocka_unit_test(a_clock_written_reads_back),
        cmocka_unit_test(the_wall_clock_is_where_each_layout_has_it),
        cmocka_unit_test(runstate_times_add_up_to_elapsed_time),
        cmocka_unit_test(runstate_images_fit_both_word_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
