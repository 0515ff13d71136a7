/* SPDX-License-Identifier: BSD-2-Clause */
#include "tsc_scale.h"

#include "fake.h"
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static void the_scale_is_exact_to_a_billionth(void **state)
{
    static const uint64_t khz[] = { 1, 999, 40000, 999999, 1000000, 1000001, 2400000, 3500123, 5000000,
                                    1ULL << 31 };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(khz); i++) {
        struct tsc_scale s = tsc_scale_of_khz(khz[i]);
        uint64_t hour = khz[i] * 1000 * 3600;
        int64_t error = (int64_t)tsc_scale_to_ns(s, hour) - 3600 * NS_PER_SEC;

        assert_true(s.mul >= 0x80000000U);
        assert_true(llabs(error) <= 3600 + (int64_t)(2000000 / khz[i]));
    }
}

static void ticks_and_nanoseconds_convert_back(void **state)
{
    (void)state;
    for (uint64_t khz = 1000; khz < 6000000; khz += 123457) {
        struct tsc_scale s = tsc_scale_of_khz(khz);

        for (ns_t ns = 1000; ns < 100000 * NS_PER_SEC; ns *= 7) {
            ns_t back = (ns_t)tsc_scale_to_ns(s, tsc_of_ns(khz, ns));

            assert_true(llabs(back - ns) <= 2000000 / (int64_t)khz + 2 + ns / 100000000);
        }
    }
    assert_int_equal(tsc_of_ns(3000000, -5), 0);
    assert_true(tsc_of_ns(3000000, NS_NEVER) == UINT64_MAX);
}

static void a_deadline_is_never_before_its_time_however_long_the_uptime(void **state)
{
    (void)state;
    for (uint64_t khz = 39999; khz < 6000000; khz = khz * 3 / 2 + 7) {
        struct tsc_scale s = tsc_scale_of_khz(khz);

        for (ns_t ns = 1; ns < 400LL * 86400 * NS_PER_SEC; ns = ns * 3 + 1) {
            uint64_t ticks = tsc_reaching_ns(s, khz, ns);

            assert_true((ns_t)tsc_scale_to_ns(s, ticks) >= ns);
            assert_true(ticks < 16 || (ns_t)tsc_scale_to_ns(s, ticks - 16) < ns);
        }
        assert_true(tsc_reaching_ns(s, khz, -1) == 0);
        assert_true(tsc_reaching_ns(s, khz, NS_NEVER) >= 1ULL << 48);
    }
}

static void cpuid_frequencies_are_taken_only_when_complete(void **state)
{
    (void)state;
    assert_int_equal(tsc_khz_of_cpuid(2, 216, 24000000, 0), 2592000);
    assert_int_equal(tsc_khz_of_cpuid(2, 300, 0, 3600), 3600000);
    assert_int_equal(tsc_khz_of_cpuid(0, 300, 24000000, 3600), 0);
    assert_int_equal(tsc_khz_of_cpuid(2, 0, 24000000, 3600), 0);
}

static unsigned int bcd(unsigned int v) { return v / 10 * 16 + v % 10; }

static void cmos_dates_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t t = 0; t < 4102444800; t += 86400 * 13 + 12347) {
        time_t at = (time_t)t;
        struct tm tm;
        struct rtc_reading r;

        gmtime_r(&at, &tm);
        r = (struct rtc_reading){ (uint8_t)tm.tm_sec, (uint8_t)tm.tm_min, (uint8_t)tm.tm_hour,
                                  (uint8_t)tm.tm_mday, (uint8_t)(tm.tm_mon + 1),
                                  (uint8_t)(tm.tm_year % 100), (uint8_t)(19 + tm.tm_year / 100), 6 };
        assert_int_equal(rtc_to_unix(r), t);
        r = (struct rtc_reading){ (uint8_t)bcd(r.second), (uint8_t)bcd(r.minute),
                                  (uint8_t)bcd(r.hour), (uint8_t)bcd(r.day), (uint8_t)bcd(r.month),
                                  (uint8_t)bcd(r.year),
                                  (uint8_t)(t < 3000000000 ? 0 : 0x20), 2 };
        assert_int_equal(rtc_to_unix(r), t);
        r.status_b = 0;
        r.hour = (uint8_t)(bcd((unsigned int)(tm.tm_hour + 11) % 12 + 1) | (tm.tm_hour >= 12 ? 0x80 : 0));
        assert_int_equal(rtc_to_unix(r), t);
    }
}

static void nonsense_in_the_cmos_is_no_date(void **state)
{
    struct rtc_reading r = { .second = 0xff, .minute = 0xff, .hour = 0xff, .day = 0xff,
                             .month = 0xff, .year = 0xff, .century = 0xff, .status_b = 0xff };

    (void)state;
    assert_int_equal(rtc_to_unix(r), -1);
    r = (struct rtc_reading){ .status_b = 2 };
    assert_int_equal(rtc_to_unix(r), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scale_is_exact_to_a_billionth),
        cmocka_unit_test(ticks_and_nanoseconds_convert_back),
        cmocka_unit_test(a_deadline_is_never_before_its_time_however_long_the_uptime),
        cmocka_unit_test(cpuid_frequencies_are_taken_only_when_complete),
        cmocka_unit_test(cmos_dates_agree_with_the_c_library),
        cmocka_unit_test(nonsense_in_the_cmos_is_no_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
