/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/log.h>

#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void expect(const char *want, const char *fmt, ...)
{
    char got[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = hv_vsnprintf(got, sizeof(got), fmt, ap);
    va_end(ap);
    assert_string_equal(got, want);
    assert_int_equal(n, (int)strlen(want));
}

static void plain_conversions_print_their_argument(void **s)
{
    (void)s;
    expect("-7 8 f0 F0 17", "%d %u %x %X %o", -7, 8U, 0xf0U, 0xf0U, 15U);
    expect("x yes %", "%c %s %%", 'x', "yes");
    expect("(null)", "%s", (char *)NULL);
    expect("0000000000001234", "%p", (void *)0x1234);
}

static void length_modifiers_select_the_width_of_the_argument(void **s)
{
    (void)s;
    expect("18446744073709551615", "%lu", UINT64_MAX);
    expect("-9223372036854775808", "%lld", INT64_MIN);
    expect("ffffffffffffffff 5", "%llx %zu", UINT64_MAX, (size_t)5);
    expect("ff 1 -1", "%hhx %hu %hhd", 0x1ff, 0x10001, 0xff);
}

static void width_and_precision_pad_as_in_c(void **s)
{
    (void)s;
    expect("   42|42   |00042", "%5d|%-5d|%05d", 42, 42, 42);
    expect("  abc|ab|abc  ", "%5s|%.2s|%-5s", "abc", "abc", "abc");
    expect("0x00ff|  0xff", "%#06x|%#6x", 0xff, 0xff);
    expect("  003|", "%5.3d|", 3);
    expect("   7|7   |", "%*d|%*d|", 4, 7, -4, 7);
    expect("+3 -3", "%+d %+d", 3, -3);
    expect("-0042", "%05d", -42);
}

static void an_unknown_conversion_is_copied(void **s)
{
    const char *odd = "%q %";
    (void)s;
    expect("%q %", odd);
}

static void a_short_buffer_is_terminated_and_the_full_length_returned(void **s)
{
    char b[4] = "xxx";
    (void)s;
    assert_int_equal(hv_snprintf(b, sizeof(b), "%s", "abcdef"), 6);
    assert_string_equal(b, "abc");
    assert_int_equal(hv_snprintf(NULL, 0, "%d", 12345), 5);
}

static void random_numbers_print_as_libc_prints_them(void **s)
{
    static const char *const formats[] = { "%lx", "%20lu", "%-20ld|", "%020lx", "%#lx", "%.10ld", "% ld" };
    (void)s;
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        uint64_t v = ((uint64_t)random() << 33) ^ (uint64_t)random();
        const char *f = formats[(size_t)i % ARRAY_COUNT(formats)];
        char a[64], b[64];

        v >>= (unsigned int)random() % 64;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(a, sizeof(a), f, v);
        hv_snprintf(b, sizeof(b), f, v);
#pragma GCC diagnostic pop
        assert_string_equal(a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_conversions_print_their_argument),
        cmocka_unit_test(length_modifiers_select_the_width_of_the_argument),
        cmocka_unit_test(width_and_precision_pad_as_in_c),
        cmocka_unit_test(an_unknown_conversion_is_copied),
        cmocka_unit_test(a_short_buffer_is_terminated_and_the_full_length_returned),
        cmocka_unit_test(random_numbers_print_as_libc_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
