/* SPDX-License-Identifier: BSD-2-Clause */
#include <dom0/layout.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "maps.h"
#include "memmap_parts.h"

static struct memmap m;

static void expect(unsigned int i, uint64_t start, uint64_t end, uint32_t type)
{
    assert_true(i < m.count);
    assert_int_equal(m.r[i].start, start);
    assert_int_equal(m.r[i].start + m.r[i].size, end);
    assert_int_equal(m.r[i].type, type);
}

static void unsorted_entries_are_sorted_and_neighbours_joined(void **state)
{
    (void)state;
    m.count = 0;
    add(&m, 4 * M, 8 * M, E820_RAM);
    add(&m, 1 * M, 1 * M, E820_RAM);
    add(&m, 0, 1 * M, E820_RESERVED);
    add(&m, 1 * M, 4 * M, E820_RAM);
    memmap_normalise(&m);
    assert_int_equal(m.count, 2);
    expect(0, 0, 1 * M, E820_RESERVED);
    expect(1, 1 * M, 8 * M, E820_RAM);
}

static void where_entries_overlap_the_most_restrictive_type_wins(void **state)
{
    (void)state;
    m.count = 0;
    add(&m, 0, 16 * M, E820_RAM);
    add(&m, 4 * M, 8 * M, E820_ACPI);
    add(&m, 6 * M, 7 * M, E820_NVS);
    add(&m, 15 * M, 17 * M, E820_RESERVED);
    add(&m, 5 * M, 5 * M + 1, E820_UNUSABLE);
    memmap_normalise(&m);
    assert_int_equal(m.count, 8);
    expect(0, 0, 4 * M, E820_RAM);
    expect(1, 4 * M, 5 * M, E820_ACPI);
    expect(2, 5 * M, 5 * M + 1, E820_UNUSABLE);
    expect(3, 5 * M + 1, 6 * M, E820_ACPI);
    expect(4, 6 * M, 7 * M, E820_NVS);
    expect(5, 7 * M, 8 * M, E820_ACPI);
    expect(6, 8 * M, 15 * M, E820_RAM);
    expect(7, 15 * M, 17 * M, E820_RESERVED);
}

static void ram_shrinks_to_whole_pages_and_unknown_types_become_reserved(void **state)
{
    (void)state;
    m.count = 0;
    add(&m, 0x1001, 0x2fff, E820_RAM);
    add(&m, 0x3001, 0x5fff, E820_RAM);
    add(&m, 0x8000, 0x9000, 0xabcd);
    memmap_normalise(&m);
    assert_int_equal(m.count, 2);
    expect(0, 0x4000, 0x5000, E820_RAM);
    expect(1, 0x8000, 0x9000, E820_RESERVED);
}

static void entries_that_wrap_around_are_cut_at_the_end_of_addresses(void **state)
{
    (void)state;
    m.count = 0;
    m.r[m.count++] = (struct mem_region){ 1 * M, UINT64_MAX, E820_RAM };
    m.r[m.count++] = (struct mem_region){ UINT64_MAX - 5, 100, E820_RAM };
    memmap_normalise(&m);
    assert_int_equal(m.count, 1);
    expect(0, 1 * M, 1ULL << 52, E820_RAM);
}

/* The reference: the type of one byte, by the rule alone. */
static uint32_t type_of(const struct memmap *map, uint64_t at)
{
    static const uint32_t order[] = { E820_UNUSABLE, E820_RESERVED, E820_NVS, E820_ACPI, E820_RAM };

    for (unsigned int o = 0; o < 5; o++)
        for (unsigned int i = 0; i < map->count; i++)
            if (map->r[i].type == order[o] && at >= map->r[i].start &&
                at - map->r[i].start < map->r[i].size)
                return order[o];
    return 0;
}

static void random_maps_come_out_sorted_disjoint_and_true(void **state)
{
    static struct memmap before;
    uint64_t seed = 0x9e3779b97f4a7c15ULL;

    (void)state;
    for (unsigned int round = 0; round < 3000; round++) {
        unsigned int n = 1 + next_random(&seed) % (round % 10 == 0 ? MEMMAP_MAX : 20);

        m.count = 0;
        for (unsigned int i = 0; i < n; i++) {
            uint64_t start = next_random(&seed) % 200 * 2048, size = next_random(&seed) % 40 * 1024;

            add(&m, start, start + size, 1 + (uint32_t)(next_random(&seed) % 5));
        }
        before = m;
        memmap_normalise(&m);
        assert_true(m.count <= MEMMAP_MAX);
        for (unsigned int i = 0; i < m.count; i++) {
            assert_true(m.r[i].size != 0);
            if (i > 0) {
                uint64_t end = m.r[i - 1].start + m.r[i - 1].size;

                assert_true(end <= m.r[i].start);
                assert_true(end < m.r[i].start || m.r[i - 1].type != m.r[i].type);
            }
        }
        for (uint64_t at = 0; at < 250 * 2048; at += 1024) {
            uint32_t is = type_of(&m, at), was = type_of(&before, at);

            if (is != was)
                assert_true(was == E820_RAM &&
                            is == 0); /* part of a page, or dropped for want of room */
            if (is == E820_RAM)
                for (uint64_t b = at & ~0xfffULL; b < (at | 0xfff); b += 1024)
                    assert_int_equal(type_of(&m, b), E820_RAM);
        }
    }
}

static void a_map_with_too_many_pieces_forgets_the_smallest_ram(void **state)
{
    uint64_t total;

    (void)state;
    m.count = 0;
    add(&m, 0, 1 * G, E820_RAM);
    for (uint64_t i = 1; i < MEMMAP_MAX; i++)
        add(&m, i * 4 * M, i * 4 * M + (i == 7 ? 4 * M - 0x1000 : 4 * K), E820_RESERVED);
    total = memmap_total(&m, E820_RESERVED);
    memmap_normalise(&m);
    assert_int_equal(m.count, MEMMAP_MAX);
    assert_int_equal(memmap_total(&m, E820_RESERVED), total);
    assert_false(memmap_covers(&m, 8 * 4 * M - 0x1000, 0x1000, E820_RAM));
}

static void covers_looks_across_neighbours_but_not_across_holes(void **state)
{
    (void)state;
    m.count = 0;
    add(&m, 1 * M, 2 * M, E820_RAM);
    add(&m, 2 * M, 3 * M, E820_RAM);
    add(&m, 4 * M, 5 * M, E820_RAM);
    assert_true(memmap_covers(&m, 1 * M, 2 * M, E820_RAM));
    assert_true(memmap_covers(&m, 1 * M + 1, 2 * M - 1, E820_RAM));
    assert_false(memmap_covers(&m, 1 * M, 2 * M + 1, E820_RAM));
    assert_false(memmap_covers(&m, 2 * M, 3 * M, E820_RAM));
    assert_false(memmap_covers(&m, 0, 2 * M, E820_RAM));
    assert_false(memmap_covers(&m, 1 * M, 1 * M, E820_ACPI));
}

static void retyping_splits_and_merging_joins_again(void **state)
{
    (void)state;
    m.count = 0;
    add(&m, 0, 8 * M, E820_RAM);
    add(&m, 8 * M, 9 * M, E820_NVS);
    add(&m, 9 * M, 12 * M, E820_RAM);
    assert_true(memmap_retype(&m, 2 * M, 10 * M, E820_RAM, E820_UNUSABLE));
    assert_int_equal(m.count, 5);
    expect(0, 0, 2 * M, E820_RAM);
    expect(1, 2 * M, 8 * M, E820_UNUSABLE);
    expect(2, 8 * M, 9 * M, E820_NVS);
    expect(3, 9 * M, 10 * M, E820_UNUSABLE);
    expect(4, 10 * M, 12 * M, E820_RAM);
    assert_true(memmap_retype(&m, 3 * M, 4 * M, E820_UNUSABLE, E820_ACPI));
    assert_int_equal(m.count, 7);
    assert_true(memmap_retype(&m, 0, 12 * M, E820_ACPI, E820_RAM));
    assert_true(memmap_retype(&m, 0, 12 * M, E820_UNUSABLE, E820_RAM));
    memmap_merge(&m);
    assert_int_equal(m.count, 3);
    expect(0, 0, 8 * M, E820_RAM);
}

static void retyping_says_so_when_the_map_is_full(void **state)
{
    (void)state;
    m.count = 0;
    for (uint64_t i = 0; i < MEMMAP_MAX - 1; i++)
        add(&m, i * M, i * M + 64 * K, E820_RAM);
    assert_true(memmap_retype(&m, 0, 4 * K, E820_RAM, E820_ACPI));
    assert_int_equal(m.count, MEMMAP_MAX);
    assert_false(memmap_retype(&m, 1 * M, 1 * M + 4 * K, E820_RAM, E820_ACPI));
    assert_int_equal(m.count, MEMMAP_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsorted_entries_are_sorted_and_neighbours_joined),
        cmocka_unit_test(where_entries_overlap_the_most_restrictive_type_wins),
        cmocka_unit_test(ram_shrinks_to_whole_pages_and_unknown_types_become_reserved),
        cmocka_unit_test(entries_that_wrap_around_are_cut_at_the_end_of_addresses),
        cmocka_unit_test(random_maps_come_out_sorted_disjoint_and_true),
        cmocka_unit_test(a_map_with_too_many_pieces_forgets_the_smallest_ram),
        cmocka_unit_test(covers_looks_across_neighbours_but_not_across_holes),
        cmocka_unit_test(retyping_splits_and_merging_joins_again),
        cmocka_unit_test(retyping_says_so_when_the_map_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
