/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vpic.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct vpic p;

static void out(uint16_t port, uint8_t value) { vpic_write(&p, port, value); }

/* As BIOSes do: vectors 8 and 0x70, slave at input 2, no automatic EOI. */
static int setup(void **state)
{
    (void)state;
    vpic_init(&p);
    out(0x20, 0x11); out(0x21, 0x08); out(0x21, 0x04); out(0x21, 0x01);
    out(0xa0, 0x11); out(0xa1, 0x70); out(0xa1, 0x02); out(0xa1, 0x01);
    out(0x21, 0);
    out(0xa1, 0);
    return 0;
}

static void an_edge_is_delivered_once(void **state)
{
    (void)state;
    vpic_set_line(&p, 1, true);
    assert_true(vpic_output(&p));
    assert_int_equal(vpic_acknowledge(&p), 0x09);
    assert_false(vpic_output(&p));
    out(0x20, 0x20);
    assert_false(vpic_output(&p));
    vpic_set_line(&p, 1, false);
    vpic_set_line(&p, 1, true);
    assert_true(vpic_output(&p));
}

static void a_line_that_falls_before_it_is_taken_leaves_a_spurious_interrupt(void **state)
{
    (void)state;
    vpic_set_line(&p, 3, true);
    vpic_set_line(&p, 3, false);
    assert_false(vpic_output(&p));
    assert_int_equal(vpic_acknowledge(&p), 0x08 + 7);
    out(0x20, 0x0b);
    assert_int_equal(vpic_read(&p, 0x20), 0);
}

static void the_slave_comes_through_input_two(void **state)
{
    (void)state;
    vpic_set_line(&p, 8, true);
    assert_int_equal(vpic_acknowledge(&p), 0x70);
    out(0x20, 0x0b);
    out(0xa0, 0x0b);
    assert_int_equal(vpic_read(&p, 0x20), 0x04);
    assert_int_equal(vpic_read(&p, 0xa0), 0x01);
    vpic_set_line(&p, 12, true);
    assert_false(vpic_output(&p));             /* lower than the slave's first input */
    out(0xa0, 0x20);
    out(0x20, 0x20);
    assert_int_equal(vpic_acknowledge(&p), 0x74);
}

static void a_higher_priority_interrupts_a_lower_one_and_not_the_other_way(void **state)
{
    (void)state;
    vpic_set_line(&p, 4, true);
    assert_int_equal(vpic_acknowledge(&p), 0x0c);
    vpic_set_line(&p, 5, true);
    assert_false(vpic_output(&p));
    vpic_set_line(&p, 0, true);
    assert_true(vpic_output(&p));
    assert_int_equal(vpic_acknowledge(&p), 0x08);
    out(0x20, 0x20);                           /* ends the highest in service: 0 */
    assert_false(vpic_output(&p));
    out(0x20, 0x20);
    assert_int_equal(vpic_acknowledge(&p), 0x0d);
}

static void a_masked_input_waits(void **state)
{
    (void)state;
    out(0x21, 0x02);
    vpic_set_line(&p, 1, true);
    assert_false(vpic_output(&p));
    out(0x21, 0x00);
    assert_true(vpic_output(&p));
}

static void a_level_input_asks_again_as_long_as_its_line_is_high(void **state)
{
    (void)state;
    out(0x4d1, 0x0c);                          /* 10 and 11 */
    assert_int_equal(vpic_read(&p, 0x4d1), 0x0c);
    vpic_set_line(&p, 11, true);
    assert_int_equal(vpic_acknowledge(&p), 0x73);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    assert_true(vpic_output(&p));
    vpic_set_line(&p, 11, false);
    assert_false(vpic_output(&p));
}

static void timer_keyboard_clock_and_cascade_stay_edge_triggered(void **state)
{
    (void)state;
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    assert_int_equal(vpic_read(&p, 0x4d0), 0xf8);
    assert_int_equal(vpic_read(&p, 0x4d1), 0xde);
}

static void automatic_eoi_leaves_nothing_in_service(void **state)
{
    (void)state;
    out(0x20, 0x11); out(0x21, 0x08); out(0x21, 0x04); out(0x21, 0x03);
    vpic_set_line(&p, 1, true);
    assert_int_equal(vpic_acknowledge(&p), 0x09);
    out(0x20, 0x0b);
    assert_int_equal(vpic_read(&p, 0x20), 0);
}

static void rotation_puts_the_ended_one_last(void **state)
{
    (void)state;
    vpic_set_line(&p, 3, true);
    assert_int_equal(vpic_acknowledge(&p), 0x0b);
    out(0x20, 0xa0);                           /* rotate on non-specific EOI */
    vpic_set_line(&p, 3, false);
    vpic_set_line(&p, 3, true);
    vpic_set_line(&p, 4, true);
    assert_int_equal(vpic_acknowledge(&p), 0x0c);
}

static void special_mask_mode_lets_lower_ones_through(void **state)
{
    (void)state;
    vpic_set_line(&p, 1, true);
    (void)vpic_acknowledge(&p);
    vpic_set_line(&p, 6, true);
    assert_false(vpic_output(&p));
    out(0x21, 0x02);
    out(0x20, 0x68);
    assert_true(vpic_output(&p));
}

static void a_poll_is_an_acknowledge(void **state)
{
    (void)state;
    out(0x20, 0x0c);
    assert_int_equal(vpic_read(&p, 0x20), 0);
    vpic_set_line(&p, 6, true);
    out(0x20, 0x0c);
    assert_int_equal(vpic_read(&p, 0x20), 0x86);
    assert_false(vpic_output(&p));
}

static void a_record_is_taken_back_and_a_wrong_one_refused(void **state)
{
    struct vpic copy;

    (void)state;
    vpic_set_line(&p, 12, true);
    copy = p;
    vpic_init(&p);
    assert_int_equal(vpic_load(&p, 0, &copy.chip[0]), 0);
    assert_int_equal(vpic_load(&p, 1, &copy.chip[1]), 0);
    assert_int_equal(vpic_acknowledge(&p), 0x74);
    assert_int_equal(vpic_load(&p, 0, &copy.chip[1]), -EINVAL);
    copy.chip[0].irq_base = 3;
    assert_int_equal(vpic_load(&p, 0, &copy.chip[0]), -EINVAL);
}

static void any_sequence_of_accesses_is_survived(void **state)
{
    static const uint16_t ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };

    (void)state;
    srand(3);
    for (int i = 0; i < 200000; i++) {
        uint16_t port = ports[rand() % 6];

        switch (rand() % 4) {
        case 0: (void)vpic_read(&p, port); break;
        case 1: out(port, (uint8_t)rand()); break;
        case 2: vpic_set_line(&p, (unsigned int)rand() % 16, rand() % 2); break;
        default:
            if (vpic_output(&p))
                (void)vpic_acknowledge(&p);
        }
        assert_true(p.chip[0].is_master && !p.chip[1].is_master);
        assert_int_equal(p.chip[0].irq_base & 7, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
        T(an_edge_is_delivered_once),
        T(a_line_that_falls_before_it_is_taken_leaves_a_spurious_interrupt),
        T(the_slave_comes_through_input_two),
        T(a_higher_priority_interrupts_a_lower_one_and_not_the_other_way),
        T(a_masked_input_waits),
        T(a_level_input_asks_again_as_long_as_its_line_is_high),
        T(timer_keyboard_clock_and_cascade_stay_edge_triggered),
        T(automatic_eoi_leaves_nothing_in_service),
        T(rotation_puts_the_ended_one_last),
        T(special_mask_mode_lets_lower_ones_through),
        T(a_poll_is_an_acknowledge),
        T(a_record_is_taken_back_and_a_wrong_one_refused),
        T(any_sequence_of_accesses_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
