/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's memory through its own page tables: what is remembered of a walk must never outlive what made it. */
#include <domain/guest_access.h>

#include "world.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define TABLES 0x200000UL          /* PML4, PDPT, PD, PT one after the other */
#define DATA_A 0x300000UL
#define DATA_B 0x301000UL
#define VA 0xffff888000123000UL
#define PRESENT 0x1UL
#define WRITABLE 0x2UL
#define ACCESSED_DIRTY 0x60UL

static uint64_t at(unsigned int level)
{
    return TABLES + level * PAGE_SIZE + ((VA >> (39 - 9 * level)) & 511) * 8;
}

static void set_entry(unsigned int level, uint64_t value)
{
    world_put_at(world.dom0, at(level), &value, sizeof(value));
}

static uint64_t get_entry(unsigned int level)
{
    uint64_t value;

    world_get(world.dom0, at(level), &value, sizeof(value));
    return value;
}

static int paging(void **state)
{
    uint32_t a = 0xaaaaaaaa, b = 0xbbbbbbbb;
    struct guest_seg code = { .selector = 8, .limit = 0xffffffff, .attr = 0xa09b };
    int rc = world_setup(state);

    if (rc != 0)
        return rc;
    for (unsigned int level = 0; level < 3; level++)
        set_entry(level, (TABLES + (level + 1) * PAGE_SIZE) | PRESENT | WRITABLE);
    set_entry(3, DATA_A | PRESENT | WRITABLE);
    world_put_at(world.dom0, DATA_A, &a, sizeof(a));
    world_put_at(world.dom0, DATA_B, &b, sizeof(b));
    this_cpu()->current = world.v0;
    hw_load(&world.v0->hw);
    assert_true(hw_set_cr(&world.v0->hw, 4, CR4_PAE));
    assert_true(hw_set_efer(&world.v0->hw, EFER_LME));
    assert_true(hw_set_cr(&world.v0->hw, 3, TABLES));
    assert_true(hw_set_cr(&world.v0->hw, 0, CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_ET));
    hw_set_seg(&world.v0->hw, SEG_CS, &code);
    return 0;
}

/* The same as any other domain, whose frames can go away: under the map's lock. */
static int paging_of_a_guest(void **state)
{
    int rc = paging(state);

    world.dom0->is_dom0 = false;
    return rc;
}

static int teardown_of_a_guest(void **state)
{
    world.dom0->is_dom0 = true;
    return world_teardown(state);
}

static uint32_t read_value(void)
{
    uint32_t v = 0;

    assert_int_equal(guest_read(world.v0, &v, gva_of(VA), sizeof(v)), 0);
    return v;
}

static void the_same_page_is_read_again_and_again(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(read_value(), 0xaaaaaaaa);
    assert_int_equal(get_entry(3) & 0x20, 0x20);
}

static void a_changed_entry_of_any_level_is_seen_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)read_value();
    set_entry(3, DATA_B | PRESENT | WRITABLE | ACCESSED_DIRTY);
    assert_int_equal(read_value(), 0xbbbbbbbb);
    assert_int_equal(read_value(), 0xbbbbbbbb);
    for (unsigned int level = 0; level < 4; level++) {
        uint64_t entry = get_entry(level), v;

        set_entry(level, entry & ~PRESENT);
        assert_int_equal(guest_read(world.v0, &v, gva_of(VA), sizeof(v)), -EFAULT);
        set_entry(level, entry);
        assert_int_equal(read_value(), 0xbbbbbbbb);
    }
}

static void a_page_made_read_only_is_not_written_any_more(void **state)
{
    uint32_t v = 1, seen;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(guest_write(world.v0, gva_of(VA), &v, sizeof(v)), 0);
    assert_int_equal(guest_check_write(world.v0, gva_of(VA), PAGE_SIZE / 2), 0);
    assert_int_equal(read_value(), 1);
    set_entry(3, DATA_A | PRESENT | ACCESSED_DIRTY);
    v = 2;
    assert_int_equal(guest_check_write(world.v0, gva_of(VA), sizeof(v)), -EFAULT);
    assert_int_equal(guest_write(world.v0, gva_of(VA), &v, sizeof(v)), -EFAULT);
    world_get(world.dom0, DATA_A, &seen, sizeof(seen));
    assert_int_equal(seen, 1);
}

static void a_frame_that_left_the_physical_map_is_not_reached_any_more(void **state)
{
    struct slat_entry old;
    uint32_t v;

    (void)state;
    for (int i = 0; i < 3; i++)
        (void)read_value();
    assert_int_equal(p2m_clear(&world.dom0->p2m, gfn_of(DATA_A >> PAGE_SHIFT), &old), 0);
    assert_int_equal(guest_read(world.v0, &v, gva_of(VA), sizeof(v)), -EFAULT);
    assert_int_equal(p2m_set(&world.dom0->p2m, gfn_of(DATA_A >> PAGE_SHIFT), 0, old.mfn, old.type, NULL), 0);
}

static void other_page_tables_are_other_translations(void **state)
{
    uint64_t empty = 0x400000;
    uint32_t v;

    (void)state;
    for (int i = 0; i < 3; i++)
        (void)read_value();
    assert_true(hw_set_cr(&world.v0->hw, 3, empty));
    assert_int_equal(guest_read(world.v0, &v, gva_of(VA), sizeof(v)), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, paging, world_teardown), \
        { #name " (a guest)", name, paging_of_a_guest, teardown_of_a_guest, NULL }
        T(the_same_page_is_read_again_and_again),
        T(a_changed_entry_of_any_level_is_seen_at_once),
        T(a_page_made_read_only_is_not_written_any_more),
        T(a_frame_that_left_the_physical_map_is_not_reached_any_more),
        T(other_page_tables_are_other_translations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
