/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of claimed ranges, by example and against a bitmap under random changes. */
#include <devmodel-glue/ioreq.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct ioreq_ranges s;

static int empty(void **state)
{
    (void)state;
    s.count = 0;
    return 0;
}

static void neighbours_become_one(void **state)
{
    (void)state;
    assert_int_equal(ioreq_ranges_add(&s, 10, 19), 0);
    assert_int_equal(ioreq_ranges_add(&s, 30, 39), 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(ioreq_ranges_add(&s, 20, 29), 0);
    assert_int_equal(s.count, 1);
    assert_true(ioreq_ranges_contain(&s, 10, 39));
    assert_false(ioreq_ranges_contain(&s, 9, 10));
    assert_false(ioreq_ranges_contain(&s, 39, 40));
}

static void overlap_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(ioreq_ranges_add(&s, 10, 19), 0);
    assert_int_equal(ioreq_ranges_add(&s, 19, 30), -EEXIST);
    assert_int_equal(ioreq_ranges_add(&s, 0, 10), -EEXIST);
    assert_int_equal(ioreq_ranges_add(&s, 0, 100), -EEXIST);
    assert_int_equal(ioreq_ranges_add(&s, 12, 13), -EEXIST);
    assert_int_equal(ioreq_ranges_add(&s, 5, 4), -EINVAL);
    assert_int_equal(s.count, 1);
}

static void a_part_is_taken_out_of_the_middle(void **state)
{
    (void)state;
    assert_int_equal(ioreq_ranges_add(&s, 0xcf8, 0xcfb), 0);
    assert_int_equal(ioreq_ranges_remove(&s, 0xcf9, 0xcf9), 0);
    assert_true(ioreq_ranges_contain(&s, 0xcf8, 0xcf8));
    assert_false(ioreq_ranges_contain(&s, 0xcf8, 0xcfb));
    assert_true(ioreq_ranges_contain(&s, 0xcfa, 0xcfb));
    assert_int_equal(ioreq_ranges_remove(&s, 0xcf8, 0xcf9), -ENOENT);
    assert_int_equal(ioreq_ranges_remove(&s, 0xcfb, 0xcf8), -EINVAL);
}

static void the_ends_of_the_number_line_work(void **state)
{
    (void)state;
    assert_int_equal(ioreq_ranges_add(&s, UINT64_MAX, UINT64_MAX), 0);
    assert_int_equal(ioreq_ranges_add(&s, 0, 0), 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(ioreq_ranges_add(&s, 1, UINT64_MAX - 1), 0);
    assert_int_equal(s.count, 1);
    assert_true(ioreq_ranges_contain(&s, 0, UINT64_MAX));
    assert_int_equal(ioreq_ranges_remove(&s, 0, UINT64_MAX), 0);
    assert_int_equal(s.count, 0);
}

static void there_is_a_limit(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < IOREQ_MAX_RANGES; i++)
        assert_int_equal(ioreq_ranges_add(&s, i * 10, i * 10 + 4), 0);
    assert_int_equal(ioreq_ranges_add(&s, 100000, 100000), -ENOSPC);
    assert_int_equal(ioreq_ranges_remove(&s, 1, 3), -ENOSPC);
    assert_int_equal(ioreq_ranges_add(&s, 5, 9), 0);      /* joins two: fewer, not more */
    assert_int_equal(s.count, IOREQ_MAX_RANGES - 1);
    assert_int_equal(ioreq_ranges_remove(&s, 3, 5), 0);
}

#define SPAN 64

static void random_changes_are_those_of_a_bitmap(void **state)
{
    bool bit[SPAN] = { false };

    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        uint64_t a = (uint64_t)rand() % SPAN, b = a + (uint64_t)rand() % (SPAN - a);
        bool add = rand() % 2, any = false, all = true;
        int rc;

        for (uint64_t i = a; i <= b; i++) {
            any |= bit[i];
            all &= bit[i];
        }
        assert_int_equal(ioreq_ranges_contain(&s, a, b), all);
        rc = add ? ioreq_ranges_add(&s, a, b) : ioreq_ranges_remove(&s, a, b);
        assert_int_equal(rc, add ? (any ? -EEXIST : 0) : (all ? 0 : -ENOENT));
        for (uint64_t i = a; rc == 0 && i <= b; i++)
            bit[i] = add;
        for (unsigned int i = 0; i < s.count; i++) {
            assert_true(s.range[i].start <= s.range[i].end);
            assert_true(i == 0 || s.range[i - 1].end + 1 < s.range[i].start);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(neighbours_become_one, empty),
        cmocka_unit_test_setup(overlap_is_refused_and_changes_nothing, empty),
        cmocka_unit_test_setup(a_part_is_taken_out_of_the_middle, empty),
        cmocka_unit_test_setup(the_ends_of_the_number_line_work, empty),
        cmocka_unit_test_setup(there_is_a_limit, empty),
        cmocka_unit_test_setup(random_changes_are_those_of_a_bitmap, empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
