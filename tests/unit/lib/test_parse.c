/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/parse.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void numbers_end_at_the_first_other_character(void **s)
{
    const char *at = "115200,8n1";
    uint64_t v = 0;
    (void)s;
    assert_true(parse_u64(&at, 10, &v));
    assert_int_equal(v, 115200);
    assert_string_equal(at, ",8n1");
    at = "0x3F8,4";
    assert_true(parse_u64(&at, 0, &v));
    assert_int_equal(v, 0x3f8);
    assert_string_equal(at, ",4");
    at = "0xz";
    assert_true(parse_u64(&at, 0, &v));
    assert_int_equal(v, 0);
    assert_string_equal(at, "xz");
}

static void a_number_beyond_64_bits_is_refused_and_nothing_moves(void **s)
{
    const char *at = "18446744073709551616", *start = at;
    uint64_t v = 5;
    (void)s;
    assert_false(parse_u64(&at, 10, &v));
    assert_ptr_equal(at, start);
    assert_int_equal(v, 5);
    at = "18446744073709551615";
    assert_true(parse_u64(&at, 10, &v));
    assert_true(v == UINT64_MAX);
    at = "";
    assert_false(parse_u64(&at, 10, &v));
}

static void sizes_take_a_suffix_or_the_default_unit(void **s)
{
    const char *at = "512M,max:1g";
    uint64_t v = 0;
    (void)s;
    assert_true(parse_size(&at, 1024, &v));
    assert_int_equal(v, 512ULL << 20);
    assert_string_equal(at, ",max:1g");
    at = "100";
    assert_true(parse_size(&at, 1024, &v));
    assert_int_equal(v, 100 << 10);
    at = "1g";
    assert_true(parse_size(&at, 1024, &v));
    assert_int_equal(v, 1ULL << 30);
    at = "4096b";
    assert_true(parse_size(&at, 1024, &v));
    assert_int_equal(v, 4096);
    at = "99999999999T";
    assert_false(parse_size(&at, 1024, &v));
    assert_int_equal(v, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_end_at_the_first_other_character),
        cmocka_unit_test(a_number_beyond_64_bits_is_refused_and_nothing_moves),
        cmocka_unit_test(sizes_take_a_suffix_or_the_default_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
