/* SPDX-License-Identifier: BSD-2-Clause */
#include <pvhvm/gnttab.h>

#include "evtchn_world.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define FRAMES 4
#define PEER 5

struct grants { struct gnttab g; _Alignas(4096) grant_entry_v1_t page[FRAMES][512]; };

static int setup(void **state)
{
    struct grants *w = aligned_alloc(4096, sizeof(*w));

    memset(w, 0, sizeof(*w));
    world_allocs_left = -1;
    world_live_allocs = 0;
    assert_int_equal(gnttab_init(&w->g, 1, FRAMES, 2, world_alloc, world_free), 0);
    assert_int_equal(gnttab_grow(&w->g, w->page[0]), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct grants *w = *state;

    gnttab_fini(&w->g);
    assert_int_equal(world_live_allocs, 0);
    free(w);
    return 0;
}

static grant_entry_v1_t *grant(struct grants *w, uint32_t ref, domid_t to, uint32_t frame,
                               uint16_t flags)
{
    grant_entry_v1_t *e = &w->page[ref / 512][ref % 512];

    e->domid = to;
    e->frame = frame;
    e->flags = GTF_permit_access | flags;
    return e;
}

static void the_table_grows_to_its_limit(void **state)
{
    struct grants *w = *state;
    gfn_t gfn;

    grant(w, 512, PEER, 1, 0);
    assert_int_equal(gnttab_acquire(&w->g, 512, PEER, 0, &gfn), GNTST_bad_gntref);
    assert_int_equal(gnttab_acquire(&w->g, ~0U, PEER, 0, &gfn), GNTST_bad_gntref);
    assert_int_equal(gnttab_grow(&w->g, w->page[1]), 0);
    assert_int_equal(gnttab_acquire(&w->g, 512, PEER, 0, &gfn), GNTST_okay);
    gnttab_release(&w->g, 512, 0);
    assert_int_equal(gnttab_grow(&w->g, w->page[2]), 0);
    world_allocs_left = 0;
    assert_int_equal(gnttab_grow(&w->g, w->page[3]), -ENOMEM);
    world_allocs_left = -1;
    assert_int_equal(gnttab_grow(&w->g, w->page[3]), 0);
    assert_int_equal(gnttab_grow(&w->g, w->page[3]), -ENOSPC);
    assert_int_equal(w->g.frame_count, FRAMES);
}

static void a_grant_is_for_one_domain_and_one_frame(void **state)
{
    struct grants *w = *state;
    grant_entry_v1_t *e = grant(w, 9, PEER, 0x1234, 0);
    gfn_t gfn;

    assert_int_equal(gnttab_acquire(&w->g, 9, PEER + 1, 0, &gfn), GNTST_general_error);
    assert_int_equal(gnttab_acquire(&w->g, 9, PEER, 0, &gfn), GNTST_okay);
    assert_int_equal(gfn.v, 0x1234);
    assert_int_equal(e->flags, GTF_permit_access | GTF_reading | GTF_writing);
    /* What the granter writes while it is pinned changes nothing. */
    e->frame = 0x9999;
    e->domid = PEER + 1;
    assert_int_equal(gnttab_acquire(&w->g, 9, PEER + 1, 0, &gfn), GNTST_general_error);
    assert_int_equal(gnttab_acquire(&w->g, 9, PEER, 0, &gfn), GNTST_okay);
    assert_int_equal(gfn.v, 0x1234);
    gnttab_release(&w->g, 9, 0);
    gnttab_release(&w->g, 9, 0);
    assert_int_equal(e->flags, GTF_permit_access);
    assert_false(gnttab_is_pinned(&w->g, 9));
}

static void other_kinds_of_entries_grant_nothing(void **state)
{
    struct grants *w = *state;
    gfn_t gfn;

    grant(w, 1, PEER, 1, 0)->flags = GTF_invalid;
    grant(w, 2, PEER, 1, 0)->flags = GTF_accept_transfer;
    grant(w, 3, PEER, 1, 0)->flags = GTF_transitive;
    grant(w, 4, PEER, 1, GTF_sub_page);
    for (uint32_t ref = 1; ref <= 4; ref++)
        assert_int_equal(gnttab_acquire(&w->g, ref, PEER, GNTTAB_READ_ONLY, &gfn),
                         GNTST_general_error);
    assert_int_equal(gnttab_acquire(&w->g, 4, PEER, GNTTAB_READ_ONLY | GNTTAB_COPY, &gfn),
                     GNTST_okay);
    gnttab_release(&w->g, 4, GNTTAB_READ_ONLY | GNTTAB_COPY);
    assert_int_equal(gnttab_pinned_count(&w->g), 0);
}

static void read_only_grants_are_not_written(void **state)
{
    struct grants *w = *state;
    grant_entry_v1_t *e = grant(w, 1, PEER, 7, GTF_readonly);
    gfn_t gfn;

    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, 0, &gfn), GNTST_general_error);
    assert_int_equal(e->flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, GNTTAB_READ_ONLY, &gfn), GNTST_okay);
    assert_int_equal(e->flags, GTF_permit_access | GTF_readonly | GTF_reading);
    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, GNTTAB_DEVICE, &gfn), GNTST_general_error);
    gnttab_release(&w->g, 1, GNTTAB_READ_ONLY);
    assert_int_equal(e->flags, GTF_permit_access | GTF_readonly);
}

static void flags_follow_readers_and_writers(void **state)
{
    struct grants *w = *state;
    grant_entry_v1_t *e = grant(w, 1, PEER, 7, 0);
    gfn_t gfn;

    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, GNTTAB_READ_ONLY, &gfn), GNTST_okay);
    assert_int_equal(e->flags, GTF_permit_access | GTF_reading);
    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, GNTTAB_DEVICE, &gfn), GNTST_okay);
    assert_int_equal(e->flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, 0, &gfn), GNTST_okay);
    gnttab_release(&w->g, 1, GNTTAB_DEVICE);
    assert_int_equal(e->flags, GTF_permit_access | GTF_reading | GTF_writing);
    gnttab_release(&w->g, 1, 0);
    assert_int_equal(e->flags, GTF_permit_access | GTF_reading);
    gnttab_release(&w->g, 1, GNTTAB_READ_ONLY);
    assert_int_equal(e->flags, GTF_permit_access);
}

static void pins_do_not_overflow(void **state)
{
    static const uint32_t kinds[] = { 0, GNTTAB_READ_ONLY, GNTTAB_DEVICE,
                                      GNTTAB_DEVICE | GNTTAB_READ_ONLY };
    struct grants *w = *state;
    uint32_t k, i, n;
    gfn_t gfn;

    for (k = 0; k < 4; k++) {
        grant(w, k, PEER, 7, 0);
        for (n = 0; gnttab_acquire(&w->g, k, PEER, kinds[k], &gfn) == GNTST_okay; n++)
            assert_true(n < 256);
        assert_int_equal(n, 128);
        for (i = 0; i < n; i++)
            gnttab_release(&w->g, k, kinds[k]);
        assert_false(gnttab_is_pinned(&w->g, k));
        assert_int_equal(w->page[0][k].flags, GTF_permit_access);
    }
    gnttab_release(&w->g, 0, 0);              /* nothing is held: nothing happens */
    gnttab_release(&w->g, ~0U, 0);
    assert_false(gnttab_is_pinned(&w->g, 0));
}

static void other_flags_of_the_guest_survive(void **state)
{
    struct grants *w = *state;
    grant_entry_v1_t *e = grant(w, 1, PEER, 7, GTF_PWT | GTF_PCD | 0x8000);
    gfn_t gfn;

    assert_int_equal(gnttab_acquire(&w->g, 1, PEER, 0, &gfn), GNTST_okay);
    gnttab_release(&w->g, 1, 0);
    assert_int_equal(e->flags, GTF_permit_access | GTF_PWT | GTF_PCD | 0x8000);
    assert_int_equal(e->domid, PEER);
}

static void swap_exchanges_entries_that_are_not_in_use(void **state)
{
    struct grants *w = *state;
    gfn_t gfn;

    grant(w, 1, PEER, 11, 0);
    grant(w, 2, PEER + 1, 22, GTF_readonly);
    assert_int_equal(gnttab_swap(&w->g, 1, 512), GNTST_bad_gntref);
    assert_int_equal(gnttab_swap(&w->g, 1, 2), GNTST_okay);
    assert_int_equal(w->page[0][1].frame, 22);
    assert_int_equal(w->page[0][2].domid, PEER);
    assert_int_equal(gnttab_acquire(&w->g, 2, PEER, 0, &gfn), GNTST_okay);
    assert_int_equal(gnttab_swap(&w->g, 1, 2), GNTST_eagain);
    assert_int_equal(gnttab_swap(&w->g, 2, 2), GNTST_okay);
    gnttab_release(&w->g, 2, 0);
}

static void copies_stay_inside_pages_and_rights(void **state)
{
    struct gnttab_copy op = { .source = { .domid = DOMID_SELF }, .dest = { .domid = 3 },
                              .flags = GNTCOPY_dest_gref, .len = 4096 };

    (void)state;
    assert_int_equal(gnttab_copy_check(&op), GNTST_okay);
    op.source.offset = 1;
    assert_int_equal(gnttab_copy_check(&op), GNTST_bad_copy_arg);
    op.source.offset = 0;
    op.dest.offset = 4096;
    op.len = 0;
    assert_int_equal(gnttab_copy_check(&op), GNTST_okay);
    op.dest.offset = 0xffff;
    op.len = 0xffff;
    assert_int_equal(gnttab_copy_check(&op), GNTST_bad_copy_arg);
    op.dest.offset = op.len = 0;
    op.flags = 0;
    assert_int_equal(gnttab_copy_check(&op), GNTST_permission_denied);
    op.flags = GNTCOPY_dest_gref;
    op.source.domid = 3;
    assert_int_equal(gnttab_copy_check(&op), GNTST_permission_denied);
}

static void handles_are_unique_until_the_maptrack_is_full(void **state)
{
    struct grants *w = *state;
    uint32_t i, max = 2 * GNTTAB_HANDLES_PER_FRAME;
    uint8_t *seen = calloc(1, max);
    int64_t h;

    for (i = 0; i < max; i++) {
        h = gnttab_track(&w->g, PEER, i, GNTMAP_host_map, i * 4096UL, i);
        assert_in_range(h, 0, max - 1);
        assert_false(seen[h]++);
        assert_int_equal(gnttab_tracked(&w->g, (uint32_t)h)->ref, i);
    }
    assert_int_equal(gnttab_track(&w->g, PEER, 1, GNTMAP_host_map, 0, 0), GNTST_no_space);
    gnttab_untrack(&w->g, 100);
    assert_null(gnttab_tracked(&w->g, 100));
    assert_int_equal(gnttab_next_tracked(&w->g, 100), 101);
    assert_int_equal(gnttab_track(&w->g, PEER, 1, GNTMAP_host_map, 0, 0), 100);
    assert_null(gnttab_tracked(&w->g, max));
    assert_null(gnttab_tracked(&w->g, ~0U));
    for (h = gnttab_next_tracked(&w->g, 0), i = 0; h >= 0;
         h = gnttab_next_tracked(&w->g, (uint32_t)h), i++)
        gnttab_untrack(&w->g, (uint32_t)h);
    assert_int_equal(i, max);
    free(seen);
}

static void failed_allocations_leak_nothing(void **state)
{
    struct gnttab g;
    long live = world_live_allocs;

    (void)state;
    for (int i = 0; i < 3; i++) {
        world_allocs_left = i;
        assert_int_equal(gnttab_init(&g, 1, 4, 4, world_alloc, world_free), -ENOMEM);
        assert_int_equal(world_live_allocs, live);
    }
    world_allocs_left = 3;
    assert_int_equal(gnttab_init(&g, 1, 4, 4, world_alloc, world_free), 0);
    assert_int_equal(gnttab_track(&g, 1, 1, 1, 0, 0), GNTST_no_space);
    world_allocs_left = -1;
    gnttab_fini(&g);
    assert_int_equal(gnttab_init(&g, 1, 0, 0, world_alloc, world_free), 0);
    assert_int_equal(gnttab_grow(&g, *state), -ENOSPC);
    assert_int_equal(gnttab_track(&g, 1, 1, 1, 0, 0), GNTST_no_space);
    gnttab_fini(&g);
    assert_int_equal(gnttab_init(&g, 1, ~0U, 1, world_alloc, world_free), -EINVAL);
    assert_int_equal(world_live_allocs, live);
}

static void only_version_one_exists(void **state)
{
    (void)state;
    assert_int_equal(gnttab_check_version(1), 0);
    assert_int_equal(gnttab_check_version(2), -ENOSYS);
    assert_int_equal(gnttab_check_version(0), -EINVAL);
    assert_int_equal(gnttab_check_version(3), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_table_grows_to_its_limit),
        T(a_grant_is_for_one_domain_and_one_frame),
        T(other_kinds_of_entries_grant_nothing),
        T(read_only_grants_are_not_written),
        T(flags_follow_readers_and_writers),
        T(pins_do_not_overflow),
        T(other_flags_of_the_guest_survive),
        T(swap_exchanges_entries_that_are_not_in_use),
        T(copies_stay_inside_pages_and_rights),
        T(handles_are_unique_until_the_maptrack_is_full),
        T(failed_allocations_leak_nothing),
        T(only_version_one_exists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
