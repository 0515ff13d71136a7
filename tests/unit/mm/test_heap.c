/* SPDX-License-Identifier: BSD-2-Clause */
#include <mm/heap.h>

#include "fake_mm.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RAM (16UL << 20)
#define FRAMES (RAM >> PAGE_SHIFT)

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake_mm_init(RAM, 0);
    return 0;
}

static bool all_bytes_are(const void *p, unsigned char c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const unsigned char *)p)[i] != c)
            return false;
    return true;
}

static void objects_are_zeroed_and_aligned(void **state)
{
    static const size_t sizes[] = { 1, 31, 32, 33, 64, 100, 512, 1000, 1024, 1025, 4096, 5000, 100000 };

    (void)state;
    memset(host_phys_base, 0xa5, RAM);
    for (unsigned int i = 0; i < ARRAY_COUNT(sizes); i++)
        for (size_t align = 1; align <= 4096; align *= 4) {
            void *p = heap_alloc(sizes[i], align);

            assert_non_null(p);
            assert_int_equal((uintptr_t)p % align, 0);
            assert_true(all_bytes_are(p, 0, sizes[i]));
            memset(p, 0xcc, sizes[i]);
            heap_free(p);
            p = heap_alloc(sizes[i], align);
            assert_true(all_bytes_are(p, 0, sizes[i]));
        }
}

static void large_objects_take_the_pages_they_need(void **state)
{
    void *p = heap_alloc(5 * PAGE_SIZE + 1, 8);

    (void)state;
    assert_int_equal(frames_free_count(), FRAMES - 6);
    heap_free(p);
    assert_int_equal(frames_free_count(), FRAMES);
    p = heap_alloc_pages(4);
    assert_int_equal(frames_free_count(), FRAMES - 16);
    heap_free_pages(p, 4);
    heap_free(NULL);
    heap_free_pages(NULL, 3);
    assert_int_equal(frames_free_count(), FRAMES);
}

static void an_array_that_overflows_is_refused(void **state)
{
    (void)state;
    assert_null(heap_alloc_array(SIZE_MAX / 2, 8, 3));
    assert_null(heap_alloc(SIZE_MAX, 8));
    assert_null(heap_alloc(SIZE_MAX - 4095, 8));
    assert_non_null(heap_alloc_array(16, 8, 100));
}

static void want_of_memory_is_an_answer_at_every_allocation(void **state)
{
    (void)state;
    frames_fail_countdown = 1;
    assert_null(heap_alloc(10, 1));
    assert_non_null(heap_alloc(10, 1));
    frames_fail_countdown = 1;
    assert_null(heap_alloc(10000, 1));
    frames_fail_countdown = 1;
    assert_null(heap_alloc_pages(0));
    while (heap_alloc(1024, 1) != NULL)
        ;
    assert_int_equal(frames_free_count(), 0);
    assert_non_null(heap_alloc(10, 1));
}

static void empty_pages_go_back_but_for_one_of_each_class(void **state)
{
    void *p[500];

    (void)state;
    for (unsigned int i = 0; i < 500; i++)
        assert_non_null(p[i] = heap_alloc(128, 1));
    for (unsigned int i = 0; i < 500; i++)
        heap_free(p[(i * 7) % 500]);
    assert_int_equal(frames_free_count(), FRAMES - 1);
}

static void freeing_twice_or_nonsense_is_caught(void **state)
{
    char *p = heap_alloc(64, 1);

    (void)state;
    FAKE_EXPECT_BUG(heap_free(p + 8));
    heap_free(p);
    FAKE_EXPECT_BUG(heap_free(p));
    FAKE_EXPECT_BUG(heap_free(host_phys_base + 8 * PAGE_SIZE));
}

/* Objects carry their own number; overlaps and stale content show as a wrong byte. */
static void random_use_never_overlaps(void **state)
{
    static struct { unsigned char *p; size_t n; } o[256];
    unsigned int seed = 99;

    (void)state;
    memset(o, 0, sizeof(o));
    for (unsigned int step = 0; step < 20000; step++) {
        unsigned int i = (unsigned int)rand_r(&seed) % 256;

        if (o[i].p != NULL) {
            assert_true(all_bytes_are(o[i].p, (unsigned char)i, o[i].n));
            heap_free(o[i].p);
            o[i].p = NULL;
            continue;
        }
        o[i].n = 1 + (unsigned int)rand_r(&seed) % (step % 10 == 0 ? 20000 : 1500);
        o[i].p = heap_alloc(o[i].n, 8);
        assert_non_null(o[i].p);
        assert_true(all_bytes_are(o[i].p, 0, o[i].n));
        memset(o[i].p, (int)i, o[i].n);
    }
    for (unsigned int i = 0; i < 256; i++)
        heap_free(o[i].p);
    assert_in_range(frames_free_count(), FRAMES - 6, FRAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(objects_are_zeroed_and_aligned, setup),
        cmocka_unit_test_setup(large_objects_take_the_pages_they_need, setup),
        cmocka_unit_test_setup(an_array_that_overflows_is_refused, setup),
        cmocka_unit_test_setup(want_of_memory_is_an_answer_at_every_allocation, setup),
        cmocka_unit_test_setup(empty_pages_go_back_but_for_one_of_each_class, setup),
        cmocka_unit_test_setup(freeing_twice_or_nonsense_is_caught, setup),
        cmocka_unit_test_setup(random_use_never_overlaps, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
