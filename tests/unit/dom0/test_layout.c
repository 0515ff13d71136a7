/* SPDX-License-Identifier: BSD-2-Clause */
#include <dom0/layout.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layout_parts.h"
#include "maps.h"

#define HOLDS(x) assert_true(x)
#include "layout_promises.h"

static struct memmap host;
static struct dom0_layout l;
static struct dom0_layout_request req;

/* A 2 GiB machine that keeps 32 MiB, with Debian's kernel and a 30 MiB initrd. */
static int setup(void **state)
{
    static const struct mem_region kept = { 0x7c000000, 0x2000000, 0 };

    (void)state;
    pc_map(&host, 2048);
    memmap_normalise(&host);
    memset(&req, 0, sizeof(req));
    req.host = &host;
    req.kept = &kept;
    req.kept_count = 1;
    req.kernel_start = 0x1000000;
    req.kernel_end = 0x4a00000;
    req.initrd_size = 30 * M + 123;
    req.cmdline_size = 100;
    req.acpi_size = 500;
    req.reserve = 16 * M;
    req.phys_bits = 40;
    return 0;
}

static void expect_sentence(const char *part)
{
    const char *wrong = dom0_layout(&req, &l);

    assert_non_null(wrong);
    if (!strstr(wrong, part))
        fail_msg("\"%s\" does not say \"%s\"", wrong, part);
}

static void check_properties(void)
{
    check_layout_promises(&host, &req, &l);
}

static void dom0_gets_all_but_the_reserve_when_nothing_is_said(void **state)
{
    (void)state;
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.ram_bytes + l.acpi_size,
                     memmap_total(&host, E820_RAM) - 32 * M - 16 * M);
    assert_int_equal(l.max_bytes, l.ram_bytes + l.acpi_size);
}

static void dom0_mem_is_given_from_address_zero_upwards_and_the_rest_is_unusable(void **state)
{
    uint64_t end = 512 * M + 1 * M - 0x9f000;   /* 512 MiB without the hole below 1 MiB */

    (void)state;
    req.mem = (struct dom0_mem){ .given = true, .nr = 512 * M };
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.ram_bytes + l.acpi_size, 512 * M);
    assert_true(memmap_covers(&l.map, 0, 0x9f000, E820_RAM));
    assert_true(memmap_covers(&l.map, M, end - M - l.acpi_size, E820_RAM));
    assert_int_equal(l.acpi_start, end - l.acpi_size);
    assert_true(memmap_covers(&l.map, end, 2 * G - 0x20000 - end, E820_UNUSABLE));
}

static void the_parts_follow_the_kernel(void **state)
{
    (void)state;
    assert_null(dom0_layout(&req, &l));
    assert_int_equal(l.start_info, req.kernel_end);
    assert_int_equal(l.initrd, l.start_info + l.info_size);
    assert_int_equal(l.initrd_size, req.initrd_size);
}

static void no_initrd_means_none(void **state)
{
    (void)state;
    req.initrd_size = 0;
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.initrd_size, 0);
}

static void nothing_is_placed_where_something_busy_stands_yet_dom0_gets_that_ram(void **state)
{
    static const struct mem_region busy[] = { { 0x4a00000, 0x1000, 0 },
                                              { 0x4a03000, 0x3000000, 0 } };

    (void)state;
    req.busy = busy;
    req.busy_count = 2;
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_true(memmap_covers(&l.map, 0x4a00000, 0x4000000, E820_RAM));
    assert_int_equal(l.start_info, 0x4a01000);
}

static void every_form_of_dom0_mem_comes_to_its_amount(void **state)
{
    static const struct { struct dom0_mem mem; uint64_t amount;
    } cases[] = {
        { { .given = false }, 984 * M },
        { { .given = true, .nr = 512 * M }, 512 * M },
        { { .given = true, .nr = 4096 * M }, 1000 * M },
        { { .given = true, .nr = -(int64_t)(100 * M) }, 900 * M },
        { { .given = true, .nr = -(int64_t)(2000 * M) }, 0 },
        { { .given = true, .nr_percent = 25 }, 250 * M },
        { { .given = true, .nr = 100 * M, .nr_percent = 25 }, 350 * M },
        { { .given = true, .nr_percent = -10 }, 900 * M },
        { { .min_given = true, .min = 990 * M }, 990 * M },
        { { .max_given = true, .max = 300 * M }, 300 * M },
        { { .given = true, .max_given = true, .max = 300 * M }, 300 * M },
        { { .given = true, .max_given = true, .max = 2000 * M }, 984 * M },
        { { .given = true, .min_given = true, .min = 100 * M }, 984 * M },
        { { .given = true }, 0 },
        { { .max_given = true, .max = -(int64_t)(200 * M) }, 800 * M },
        { { .given = true, .nr = 512 * M, .max_given = true, .max = 400 * M }, 400 * M },
        { { .given = true,
            .nr = 512 * M,
            .min_given = true,
            .min = 600 * M,
            .max_given = true,
            .max = 700 * M },
          600 * M },
        { { .given = true,
            .nr = 512 * M,
            .min_given = true,
            .min = 800 * M,
            .max_given = true,
            .max = 700 * M },
          700 * M },
        { { .given = true, .nr = 512 * M + 5 }, 512 * M },
        { { .given = true, .nr = INT64_MIN }, 0 },
        { { .given = true, .nr = INT64_MAX, .nr_percent = 100 }, 1000 * M },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (dom0_mem_amount(&cases[i].mem, 1000 * M, 16 * M) != cases[i].amount)
            fail_msg("case %zu: %llu MiB", i,
                     (unsigned long long)(dom0_mem_amount(&cases[i].mem, 1000 * M, 16 * M) / M));
}

static void max_is_what_dom0_may_ever_have(void **state)
{
    (void)state;
    req.mem = (struct dom0_mem){ .given = true, .nr = 512 * M, .max_given = true, .max = 1024 * M };
    assert_null(dom0_layout(&req, &l));
    assert_int_equal(l.ram_bytes + l.acpi_size, 512 * M);
    assert_int_equal(l.max_bytes, 1024 * M);
}

static void too_little_memory_is_said_with_numbers(void **state)
{
    (void)state;
    req.mem = (struct dom0_mem){ .given = true, .nr = 16 * M };
    expect_sentence("dom0_mem=16M is too small: the kernel needs RAM up to 74 MiB");
    req.mem.nr = 80 * M;
    expect_sentence("dom0_mem=80M is too small: the kernel with its initrd");
    req.mem.nr = 120 * M;
    expect_sentence("dom0_mem=120M is too small");
    req.mem.nr = 0;
    expect_sentence("dom0_mem=0M is too small");
    pc_map(&host, 100);
    memmap_normalise(&host);
    req.mem.given = false;
    req.kept_count = 0;
    expect_sentence("too little memory");
}

static void a_hole_where_the_kernel_must_be_is_named(void **state)
{
    static const struct mem_region in_the_way = { 0x2000000, 0x1000, 0 };

    (void)state;
    add(&host, 0x2000000, 0x2001000, E820_RESERVED);
    memmap_normalise(&host);
    expect_sentence("this machine has no RAM there");
    setup(NULL);
    req.kept = &in_the_way;
    expect_sentence("hypervisor occupies");
    setup(NULL);
    req.busy = &in_the_way;
    req.busy_count = 1;
    expect_sentence("boot module");
    setup(NULL);
    req.kernel_start = 0x8000;
    expect_sentence("below 1 MiB");
}

static void linux_finds_its_scratch_range_behind_all_ram_on_a_small_machine(void **state)
{
    (void)state;
    assert_null(dom0_layout(&req, &l));
    assert_int_equal(l.scratch_start, 4 * G);
    assert_int_equal(l.scratch_start + l.scratch_size, 1ULL << 40);
}

/* The map of a dom0 under Xen 4.17 in QEMU (q35), whose /proc/iomem had "Xen scratch" at 4 GiB. */
static void the_scratch_range_is_where_linux_was_seen_to_put_it(void **state)
{
    uint64_t start, size;

    (void)state;
    host.count = 0;
    add(&host, 0, 0x9f000, E820_RAM);
    add(&host, 0x9fc00, 0x100000, E820_RESERVED);
    add(&host, 0x100000, 0x40060f16, E820_RAM);
    add(&host, 0x40060f16, 0x40060fa0, E820_ACPI);
    add(&host, 0x40061000, 0x9ffe0000, E820_UNUSABLE);
    add(&host, 0x9ffe0000, 0xa0000000, E820_RESERVED);
    add(&host, 0xb0000000, 0xc0000000, E820_RESERVED);
    add(&host, 0xfed1c000, 0xfed20000, E820_RESERVED);
    add(&host, 0xfffc0000, 0x100000000, E820_RESERVED);
    add(&host, 0xfd00000000, 0x10000000000, E820_RESERVED);
    dom0_scratch_find(&host, 40, &start, &size);
    assert_int_equal(start, 0x100000000);
}

static void linux_finds_its_scratch_range_in_the_pci_hole_when_there_is_ram_above_4_gib(
    void **state)
{
    (void)state;
    pc_map(&host, 6144);
    memmap_normalise(&host);
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.scratch_start, 3 * G);
    assert_int_equal(l.scratch_size, 7 * 128 * M);
}

static void a_reserved_range_in_the_hole_pushes_scratch_to_its_larger_side(void **state)
{
    (void)state;
    pc_map(&host, 6144);
    add(&host, 0xc8000000, 0xd0000000, E820_RESERVED);
    memmap_normalise(&host);
    assert_null(dom0_layout(&req, &l));
    assert_int_equal(l.scratch_start, 0xd0000000);
    pc_map(&host, 6144);
    add(&host, 0xf0000000, 0xf8000000, E820_RESERVED);
    memmap_normalise(&host);
    assert_null(dom0_layout(&req, &l));
    assert_int_equal(l.scratch_start, 0xc0000000);
    assert_int_equal(l.scratch_size, 0x30000000);
}

static void a_machine_without_free_addresses_gets_no_scratch_range(void **state)
{
    (void)state;
    add(&host, 2 * G, 4 * G, E820_RESERVED);
    memmap_normalise(&host);
    req.phys_bits = 32;
    assert_null(dom0_layout(&req, &l));
    assert_int_equal(l.scratch_size, 0);
}

/* As OVMF describes a q35 with 512 MiB: memory of the firmware's in the middle of RAM, ECAM below the hole. */
static void ovmf_map(struct memmap *m)
{
    m->count = 0;
    add(m, 0, 0xa0000, E820_RAM);
    add(m, 0x100000, 0x806000, E820_RAM);
    add(m, 0x806000, 0x808000, E820_NVS);
    add(m, 0x808000, 0x810000, E820_RAM);
    add(m, 0x810000, 0x900000, E820_NVS);
    add(m, 0x900000, 0x1ea8a000, E820_RAM);
    add(m, 0x1ea8a000, 0x1eb8c000, E820_RESERVED);
    add(m, 0x1eb8c000, 0x1f4ec000, E820_RAM);
    add(m, 0x1f4ec000, 0x1f76c000, E820_RESERVED);
    add(m, 0x1f76c000, 0x1f77e000, E820_ACPI);
    add(m, 0x1f77e000, 0x1f7fe000, E820_NVS);
    add(m, 0x1f7fe000, 0x1feec000, E820_RAM);
    add(m, 0x1feec000, 0x1ff70000, E820_RESERVED);
    add(m, 0x1ff70000, 0x20000000, E820_NVS);
    add(m, 0xb0000000, 0xc0000000, E820_RESERVED);
    add(m, 0xffc00000, 0x100000000, E820_RESERVED);
}

static void a_uefi_machines_map_with_holes_is_kept(void **state)
{
    static const struct mem_region kept = { 0x1dc00000, 0x98000, 0 };

    (void)state;
    ovmf_map(&host);
    memmap_normalise(&host);
    req.kept = &kept;
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_true(memmap_covers(&l.map, 0x1f4ec000, 0x280000, E820_RESERVED));
    assert_true(memmap_covers(&l.map, 0xb0000000, 0x10000000, E820_RESERVED));
    assert_int_equal(type_at(&l.map, 0x1dc00000), E820_UNUSABLE);
    req.mem = (struct dom0_mem){ .given = true, .nr = 400 * M };
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.ram_bytes + l.acpi_size, 400 * M);
}

/* Low RAM ends at 2 GiB, the rest continues above 4 GiB: what a q35 with 6 GiB looks like. */
static void big_map(struct memmap *m, uint64_t window)
{
    m->count = 0;
    add(m, 0, 0x9fc00, E820_RAM);
    add(m, 0x9fc00, 0xa0000, E820_RESERVED);
    add(m, 0xf0000, 0x100000, E820_RESERVED);
    add(m, 0x100000, 0x7ffdf000, E820_RAM);
    add(m, 0x7ffdf000, 0x80000000, E820_RESERVED);
    add(m, 0xb0000000, 0xc0000000, E820_RESERVED);
    add(m, 0xfed1c000, 0xfed20000, E820_RESERVED);
    add(m, 0xfffc0000, 0x100000000, E820_RESERVED);
    add(m, 4 * G, 8 * G, E820_RAM);
    if (window != 0)
        add(m, window, 1ULL << 40, E820_RESERVED);
}

static void ram_above_the_pci_hole_is_dom0s_too(void **state)
{
    (void)state;
    big_map(&host, 0xfd00000000);
    memmap_normalise(&host);
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_true(memmap_covers(&l.map, 4 * G, 3 * G, E820_RAM));
    assert_true(l.initrd + l.initrd_size <= 4 * G);
    /* With dom0_mem= the cut lies behind the hole, not in it. */
    req.mem = (struct dom0_mem){ .given = true, .nr = 3 * (int64_t)G };
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.ram_bytes + l.acpi_size, 3 * G);
    assert_true(l.acpi_start < 2 * G);
    assert_int_equal(type_at(&l.map, 8 * G - 1), E820_UNUSABLE);
}

static void a_large_window_for_devices_is_no_place_for_scratch(void **state)
{
    (void)state;
    for (uint64_t window = 8 * G; window < 1ULL << 40; window *= 2) {
        big_map(&host, window);
        memmap_normalise(&host);
        assert_null(dom0_layout(&req, &l));
        check_properties();
        assert_true(l.scratch_size != 0);
    }
}

static void ram_in_many_pieces_with_holes_between_them_is_counted_right(void **state)
{
    uint64_t total;

    (void)state;
    pc_map(&host, 2048);
    for (unsigned int i = 0; i < 40; i++)                  /* NUMA nodes with gaps, as big servers have */
        add(&host, (16 + 8 * (uint64_t)i) * G, (16 + 8 * (uint64_t)i + 3) * G, E820_RAM);
    memmap_normalise(&host);
    total = memmap_total(&host, E820_RAM);
    req.phys_bits = 46;
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.ram_bytes + l.acpi_size, total - 32 * M - 16 * M);
    req.mem = (struct dom0_mem){ .given = true, .nr = 50 * (int64_t)G };
    assert_null(dom0_layout(&req, &l));
    check_properties();
    assert_int_equal(l.ram_bytes + l.acpi_size, 50 * G);
}

static void random_machine(uint64_t *seed)
{
    static const uint32_t types[] = { E820_RESERVED, E820_ACPI, E820_NVS, E820_UNUSABLE, E820_RAM };
    unsigned int extra = (unsigned int)(next_random(seed) % 30);

    pc_map(&host, 100 + next_random(seed) % 9000);
    for (unsigned int i = 0; i < extra; i++) {
        uint64_t start = next_random(seed) % (12 * G),
                 size = next_random(seed) % (next_random(seed) % 4 ? 4 * M : 900 * M);

        add(&host, start, start + size, types[next_random(seed) % 5]);
    }
    memmap_normalise(&host);
}

static void random_regions(struct mem_region *r, unsigned int n, uint64_t *seed)
{
    for (unsigned int i = 0; i < n; i++)
        r[i] = (struct mem_region){ next_random(seed) % (6 * G), next_random(seed) % (64 * M), 0 };
}

static void on_random_machines_a_layout_keeps_all_its_promises_or_is_refused(void **state)
{
    static struct mem_region kept[6], busy[4];
    uint64_t seed = 0x2545f4914f6cdd1dULL;
    unsigned int good = 0;

    (void)state;
    for (unsigned int round = 0; round < 20000; round++) {
        const char *wrong;

        setup(NULL);
        random_machine(&seed);
        req.kept = kept;
        req.kept_count = (unsigned int)(next_random(&seed) % 7);
        random_regions(kept, req.kept_count, &seed);
        req.busy = busy;
        req.busy_count = (unsigned int)(next_random(&seed) % 5);
        random_regions(busy, req.busy_count, &seed);
        req.initrd_size =
            next_random(&seed) % 3 ? next_random(&seed) % (64 * M) : next_random(&seed) % (3 * G);
        req.mem.given = next_random(&seed) % 2;
        req.mem.nr = (int64_t)(next_random(&seed) % (8 * G)) - (int64_t)(1 * G);
        wrong = dom0_layout(&req, &l);
        if (wrong) {
            assert_true(strlen(wrong) > 20);
            continue;
        }
        good++;
        check_properties();
    }
    printf("%u of 20000 random machines can run dom0\n", good);
    assert_true(good > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(dom0_gets_all_but_the_reserve_when_nothing_is_said, setup),
        cmocka_unit_test_setup(dom0_mem_is_given_from_address_zero_upwards_and_the_rest_is_unusable,
                               setup),
        cmocka_unit_test_setup(the_parts_follow_the_kernel, setup),
        cmocka_unit_test_setup(no_initrd_means_none, setup),
        cmocka_unit_test_setup(nothing_is_placed_where_something_busy_stands_yet_dom0_gets_that_ram,
                               setup),
        cmocka_unit_test_setup(every_form_of_dom0_mem_comes_to_its_amount, setup),
        cmocka_unit_test_setup(max_is_what_dom0_may_ever_have, setup),
        cmocka_unit_test_setup(too_little_memory_is_said_with_numbers, setup),
        cmocka_unit_test_setup(a_hole_where_the_kernel_must_be_is_named, setup),
        cmocka_unit_test_setup(the_scratch_range_is_where_linux_was_seen_to_put_it, setup),
        cmocka_unit_test_setup(linux_finds_its_scratch_range_behind_all_ram_on_a_small_machine,
                               setup),
        cmocka_unit_test_setup(
            linux_finds_its_scratch_range_in_the_pci_hole_when_there_is_ram_above_4_gib, setup),
        cmocka_unit_test_setup(a_reserved_range_in_the_hole_pushes_scratch_to_its_larger_side,
                               setup),
        cmocka_unit_test_setup(a_machine_without_free_addresses_gets_no_scratch_range, setup),
        cmocka_unit_test_setup(a_uefi_machines_map_with_holes_is_kept, setup),
        cmocka_unit_test_setup(ram_above_the_pci_hole_is_dom0s_too, setup),
        cmocka_unit_test_setup(a_large_window_for_devices_is_no_place_for_scratch, setup),
        cmocka_unit_test_setup(ram_in_many_pieces_with_holes_between_them_is_counted_right, setup),
        cmocka_unit_test_setup(on_random_machines_a_layout_keeps_all_its_promises_or_is_refused,
                               setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
