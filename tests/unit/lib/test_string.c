/* SPDX-License-Identifier: BSD-2-Clause */
/* The product's own string functions, under other names so that the C library's stay usable. */
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define memcpy lib_memcpy
#define memmove lib_memmove
#define memset lib_memset
#define memcmp lib_memcmp
#define memchr lib_memchr
#define strlen lib_strlen
#define strnlen lib_strnlen
#define strcmp lib_strcmp
#define strncmp lib_strncmp
#define strchr lib_strchr
#define strstr lib_strstr
#include "../../../src/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strstr

static int sign(int x) { return (x > 0) - (x < 0); }

static void memmove_copies_any_overlap_like_libc(void **s)
{
    unsigned char a[160], b[160];
    (void)s;
    srandom(2);
    for (int i = 0; i < 20000; i++) {
        size_t from = (size_t)random() % 64, to = (size_t)random() % 64, n = (size_t)random() % 90;

        for (size_t k = 0; k < sizeof(a); k++)
            a[k] = b[k] = (unsigned char)random();
        assert_ptr_equal(lib_memmove(a + to, a + from, n), a + to);
        memmove(b + to, b + from, n);
        assert_memory_equal(a, b, sizeof(a));
    }
}

static void memset_and_memcpy_touch_exactly_their_range(void **s)
{
    unsigned char a[96], b[96], c[96];
    (void)s;
    for (size_t at = 0; at < 16; at++)
        for (size_t n = 0; n < 64; n++) {
            memset(a, 1, sizeof(a));
            memset(b, 1, sizeof(b));
            memset(c, 7, sizeof(c));
            lib_memset(a + at, 0xc3, n);
            memset(b + at, 0xc3, n);
            assert_memory_equal(a, b, sizeof(a));
            lib_memcpy(a + at, c, n);
            memcpy(b + at, c, n);
            assert_memory_equal(a, b, sizeof(a));
        }
}

static void comparisons_have_the_sign_of_libc(void **s)
{
    static const char *const w[] = { "", "a", "ab", "abc", "b", "\xff", "a\xff" };
    (void)s;
    for (size_t i = 0; i < 7; i++)
        for (size_t k = 0; k < 7; k++) {
            assert_int_equal(sign(lib_strcmp(w[i], w[k])), sign(strcmp(w[i], w[k])));
            assert_int_equal(sign(lib_strncmp(w[i], w[k], 2)), sign(strncmp(w[i], w[k], 2)));
            assert_int_equal(sign(lib_memcmp(w[i], w[k], 1)), sign(memcmp(w[i], w[k], 1)));
        }
}

static void searches_find_the_first_or_nothing(void **s)
{
    const char *t = "a needle in a needle";
    (void)s;
    assert_ptr_equal(lib_strstr(t, "needle"), t + 2);
    assert_null(lib_strstr(t, "thread"));
    assert_ptr_equal(lib_strstr(t, ""), t);
    assert_ptr_equal(lib_strchr(t, 'n'), t + 2);
    assert_ptr_equal(lib_strchr(t, '\0'), t + strlen(t));
    assert_null(lib_memchr(t, 'n', 2));
    assert_ptr_equal(lib_memchr(t, 'n', 3), t + 2);
    assert_int_equal(lib_strnlen("abc", 2), 2);
    assert_int_equal(lib_strlen("abc"), 3);
}

static void strlcpy_truncates_and_terminates(void **s)
{
    char b[4];
    (void)s;
    assert_int_equal(hv_strlcpy(b, "abcdef", sizeof(b)), 6);
    assert_string_equal(b, "abc");
    assert_int_equal(hv_strlcpy(b, "x", sizeof(b)), 1);
    assert_string_equal(b, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memmove_copies_any_overlap_like_libc),
        cmocka_unit_test(memset_and_memcpy_touch_exactly_their_range),
        cmocka_unit_test(comparisons_have_the_sign_of_libc),
        cmocka_unit_test(searches_find_the_first_or_nothing),
        cmocka_unit_test(strlcpy_truncates_and_terminates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
