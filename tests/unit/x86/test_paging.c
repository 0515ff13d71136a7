/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page tables as the product builds them, in memory of the test: an image of eight parts, RAM with
 * holes. What matters is asked of every entry there is: nothing both writable and executable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

#define PAGES(n) ((n) * 4096UL)
/* text 3, rodata 2, ro_after_init 1, data 4, init text 2, init data 1, symbols 2 */
static char image[PAGES(15)] __attribute__((aligned(4096)));
#define image_start image
#define image_end (image + PAGES(15))
#define text_start image
#define text_end (image + PAGES(3))
#define rodata_start (image + PAGES(3))
#define rodata_end (image + PAGES(5))
#define ro_after_init_start (image + PAGES(5))
#define ro_after_init_end (image + PAGES(6))
#define data_start (image + PAGES(6))
#define data_end (image + PAGES(10))
#define init_start (image + PAGES(10))
#define init_text_end (image + PAGES(12))
#define init_end (image + PAGES(13))
#define symbols_start (image + PAGES(13))
#define symbols_end (image + PAGES(15))
#define X86_IMAGE_H                    /* not the linker's symbols */

static uint64_t loaded_root;
static unsigned int flushes;
static void test_write_cr3(uint64_t v) { loaded_root = v; flushes++; }
static void test_invlpg(const void *v) { (void)v; flushes++; }
#define cpu_write_cr3 test_write_cr3
#define cpu_invlpg test_invlpg
/* The fakes have their own of these. */
#define virt_to_phys real_virt_to_phys
#define map_device real_map_device
#define unmap_device real_unmap_device
#define map_stack real_map_stack
void *real_map_device(hpa_t a, size_t size, enum map_cache cache);
void real_unmap_device(void *v, size_t size);
void *real_map_stack(unsigned int pages);
hpa_t real_virt_to_phys(const void *v);
#include "../../../src/x86/paging.c"

uint64_t early_pml4[512] __attribute__((aligned(4096)));

#define MIB (1UL << 20)
#define RAM_END (64 * MIB)
#define IMAGE_AT (32 * MIB)

static uint64_t next_page;
static unsigned int pages_left;

static hpa_t test_page(void)
{
    if (pages_left == 0)
        return hpa_of(0);
    pages_left--;
    next_page -= PAGE_SIZE;
    memset(phys_to_virt(hpa_of(next_page)), 0, PAGE_SIZE);
    return hpa_of(next_page);
}

/* Each leaf of the tables, with the address it maps. */
struct leaf { uint64_t va, entry; unsigned int level; };
typedef void leaf_fn(struct leaf l, void *ctx);

static void walk(uint64_t table_phys, unsigned int level, uint64_t va, leaf_fn *fn, void *ctx)
{
    const uint64_t *table = phys_to_virt(hpa_of(table_phys));

    for (uint64_t i = 0; i < 512; i++) {
        uint64_t at = va | i << level_shift(level);

        if (level == 4 && i >= 256)
            at |= 0xffff000000000000UL;
        if (!(table[i] & PTE_P))
            continue;
        if (level == 1 || (table[i] & PTE_LARGE))
            fn((struct leaf){ at, table[i], level }, ctx);
        else
            walk(table[i] & PTE_ADDR, level - 1, at, fn, ctx);
    }
}

static void check_w_xor_x(struct leaf l, void *ctx)
{
    unsigned int *count = ctx;

    assert_true(!(l.entry & PTE_W) || (l.entry & PTE_NX));
    (*count)++;
}

static void nothing_is_writable_and_executable(void)
{
    unsigned int count = 0;

    walk(root.v, 4, 0, check_w_xor_x, &count);
    assert_true(count > 15);
}

static int setup(void **s)
{
    static const struct paging_range ram[] = { { 0, MIB }, { MIB, 16 * MIB }, { 18 * MIB, RAM_END } };
    const struct paging_request req = { ram, ARRAY_COUNT(ram), test_page };
    (void)s;
    fake_reset();
    fake_phys_init(RAM_END);
    next_page = RAM_END;
    pages_left = 1000;
    device_next = DEVICE_BASE;
    stack_next = STACK_BASE;
    paging_set_image(IMAGE_AT);
    paging_init(&req);
    return 0;
}

/* P, W and NX of the page at va; 0: not mapped. */
static uint64_t rights(uint64_t va)
{
    unsigned int level;
    const uint64_t *e = lookup(va, &level);

    return e == NULL ? 0 : *e & (PTE_P | PTE_W | PTE_NX);
}

static uint64_t at(const char *p) { return (uint64_t)(uintptr_t)p; }

static void the_parts_of_the_image_have_their_own_rights(void **s)
{
    (void)s;
    assert_true(loaded_root == root.v);
    assert_true(rights(at(text_start)) == PTE_P);
    assert_true(rights(at(text_end) - 1) == PTE_P);
    assert_true(rights(at(rodata_start)) == (PTE_P | PTE_NX));
    assert_true(rights(at(ro_after_init_start)) == (PTE_P | PTE_W | PTE_NX));
    assert_true(rights(at(data_end) - 1) == (PTE_P | PTE_W | PTE_NX));
    assert_true(rights(at(init_start)) == PTE_P);
    assert_true(rights(at(init_text_end)) == (PTE_P | PTE_W | PTE_NX));
    assert_true(rights(at(symbols_start)) == (PTE_P | PTE_NX));
    nothing_is_writable_and_executable();
}

static void the_direct_map_shows_ram_only_and_never_lets_code_be_changed(void **s)
{
    (void)s;
    assert_true(rights(DIRECT_MAP_BASE) == (PTE_P | PTE_W | PTE_NX));
    assert_true(rights(DIRECT_MAP_BASE + 17 * MIB) == 0);
    assert_true(rights(DIRECT_MAP_BASE + RAM_END) == 0);
    assert_true(rights(DIRECT_MAP_BASE + IMAGE_AT) == (PTE_P | PTE_NX));
    assert_true(rights(DIRECT_MAP_BASE + IMAGE_AT + PAGES(6)) == (PTE_P | PTE_W | PTE_NX));
    assert_true(rights(DIRECT_MAP_BASE + IMAGE_AT + PAGES(15)) == (PTE_P | PTE_W | PTE_NX));
    assert_true(paging_is_direct_mapped(hpa_of(MIB), MIB));
    assert_false(paging_is_direct_mapped(hpa_of(15 * MIB), 2 * MIB));
    assert_false(paging_is_direct_mapped(hpa_of(MIB), UINT64_MAX));
}

static void sealing_takes_init_away_and_freezes_what_is_set_at_boot(void **s)
{
    struct paging_range r;
    (void)s;
    r = paging_seal();
    assert_int_equal(r.start, IMAGE_AT + PAGES(10));
    assert_int_equal(r.end, IMAGE_AT + PAGES(13));
    assert_true(rights(at(init_start)) == 0);
    assert_true(rights(at(init_end) - 1) == 0);
    assert_true(rights(at(ro_after_init_start)) == (PTE_P | PTE_NX));
    assert_true(rights(DIRECT_MAP_BASE + IMAGE_AT + PAGES(5)) == (PTE_P | PTE_NX));
    assert_true(rights(DIRECT_MAP_BASE + IMAGE_AT + PAGES(10)) == (PTE_P | PTE_W | PTE_NX));
    nothing_is_writable_and_executable();
}

static void a_stack_has_an_unmapped_page_below_and_above(void **s)
{
    uint64_t a, b;
    (void)s;
    a = (uint64_t)(uintptr_t)real_map_stack(4);
    b = (uint64_t)(uintptr_t)real_map_stack(2);
    for (uint64_t p = a - PAGES(4); p < a; p += PAGE_SIZE)
        assert_true(rights(p) == (PTE_P | PTE_W | PTE_NX));
    assert_true(rights(a - PAGES(5)) == 0);
    assert_true(rights(a) == 0);
    assert_true(rights(b - PAGES(3)) == 0);
    assert_true(rights(b) == 0);
}

static void devices_are_mapped_with_their_cache_type_and_unmapped(void **s)
{
    unsigned int level;
    char *uc = real_map_device(hpa_of(0xfee00030), 16, MAP_UC);
    char *wc = real_map_device(hpa_of(0xfd000000), 8 * MIB, MAP_WC);
    char *ecam = real_map_device(hpa_of(0xb0000000), 256 * MIB, MAP_UC);
    (void)s;
    assert_int_equal(at(uc) & 0xfff, 0x30);
    assert_true(*lookup(at(uc), &level) == (0xfee00000 | PTE_P | PTE_W | PTE_NX | PTE_PCD | PTE_PWT));
    assert_int_equal(level, 1);
    assert_true(*lookup(at(wc) + 5 * MIB, &level) ==
                (0xfd500000 | PTE_P | PTE_W | PTE_NX | PTE_PAT_4K | PTE_PWT));
    assert_non_null(lookup(at(ecam) + 100 * MIB, &level));
    assert_int_equal(level, 2);
    real_unmap_device(uc, 16);
    assert_true(rights(at(uc)) == 0);
    real_unmap_device(ecam, 256 * MIB);
    assert_true(rights(at(ecam) + 255 * MIB) == 0);
    assert_true(rights(at(wc)) != 0);
    assert_null(real_map_device(hpa_of(0x1000), 0, MAP_UC));
    assert_null(real_map_device(hpa_of(0x1000), SIZE_MAX, MAP_UC));
    assert_null(real_map_device(hpa_of(0x1000), 1UL << 40, MAP_UC));
}

static void running_out_of_pages_is_told_not_suffered(void **s)
{
    (void)s;
    for (unsigned int n = 0; n < 8; n++) {
        pages_left = n;
        stack_next = STACK_BASE + n * AREA_SIZE / 16;      /* new tables each time */
        (void)real_map_stack(6);
        nothing_is_writable_and_executable();
    }
    pages_left = 0;
    assert_null(real_map_stack(1));
    device_next = DEVICE_BASE + AREA_SIZE / 2;
    assert_null(real_map_device(hpa_of(0x1000), 16, MAP_UC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_parts_of_the_image_have_their_own_rights, setup),
        cmocka_unit_test_setup(the_direct_map_shows_ram_only_and_never_lets_code_be_changed, setup),
        cmocka_unit_test_setup(sealing_takes_init_away_and_freezes_what_is_set_at_boot, setup),
        cmocka_unit_test_setup(a_stack_has_an_unmapped_page_below_and_above, setup),
        cmocka_unit_test_setup(devices_are_mapped_with_their_cache_type_and_unmapped, setup),
        cmocka_unit_test_setup(running_out_of_pages_is_told_not_suffered, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
