/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/bitmap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void finds_agree_with_a_bit_by_bit_search(void **s)
{
    uint64_t map[4];
    (void)s;
    srandom(3);
    for (int i = 0; i < 20000; i++) {
        unsigned int bits = 1 + (unsigned int)random() % 256, from = (unsigned int)random() % 260;
        unsigned int set = from < bits ? from : bits, clear = set, weight = 0;

        for (int w = 0; w < 4; w++)
            map[w] = i % 3 == 0 ? 0 : i % 3 == 1 ? UINT64_MAX : (uint64_t)random() << 31 ^ (uint64_t)random();
        if (i % 2 == 0)
            map[random() % 4] ^= 1ULL << (random() % 64);
        while (set < bits && !bit_test(map, set))
            set++;
        while (clear < bits && bit_test(map, clear))
            clear++;
        for (unsigned int k = 0; k < bits; k++)
            weight += bit_test(map, k);
        assert_int_equal(bitmap_find_set(map, bits, from), set);
        assert_int_equal(bitmap_find_clear(map, bits, from), clear);
        assert_int_equal(bitmap_weight(map, bits), weight);
        assert_int_equal(bitmap_is_empty(map, bits), weight == 0);
    }
}

static void atomic_operations_return_the_old_value(void **s)
{
    uint64_t map[2] = { 0, 0 };
    (void)s;
    assert_false(bit_test_and_set_atomic(map, 70));
    assert_true(bit_test_and_set_atomic(map, 70));
    assert_true(bit_test(map, 70));
    assert_true(bit_test_and_clear_atomic(map, 70));
    assert_false(bit_test_and_clear_atomic(map, 70));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_agree_with_a_bit_by_bit_search),
        cmocka_unit_test(atomic_operations_return_the_old_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
