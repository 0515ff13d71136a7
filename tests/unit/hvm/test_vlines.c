/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vlines.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct vlines l;

static int setup(void **state)
{
    (void)state;
    memset(&l, 0, sizeof(l));
    return 0;
}

static void intx_reaches_the_ioapic_by_slot_and_pin(void **state)
{
    struct vlines_change c = vlines_set_intx(&l, 3, 0, true);

    (void)state;
    assert_int_equal(c.pins_changed, 1ULL << (16 + 12));
    assert_int_equal(c.pins, c.pins_changed);
    assert_int_equal(c.irqs_changed, 0);             /* no route */
    c = vlines_set_intx(&l, 8, 0, true);             /* 32 + 1 */
    assert_int_equal(c.pins_changed, 1ULL << (16 + 1));
}

static void a_routed_link_drives_the_isa_line_too(void **state)
{
    struct vlines_change c;

    (void)state;
    (void)vlines_set_route(&l, 3, 10);
    c = vlines_set_intx(&l, 3, 0, true);             /* link (3 + 0) & 3 */
    assert_int_equal(c.irqs_changed, 1 << 10);
    assert_int_equal(c.pins_changed, 1ULL << 28 | 1 << 10);
    c = vlines_set_route(&l, 3, 11);
    assert_int_equal(c.irqs_changed, 1 << 10 | 1 << 11);
    assert_int_equal(c.irqs, 1 << 11);
    c = vlines_set_route(&l, 3, 0);
    assert_int_equal(c.irqs, 0);
}

static void a_shared_line_falls_with_its_last_driver(void **state)
{
    struct vlines_change c;

    (void)state;
    (void)vlines_set_route(&l, 1, 5);
    (void)vlines_set_intx(&l, 1, 0, true);
    (void)vlines_set_intx(&l, 5, 0, true);
    c = vlines_set_intx(&l, 1, 0, false);
    assert_int_equal(c.irqs_changed, 0);
    c = vlines_set_intx(&l, 5, 0, false);
    assert_int_equal(c.irqs_changed, 1 << 5);
    assert_int_equal(c.irqs, 0);
}

static void ours_and_the_models_isa_lines_are_one(void **state)
{
    struct vlines_change c;

    (void)state;
    c = vlines_set_isa(&l, 9, true, true);
    assert_int_equal(c.pins_changed, 1 << 9);
    c = vlines_set_isa(&l, 9, false, true);
    assert_int_equal(c.pins_changed | c.irqs_changed, 0);
    c = vlines_set_isa(&l, 9, true, false);
    assert_int_equal(c.pins_changed, 0);
    c = vlines_set_isa(&l, 9, false, false);
    assert_int_equal(c.irqs_changed, 1 << 9);
}

static void the_timer_is_at_pin_two(void **state)
{
    struct vlines_change c = vlines_set_isa(&l, 0, true, true);

    (void)state;
    assert_int_equal(c.pins_changed, 1 << 2);
    assert_int_equal(c.irqs_changed, 1);
}

static void what_does_not_exist_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(vlines_set_isa(&l, 16, true, true).pins_changed, 0);
    assert_int_equal(vlines_set_intx(&l, 32, 0, true).pins_changed, 0);
    assert_int_equal(vlines_set_intx(&l, 0, 4, true).pins_changed, 0);
    assert_int_equal(vlines_set_route(&l, 4, 5).pins_changed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
        T(intx_reaches_the_ioapic_by_slot_and_pin),
        T(a_routed_link_drives_the_isa_line_too),
        T(a_shared_line_falls_with_its_last_driver),
        T(ours_and_the_models_isa_lines_are_one),
        T(the_timer_is_at_pin_two),
        T(what_does_not_exist_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
