/* SPDX-License-Identifier: BSD-2-Clause */
#include <boot/bootmem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1UL << 20)

static struct bootinfo info;

static void region(uint64_t start, uint64_t end, uint32_t type)
{
    info.mmap[info.mmap_count++] = (struct boot_mmap){ start, end - start, type };
}

static int setup(void **s)
{
    (void)s;
    memset(&info, 0, sizeof(info));
    region(0, 0x9f000, 1);
    region(MIB, 512 * MIB, 1);
    region(512 * MIB, 513 * MIB, 3);
    region(4096 * MIB, 4608 * MIB, 1);
    info.module_count = 1;
    info.module[0].start = 500 * MIB;
    info.module[0].end = 510 * MIB;
    return 0;
}

static void memory_comes_from_the_top_and_below_the_bound(void **s)
{
    (void)s;
    assert_null(bootmem_init(&info, 0, 400 * MIB, 402 * MIB));
    assert_int_equal(bootmem_alloc(4096, 4096, UINT64_MAX, false), 4608 * MIB - 4096);
    assert_int_equal(bootmem_alloc(4096, 4096, 4096 * MIB, false), 512 * MIB - 4096);
    assert_int_equal(bootmem_alloc(MIB, 2 * MIB, 4096 * MIB, false), 510 * MIB);
    assert_int_equal(bootmem_ram_end(), 4608 * MIB);
}

static void modules_and_the_image_are_stepped_over(void **s)
{
    uint64_t at;
    (void)s;
    assert_null(bootmem_init(&info, 0, 400 * MIB, 402 * MIB));
    at = bootmem_alloc(3 * MIB, 4096, 4096 * MIB, false);
    assert_int_equal(at, 497 * MIB);
    at = bootmem_alloc(97 * MIB, 4096, 4096 * MIB, false);
    assert_int_equal(at, 303 * MIB);
    assert_int_equal(bootmem_alloc(1000 * MIB, 4096, UINT64_MAX, false), 0);
}

static void the_first_16_mib_are_never_handed_out(void **s)
{
    (void)s;
    info.module_count = 0;
    assert_null(bootmem_init(&info, 0, 400 * MIB, 402 * MIB));
    while (bootmem_alloc(64 * MIB, 4096, 400 * MIB, false) != 0)
        ;
    while (bootmem_alloc(MIB, 4096, 400 * MIB, false) != 0)
        ;
    const struct mem_region *kept;
    unsigned int n = bootmem_kept(&kept);

    for (unsigned int i = 0; i < n; i++)
        assert_true(kept[i].start >= 16 * MIB);
}

static void neighbours_are_kept_as_one_region(void **s)
{
    const struct mem_region *kept;
    (void)s;
    assert_null(bootmem_init(&info, 0, 400 * MIB, 402 * MIB));
    for (int i = 0; i < 200; i++)
        assert_true(bootmem_alloc(4096, 4096, UINT64_MAX, false) != 0);
    assert_int_equal(bootmem_kept(&kept), 2);
    assert_int_equal(kept[1].size, 200 * 4096);
}

static void mem_limits_what_is_used(void **s)
{
    (void)s;
    assert_null(bootmem_init(&info, 300 * MIB, 400 * MIB, 402 * MIB));
    assert_int_equal(bootmem_ram_end(), 300 * MIB);
    assert_int_equal(bootmem_alloc(4096, 4096, UINT64_MAX, false), 300 * MIB - 4096);
}

static void a_map_without_usable_ram_is_a_sentence(void **s)
{
    (void)s;
    info.mmap_count = 1;
    assert_non_null(bootmem_init(&info, 0, 400 * MIB, 402 * MIB));
}

static void overlapping_unsorted_maps_still_give_ram_only(void **s)
{
    (void)s;
    info.mmap_count = 0;
    info.module_count = 0;
    region(200 * MIB, 300 * MIB, 2);      /* reserved, inside RAM, listed first */
    region(100 * MIB, 400 * MIB, 1);
    region(0, 350 * MIB, 1);
    assert_null(bootmem_init(&info, 0, 10 * MIB, 12 * MIB));
    assert_int_equal(bootmem_alloc(100 * MIB, 4096, UINT64_MAX, false), 300 * MIB);
    assert_int_equal(bootmem_alloc(MIB, 4096, UINT64_MAX, false), 199 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(memory_comes_from_the_top_and_below_the_bound, setup),
        cmocka_unit_test_setup(modules_and_the_image_are_stepped_over, setup),
        cmocka_unit_test_setup(the_first_16_mib_are_never_handed_out, setup),
        cmocka_unit_test_setup(neighbours_are_kept_as_one_region, setup),
        cmocka_unit_test_setup(mem_limits_what_is_used, setup),
        cmocka_unit_test_setup(a_map_without_usable_ram_is_a_sentence, setup),
        cmocka_unit_test_setup(overlapping_unsorted_maps_still_give_ram_only, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
