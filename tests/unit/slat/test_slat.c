/* SPDX-License-Identifier: BSD-2-Clause */

#include "table_pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <cmocka.h>

#define G_2M 512ULL
#define G_1G (512ULL * 512)

struct world { struct table_pages pages; struct slat slat; };

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    table_pages_init(&w->pages);
    *state = w;
    return slat_init(&w->slat, test_format(), &w->pages.port, true, true, false);
}

static int teardown(void **state)
{
    struct world *w = *state;

    slat_destroy(&w->slat);
    assert_int_equal(w->pages.live, 0);
    free(w);
    return 0;
}

static void map(struct world *w, uint64_t g, unsigned int order, uint64_t mfn)
{
    struct slat_entry e = ram_at(mfn);

    assert_int_equal(slat_map(&w->slat, gfn_of(g), order, &e), 0);
}

static uint64_t raw_leaf(struct world *w, uint64_t g)
{
    mfn_t t = w->slat.root;

    for (int level = 3;; level--) {
        uint64_t e = table_pages_map(&w->pages, t)[(g >> (9 * level)) & 511];

        if (level == 0 || (e & 0x80) || (e & 7) != 7)
            return e;
        t = mfn_of((e & 0xffffffffff000ULL) >> 12);
    }
}

static void an_empty_tree_is_one_hole_and_says_how_large(void **state)
{
    struct world *w = *state;
    struct slat_entry e = slat_lookup(&w->slat, gfn_of(12345));

    assert_int_equal(e.type, P2M_HOLE);
    assert_false(mfn_is_valid(e.mfn));
    assert_int_equal(e.order, 27);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(1ULL << 36)).type, P2M_HOLE);
    assert_int_equal(slat_lookup(&w->slat, gfn_invalid()).type, P2M_HOLE);
}

static void each_page_size_is_found_again_with_the_frame_of_the_gfn_asked_for(void **state)
{
    struct world *w = *state;

    map(w, 7, 0, 99);
    map(w, 3 * G_2M, 9, 5 * G_2M);
    map(w, 2 * G_1G, 18, 4 * G_1G);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(7)).mfn.v, 99);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(7)).order, 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3 * G_2M + 17)).mfn.v, 5 * G_2M + 17);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3 * G_2M + 17)).order, 9);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3 * G_1G - 1)).mfn.v, 5 * G_1G - 1);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3 * G_1G - 1)).order, 18);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3 * G_1G)).type, P2M_HOLE);
}

static void memory_type_and_permissions_come_back_from_lookup(void **state)
{
    struct world *w = *state;
    struct slat_entry in = { .mfn = mfn_of(G_2M), .type = P2M_GRANT_RO, .rwx = SLAT_R, .memtype = SLAT_UC,
                            .ignore_pat = true }, out;

    assert_int_equal(slat_map(&w->slat, gfn_of(G_2M), 9, &in), 0);
    out = slat_lookup(&w->slat, gfn_of(G_2M + 1));
    assert_int_equal(out.type, P2M_GRANT_RO);
    assert_int_equal(out.rwx, SLAT_R);
    assert_int_equal(out.memtype, SLAT_UC);
    assert_true(out.ignore_pat);
}

static void splitting_keeps_every_other_translation(void **state)
{
    struct world *w = *state;

    map(w, G_1G, 18, 8 * G_1G);
    map(w, G_1G + 5 * G_2M + 3, 0, 42);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G + 5 * G_2M + 3)).mfn.v, 42);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G + 5 * G_2M + 4)).mfn.v, 8 * G_1G + 5 * G_2M + 4);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G + 5 * G_2M + 4)).order, 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G + 6 * G_2M)).mfn.v, 8 * G_1G + 6 * G_2M);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G + 6 * G_2M)).order, 9);
    assert_int_equal(raw_leaf(w, G_1G + 5 * G_2M + 4) & 0x80, 0);
    assert_int_equal(raw_leaf(w, G_1G + 6 * G_2M) & 0x80, 0x80);
}

static void a_large_page_over_tables_retires_them_until_reclaim(void **state)
{
    struct world *w = *state;
    uint64_t before;

    map(w, G_2M + 1, 0, 1);
    map(w, 5 * G_2M + 1, 0, 2);
    before = w->pages.live;
    map(w, 0, 18, 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_2M + 1)).order, 18);
    assert_int_equal(w->pages.live, before);
    assert_int_equal(w->slat.retired_count, 3);
    assert_int_equal(w->slat.generation, 1);
    slat_reclaim(&w->slat);
    assert_int_equal(w->pages.live, before - 3);
    assert_int_equal(w->slat.table_count, w->pages.live);
    slat_reclaim(&w->slat);
}

static void a_retired_table_still_says_the_same_to_a_cpu_that_walks_it(void **state)
{
    struct world *w = *state;
    uint64_t *old;
    uint64_t hw = (1ULL << 52) - 1;
    uint64_t copy[512];

    for (uint64_t g = 0; g < 512; g++)
        map(w, g, 0, 1000 + g);
    /* root -> 512G -> 1G -> table */
    old = table_pages_map(&w->pages, w->slat.root);
    for (int i = 0; i < 3; i++)
        old = table_pages_map(&w->pages, mfn_of((old[0] & 0xffffffffff000ULL) >> 12));
    memcpy(copy, old, sizeof(copy));
    map(w, 0, 9, G_2M);
    for (int i = 0; i < 512; i++)
        assert_int_equal(old[i] & hw, copy[i] & hw);
    slat_reclaim(&w->slat);
}

static void only_taking_away_moves_the_generation(void **state)
{
    struct world *w = *state;

    map(w, 5, 0, 50);
    map(w, G_1G, 18, G_1G);
    map(w, 5, 0, 50);
    assert_int_equal(w->slat.generation, 0);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(5), 0, P2M_RAM_RO, SLAT_R), 0);
    assert_int_equal(w->slat.generation, 1);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(5), 0, P2M_RAM_RW, SLAT_R | SLAT_W | SLAT_X), 0);
    assert_int_equal(w->slat.generation, 1);
    map(w, 5, 0, 51);
    assert_int_equal(w->slat.generation, 2);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(5), 0), 0);
    assert_int_equal(w->slat.generation, 3);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(5), 0), 0);
    assert_int_equal(w->slat.generation, 3);
    map(w, 5, 0, 50);
    assert_int_equal(w->slat.generation, 3);
}

static void only_ram_that_goes_moves_the_generation_of_ram(void **state)
{
    struct slat_entry grant = { .mfn = mfn_of(60), .type = P2M_GRANT_RW, .rwx = SLAT_R | SLAT_W, .memtype = SLAT_WB };
    struct world *w = *state;

    map(w, 5, 0, 50);
    assert_int_equal(slat_map(&w->slat, gfn_of(6), 0, &grant), 0);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(6), 0), 0);
    assert_int_equal(w->slat.generation, 1);
    assert_int_equal(w->slat.ram_generation, 0);
    assert_int_equal(slat_map(&w->slat, gfn_of(5), 0, &grant), 0);
    assert_int_equal(w->slat.ram_generation, 1);
    map(w, 5, 0, 50);
    assert_int_equal(w->slat.ram_generation, 1);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(5), 0, P2M_RAM_LOGDIRTY, SLAT_R), 0);
    assert_int_equal(w->slat.ram_generation, 2);
    map(w, 0, 9, G_2M);                        /* a table goes, and who knows what was in it */
    assert_int_equal(w->slat.ram_generation, 3);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(0), 9), 0);
    assert_int_equal(w->slat.ram_generation, 4);
}

static void unmapping_a_hole_needs_no_memory(void **state)
{
    struct world *w = *state;

    w->pages.fail_after = 0;
    assert_int_equal(slat_unmap(&w->slat, gfn_of(77), 0), 0);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(G_1G), 18), 0);
}

static void unmap_of_a_part_splits_and_of_a_whole_drops_all_below(void **state)
{
    struct world *w = *state;

    map(w, 0, 9, 0);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(3), 0), 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3)).type, P2M_HOLE);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(4)).mfn.v, 4);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(0), 9), 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(4)).type, P2M_HOLE);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(4)).order, 9);
}

static void set_type_keeps_frames_and_holes(void **state)
{
    struct world *w = *state;

    map(w, 1, 0, 11);
    map(w, 3, 0, 33);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(0), 9, P2M_RAM_LOGDIRTY, SLAT_R | SLAT_X), 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(1)).mfn.v, 11);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(1)).type, P2M_RAM_LOGDIRTY);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(3)).rwx, SLAT_R | SLAT_X);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(2)).type, P2M_HOLE);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(2), 0, P2M_RAM_RO, SLAT_R), -ENOENT);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(G_1G), 18, P2M_RAM_RO, SLAT_R), -ENOENT);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(G_1G), 0, P2M_RAM_RO, SLAT_R), -ENOENT);
}

static void a_trapped_range_has_a_type_but_no_frame_even_when_split(void **state)
{
    struct world *w = *state;
    struct slat_entry dm = { .mfn = mfn_invalid(), .type = P2M_MMIO_DM }, out;

    assert_int_equal(slat_map(&w->slat, gfn_of(G_1G), 18, &dm), 0);
    map(w, G_1G + 9, 0, 9);
    out = slat_lookup(&w->slat, gfn_of(G_1G + 10));
    assert_int_equal(out.type, P2M_MMIO_DM);
    assert_int_equal(out.rwx, 0);
    assert_false(mfn_is_valid(out.mfn));
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G + 9)).mfn.v, 9);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(G_1G + 10), 0, P2M_RAM_RW, SLAT_R), -ENOENT);
    dm.rwx = SLAT_R;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &dm), -EINVAL);
}

static void what_hardware_cannot_take_is_refused(void **state)
{
    struct world *w = *state;
    struct slat_entry e = ram_at(1);

    assert_int_equal(slat_map(&w->slat, gfn_of(1), 1, &e), -EINVAL);
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 9, &e), -EINVAL);
    assert_int_equal(slat_map(&w->slat, gfn_of(G_2M), 9, &e), -EINVAL);
    assert_int_equal(slat_map(&w->slat, gfn_of(1ULL << 36), 0, &e), -EINVAL);
    e.rwx = SLAT_W;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), -EINVAL);
    e.rwx = SLAT_X;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), -EINVAL);
    e.rwx = 8;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), -EINVAL);
    e = ram_at(1ULL << 40);
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), -EINVAL);
    e = ram_at(1);
    e.type = P2M_HOLE;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), -EINVAL);
    e = ram_at(0);
    w->slat.has_1g = false;
    assert_int_equal(slat_map(&w->slat, gfn_of(0), 18, &e), -EINVAL);
    assert_int_equal(slat_unmap(&w->slat, gfn_of(1), 9), -EINVAL);
    assert_int_equal(slat_set_type(&w->slat, gfn_of(0), 0, P2M_HOLE, 0), -EINVAL);
}

static void a_range_uses_the_largest_pages_that_fit(void **state)
{
    struct world *w = *state;
    struct slat_entry like = ram_at(0);
    uint64_t done, from = G_1G - 2 * G_2M - 3, count = 2 * G_1G + 10 * G_2M;

    assert_int_equal(slat_map_range(&w->slat, gfn_of(from), mfn_of(from), count, &like, &done), 0);
    assert_int_equal(done, count);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(from)).order, 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(from + 3)).order, 9);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(G_1G)).order, 18);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(from + count)).type, P2M_HOLE);
    for (uint64_t g = from; g < from + count; g += 97)
        assert_int_equal(slat_lookup(&w->slat, gfn_of(g)).mfn.v, g);
    w->slat.has_1g = w->slat.has_2m = false;
    assert_int_equal(slat_map_range(&w->slat, gfn_of(8 * G_1G), mfn_of(0), 2 * G_2M, &like, &done), 0);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(8 * G_1G)).order, 0);
}

static void a_range_that_runs_out_of_memory_says_how_far_it_came(void **state)
{
    struct world *w = *state;
    struct slat_entry like = ram_at(0);
    uint64_t done;

    w->pages.fail_after = 3;
    assert_int_equal(slat_map_range(&w->slat, gfn_of(1), mfn_of(1), 1000, &like, &done), -ENOMEM);
    assert_int_equal(done, 511);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(511)).mfn.v, 511);
    assert_int_equal(slat_lookup(&w->slat, gfn_of(512)).type, P2M_HOLE);
}

static bool sum_up(void *ctx, gfn_t g, const struct slat_entry *entry)
{
    uint64_t *sum = ctx;

    sum[0]++;
    sum[1] += g.v;
    sum[2] += entry->mfn.v;
    return sum[0] < 4;
}

static void for_each_visits_mappings_in_order_and_stops_when_told(void **state)
{
    struct world *w = *state;
    uint64_t sum[3] = { 0 };

    map(w, 10, 0, 1);
    map(w, G_2M, 9, 3 * G_2M);
    map(w, 5 * G_1G, 18, 7 * G_1G);
    slat_for_each(&w->slat, gfn_of(0), gfn_of(1ULL << 40), sum_up, sum);
    assert_int_equal(sum[0], 3);
    assert_int_equal(sum[1], 10 + G_2M + 5 * G_1G);
    memset(sum, 0, sizeof(sum));
    slat_for_each(&w->slat, gfn_of(G_2M + 4), gfn_of(5 * G_1G), sum_up, sum);
    assert_int_equal(sum[0], 1);
    assert_int_equal(sum[1], G_2M + 4);
    assert_int_equal(sum[2], 3 * G_2M + 4);
    for (uint64_t g = 20; g < 30; g++)
        map(w, g, 0, g);
    memset(sum, 0, sizeof(sum));
    slat_for_each(&w->slat, gfn_of(0), gfn_of(100), sum_up, sum);
    assert_int_equal(sum[0], 4);
}

#ifdef TEST_NPT
#define P_W_U 7ULL
#define NX (1ULL << 63)

static void the_pointer_has_root_write_back_and_four_levels(void **state)
{
    struct world *w = *state;

    assert_int_equal(npt_pointer(&w->slat), w->slat.root.v << 12);
}

static void a_leaf_has_the_bits_of_the_manual(void **state)
{
    struct world *w = *state;
    struct slat_entry e = ram_at(0x12345);

    e.ignore_pat = true;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), 0);
    assert_int_equal(raw_leaf(w, 1), 0x12345000ULL | P_W_U | 0x60 | (1 << 9) | (1ULL << 52));
    e = (struct slat_entry){ .mfn = mfn_of(0xfee00), .type = P2M_MMIO_DIRECT, .rwx = SLAT_R | SLAT_W };
    assert_int_equal(slat_map(&w->slat, gfn_of(2), 0, &e), 0);
    assert_int_equal(raw_leaf(w, 2), 0xfee00000ULL | P_W_U | 0x60 | 0x10 | NX | ((uint64_t)P2M_MMIO_DIRECT << 52));
    map(w, G_2M, 9, 2 * G_2M);
    assert_int_equal(raw_leaf(w, G_2M), (2 * G_2M << 12) | P_W_U | 0x60 | 0x80 | (1ULL << 52));
    e = (struct slat_entry){ .mfn = mfn_invalid(), .type = P2M_MMIO_DM };
    assert_int_equal(slat_map(&w->slat, gfn_of(3), 0, &e), 0);
    assert_int_equal(raw_leaf(w, 3) & (P_W_U | NX), 0);
}

static void accessed_and_dirty_are_set_from_the_start_where_enabled(void **state)
{
    struct world *w = *state;

    map(w, 1, 0, 1);
    assert_int_equal(table_pages_map(&w->pages, w->slat.root)[0] & 0xfff, P_W_U | 0x20);
}
#else
static void the_pointer_has_root_write_back_and_four_levels(void **state)
{
    struct world *w = *state;
    struct slat ad;

    assert_int_equal(ept_pointer(&w->slat), (w->slat.root.v << 12) | 0x1e);
    assert_int_equal(slat_init(&ad, ept_format(), &w->pages.port, true, true, true), 0);
    assert_int_equal(ept_pointer(&ad), (ad.root.v << 12) | 0x5e);
    slat_destroy(&ad);
}

static void a_leaf_has_the_bits_of_the_manual(void **state)
{
    struct world *w = *state;
    struct slat_entry e = ram_at(0x12345);

    e.ignore_pat = true;
    assert_int_equal(slat_map(&w->slat, gfn_of(1), 0, &e), 0);
    assert_int_equal(raw_leaf(w, 1), 0x12345000ULL | 7 | (6 << 3) | (1 << 6) | (1ULL << 52));
    e = (struct slat_entry){ .mfn = mfn_of(0xfee00), .type = P2M_MMIO_DIRECT, .rwx = SLAT_R | SLAT_W };
    assert_int_equal(slat_map(&w->slat, gfn_of(2), 0, &e), 0);
    assert_int_equal(raw_leaf(w, 2), 0xfee00000ULL | 3 | ((uint64_t)P2M_MMIO_DIRECT << 52));
    map(w, G_2M, 9, 2 * G_2M);
    assert_int_equal(raw_leaf(w, G_2M), (2 * G_2M << 12) | 7 | (6 << 3) | 0x80 | (1ULL << 52));
}

static void accessed_and_dirty_are_set_from_the_start_where_enabled(void **state)
{
    struct world *w = *state;

    w->slat.has_ad = true;
    map(w, 1, 0, 1);
    assert_int_equal(raw_leaf(w, 1) & 0x300, 0x300);
    assert_int_equal(table_pages_map(&w->pages, w->slat.root)[0] & 0x3ff, 0x107);
}
#endif

static void every_type_has_permissions_that_hardware_takes(void **state)
{
    (void)state;
    for (unsigned int t = 0; t < P2M_TYPE_COUNT; t++) {
        uint8_t rwx = p2m_type_rwx((enum p2m_type)t);

        assert_true(rwx == 0 || (rwx & SLAT_R));
    }
    assert_int_equal(p2m_type_rwx(P2M_RAM_RW), 7);
    assert_int_equal(p2m_type_rwx(P2M_GRANT_RO), SLAT_R);
    assert_int_equal(p2m_type_rwx(P2M_HOLE), 0);
    assert_int_equal(p2m_type_rwx(P2M_MMIO_DM), 0);
    assert_int_equal(p2m_type_rwx(P2M_TYPE_COUNT), 0);
}

static void init_without_memory_fails(void **state)
{
    struct world *w = *state;
    struct slat e;

    w->pages.fail_after = 0;
    assert_int_equal(slat_init(&e, test_format(), &w->pages.port, true, true, true), -ENOMEM);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_empty_tree_is_one_hole_and_says_how_large),
        T(the_pointer_has_root_write_back_and_four_levels),
        T(each_page_size_is_found_again_with_the_frame_of_the_gfn_asked_for),
        T(a_leaf_has_the_bits_of_the_manual),
        T(memory_type_and_permissions_come_back_from_lookup),
        T(splitting_keeps_every_other_translation),
        T(a_large_page_over_tables_retires_them_until_reclaim),
        T(a_retired_table_still_says_the_same_to_a_cpu_that_walks_it),
        T(only_taking_away_moves_the_generation),
        T(only_ram_that_goes_moves_the_generation_of_ram),
        T(unmapping_a_hole_needs_no_memory),
        T(unmap_of_a_part_splits_and_of_a_whole_drops_all_below),
        T(set_type_keeps_frames_and_holes),
        T(a_trapped_range_has_a_type_but_no_frame_even_when_split),
        T(what_hardware_cannot_take_is_refused),
        T(a_range_uses_the_largest_pages_that_fit),
        T(a_range_that_runs_out_of_memory_says_how_far_it_came),
        T(for_each_visits_mappings_in_order_and_stops_when_told),
        T(accessed_and_dirty_are_set_from_the_start_where_enabled),
        T(every_type_has_permissions_that_hardware_takes),
        T(init_without_memory_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
