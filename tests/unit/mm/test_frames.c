/* SPDX-License-Identifier: BSD-2-Clause */
#include <mm/frames.h>

#include <hv/errno.h>

#include "fake_mm.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RAM (64UL << 20)
#define FRAMES (RAM >> PAGE_SHIFT)

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake_mm_init(RAM, 0);
    return 0;
}

static bool page_is_zero(mfn_t m)
{
    const uint64_t *p = frame_map(m);

    for (unsigned int i = 0; i < 512; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void split_and_merge_return_to_the_start(void **state)
{
    mfn_t m[64], all;

    (void)state;
    for (unsigned int i = 0; i < 64; i++)
        m[i] = frame_alloc(i % 5, DOMID_XEN, false);
    for (unsigned int i = 64; i-- > 0;)
        frame_free(m[(i * 37) % 64], ((i * 37) % 64) % 5);
    assert_int_equal(frames_free_count(), FRAMES);
    all = frame_alloc(14, DOMID_XEN, false);
    assert_true(mfn_is_valid(all));
    frame_free(all, 14);
}

static void a_block_is_aligned_and_wholly_owned(void **state)
{
    mfn_t one = frame_alloc(0, DOMID_XEN, false), m = frame_alloc(9, 7, false);

    (void)state;
    assert_true(mfn_is_valid(one) && mfn_is_valid(m));
    assert_int_equal(m.v % 512, 0);
    for (unsigned int i = 0; i < 512; i++)
        assert_int_equal(frame_owner(mfn_add(m, i)), 7);
    assert_int_equal(frame_owner(mfn_of(FRAMES)), DOMID_INVALID);
}

static void exhaustion_is_an_answer(void **state)
{
    uint64_t n = 0;

    (void)state;
    assert_false(mfn_is_valid(frame_alloc(15, DOMID_XEN, false)));
    assert_false(mfn_is_valid(frame_alloc(19, DOMID_XEN, false)));
    while (mfn_is_valid(frame_alloc(0, DOMID_XEN, false)))
        n++;
    assert_int_equal(n, FRAMES);
    assert_int_equal(frames_free_count(), 0);
}

static void references_pin_a_frame_and_the_last_frees_it(void **state)
{
    mfn_t m = frame_alloc(0, 5, false);

    (void)state;
    assert_true(frame_get(m, 5));
    assert_false(frame_get(m, 6));
    assert_false(frame_put(m));
    assert_int_equal(frame_owner(m), 5);
    assert_true(frame_put(m));
    assert_int_equal(frame_owner(m), DOMID_INVALID);
    assert_false(frame_get(m, 5));
    assert_int_equal(frames_free_count(), FRAMES);
    FAKE_EXPECT_BUG((void)frame_put(m));
}

static void a_saturated_count_refuses_and_never_wraps(void **state)
{
    mfn_t m = frame_alloc(0, 5, false);

    (void)state;
    frame_of(m)->refs = UINT32_MAX;
    assert_false(frame_get(m, 5));
    assert_int_equal(frame_of(m)->refs, UINT32_MAX);
}

static void a_domain_never_sees_old_content(void **state)
{
    mfn_t m;

    (void)state;
    memset(host_phys_base, 0xa5, RAM);
    m = frame_alloc(3, 5, false);
    for (unsigned int i = 0; i < 8; i++)
        assert_true(page_is_zero(mfn_add(m, i)));
    memset(frame_map(m), 0x5a, PAGE_SIZE);
    assert_true(frame_put(m));
    assert_true(page_is_zero(m));

    m = frame_alloc(0, DOMID_XEN, false);
    memset(frame_map(m), 0x77, PAGE_SIZE);
    frame_free(m, 0);
    m = frame_alloc(0, 6, false);
    assert_true(page_is_zero(m));
}

static void a_block_of_ours_may_be_freed_in_parts(void **state)
{
    mfn_t m = frame_alloc(3, DOMID_XEN, true);

    (void)state;
    frame_free(mfn_add(m, 4), 2);
    frame_free(mfn_add(m, 1), 0);
    frame_free(m, 0);
    frame_free(mfn_add(m, 2), 1);
    assert_int_equal(frames_free_count(), FRAMES);
    FAKE_EXPECT_BUG(frame_free(m, 0));
}

static void identity_frames_never_reach_the_free_lists(void **state)
{
    mfn_t m = mfn_of(100);

    (void)state;
    fake_mm_init(RAM, RAM / 2);
    assert_int_equal(frames_free_count(), FRAMES / 2);
    assert_int_equal(frames_total(), FRAMES);
    assert_int_equal(frame_owner(m), 0);
    assert_false(frame_reclaim_identity(m, 0));
    memset(frame_map(m), 0x33, PAGE_SIZE);
    assert_true(frame_put(m));
    assert_int_equal(frames_free_count(), FRAMES / 2);
    assert_int_equal(frame_owner(m), DOMID_INVALID);
    assert_true(frame_reclaim_identity(m, 0));
    assert_true(page_is_zero(m));
    assert_true(frame_get(m, 0));
    assert_false(frame_reclaim_identity(mfn_of(FRAMES - 1), 0));
}

static void holes_are_no_frames(void **state)
{
    static struct frame t[64];

    (void)state;
    frames_init(t, 64);
    frames_add_free((struct mem_range){ 0x3000, 0x9000 });
    frames_add_free((struct mem_range){ 0x20000, 0x40000 });
    assert_int_equal(frames_total(), 38);
    assert_null(frame_of(mfn_of(2)));
    assert_null(frame_of(mfn_of(9)));
    assert_null(frame_of(mfn_of(64)));
    assert_null(frame_of(mfn_invalid()));
    assert_non_null(frame_of(mfn_of(3)));
    for (unsigned int i = 0; i < 38; i++) {
        mfn_t m = frame_alloc(0, DOMID_XEN, false);

        assert_true((m.v >= 3 && m.v < 9) || (m.v >= 32 && m.v < 64));
    }
}

/* Random operations against a plain array of owners; every step compares counts, the end all frames. */
static void random_use_agrees_with_a_set_of_frames(void **state)
{
    static struct { uint16_t owner; uint16_t refs; } model[FRAMES];
    static struct { mfn_t m; unsigned int order; } ours[512];
    unsigned int n_ours = 0, seed = 4711;
    uint64_t free_frames = FRAMES;

    (void)state;
    memset(model, 0, sizeof(model));
    for (unsigned int step = 0; step < 20000; step++) {
        unsigned int what = (unsigned int)rand_r(&seed) % 8;
        uint64_t f = (uint64_t)rand_r(&seed) % FRAMES;

        if (what < 3 && n_ours < 512) {
            unsigned int order = (unsigned int)rand_r(&seed) % 8;
            mfn_t m = frame_alloc(order, DOMID_XEN, false);

            if (!mfn_is_valid(m))
                continue;
            for (uint64_t i = m.v; i < m.v + (1U << order); i++) {
                assert_int_equal(model[i].refs, 0);
                model[i].refs = 1;
                model[i].owner = DOMID_XEN;
            }
            ours[n_ours].m = m;
            ours[n_ours++].order = order;
            free_frames -= 1U << order;
        } else if (what == 3 && n_ours > 0) {
            unsigned int i = (unsigned int)rand_r(&seed) % n_ours;

            frame_free(ours[i].m, ours[i].order);
            for (uint64_t j = 0; j < 1U << ours[i].order; j++)
                model[ours[i].m.v + j].refs = 0;
            free_frames += 1U << ours[i].order;
            ours[i] = ours[--n_ours];
        } else if (what == 4) {
            mfn_t m = frame_alloc(0, (domid_t)(f % 4), false);

            if (!mfn_is_valid(m))
                continue;
            model[m.v].refs = 1;
            model[m.v].owner = (uint16_t)(f % 4);
            free_frames--;
        } else if (what == 5) {
            bool got = frame_get(mfn_of(f), (domid_t)(f % 4));

            assert_int_equal(got, model[f].refs > 0 && model[f].owner == f % 4);
            model[f].refs += got;
        } else if (model[f].refs > 0 && model[f].owner != DOMID_XEN) {
            assert_int_equal(frame_put(mfn_of(f)), model[f].refs == 1);
            free_frames += --model[f].refs == 0;
        }
        assert_int_equal(frames_free_count(), free_frames);
    }
    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(frame_owner(mfn_of(i)), model[i].refs ? model[i].owner : DOMID_INVALID);
}

static void what_is_claimed_is_left_for_the_claimant(void **state)
{
    uint64_t mine = 0, theirs = 0, none = 0, all = frames_free_count();
    mfn_t m;

    (void)state;
    assert_int_equal(frames_claim(&mine, all + 1), -ENOMEM);
    assert_int_equal(frames_claim(&mine, all), 0);
    assert_int_equal(frames_claim(&mine, 1), -EEXIST);
    assert_int_equal(frames_claim(&theirs, 1), -ENOMEM);
    assert_int_equal(frames_claimed(), all);
    assert_false(mfn_is_valid(frame_alloc_claimed(0, 2, &none)));
    m = frame_alloc_claimed(0, 1, &mine);
    assert_true(mfn_is_valid(m));
    assert_int_equal(mine, all - 1);
    assert_true(frame_put(m));
    /* The page is free for all again, the rest of the claim is not. */
    m = frame_alloc_claimed(0, 2, &none);
    assert_true(mfn_is_valid(m));
    assert_false(mfn_is_valid(frame_alloc_claimed(0, 2, &none)));
    frames_unclaim(&mine);
    assert_int_equal(frames_claimed(), 0);
    assert_true(frame_put(m));
    assert_int_equal(frames_free_count(), all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(split_and_merge_return_to_the_start, setup),
        cmocka_unit_test_setup(a_block_is_aligned_and_wholly_owned, setup),
        cmocka_unit_test_setup(exhaustion_is_an_answer, setup),
        cmocka_unit_test_setup(references_pin_a_frame_and_the_last_frees_it, setup),
        cmocka_unit_test_setup(a_saturated_count_refuses_and_never_wraps, setup),
        cmocka_unit_test_setup(a_domain_never_sees_old_content, setup),
        cmocka_unit_test_setup(a_block_of_ours_may_be_freed_in_parts, setup),
        cmocka_unit_test_setup(identity_frames_never_reach_the_free_lists, setup),
        cmocka_unit_test_setup(holes_are_no_frames, setup),
        cmocka_unit_test_setup(what_is_claimed_is_left_for_the_claimant, setup),
        cmocka_unit_test_setup(random_use_agrees_with_a_set_of_frames, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
