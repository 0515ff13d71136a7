/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vioapic.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct world { struct vioapic io; struct vioapic_effect e; struct ioapic_msg msg; unsigned int ended, again, pin; };

static int setup(void **state)
{
    static struct world w;

    w = (struct world){ 0 };
    vioapic_init(&w.io, 0xfec00000, 0, 24, 1);
    *state = &w;
    return 0;
}

static uint32_t get(struct world *w, uint8_t reg)
{
    vioapic_write(&w->io, 0x00, reg, &w->e);
    return vioapic_read(&w->io, 0x10);
}
static void put(struct world *w, uint8_t reg, uint32_t v)
{
    vioapic_write(&w->io, 0x00, reg, &w->e);
    vioapic_write(&w->io, 0x10, v, &w->e);
}
static void count_eoi(void *ctx, unsigned int pin, const struct ioapic_msg *again)
{
    struct world *w = ctx;

    w->ended++;
    w->pin = pin;
    if (again != NULL)
        w->again++;
}

static void registers_read_as_an_82093aa(void **state)
{
    struct world *w = *state;

    assert_int_equal(get(w, 0), 1u << 24);
    assert_int_equal(get(w, 1), 0x00170011);
    for (uint8_t pin = 0; pin < 24; pin++)
        assert_int_equal(get(w, (uint8_t)(0x10 + 2 * pin)), 0x10000);
    assert_int_equal(get(w, 0x40), 0);
    assert_int_equal(vioapic_read(&w->io, 0x20), 0);
    put(w, 0, 0xff000000);
    assert_int_equal(get(w, 0), 0x0f000000);
}

static void read_only_bits_of_an_entry_stay(void **state)
{
    struct world *w = *state;

    put(w, 0x12, 0xffffffff);
    assert_int_equal(get(w, 0x12), 0x1afff);
    put(w, 0x13, 0xffffffff);
    assert_int_equal(get(w, 0x13), 0xff000000);
}

static void an_edge_pin_fires_on_the_rising_line_only(void **state)
{
    struct world *w = *state;

    put(w, 0x15, 0x03000000);
    put(w, 0x14, 0x0931);
    assert_int_equal(w->e.changed_pin, 2);
    assert_true(w->e.unmasked && !w->e.level);
    assert_true(vioapic_set_line(&w->io, 2, true, &w->msg));
    assert_int_equal(w->msg.vector, 0x31);
    assert_int_equal(w->msg.mode, 1);
    assert_int_equal(w->msg.dest, 3);
    assert_true(w->msg.logical && !w->msg.level);
    assert_false(vioapic_set_line(&w->io, 2, true, &w->msg));
    assert_false(vioapic_set_line(&w->io, 2, false, &w->msg));
    assert_true(vioapic_set_line(&w->io, 2, true, &w->msg));
    put(w, 0x14, 0x10931);
    assert_true(w->e.masked);
    vioapic_set_line(&w->io, 2, false, &w->msg);
    assert_false(vioapic_set_line(&w->io, 2, true, &w->msg));
    assert_false(vioapic_set_line(&w->io, 24, true, &w->msg));
}

static void a_level_pin_waits_for_eoi_and_fires_again_while_high(void **state)
{
    struct world *w = *state;

    put(w, 0x22, 0xa039);
    assert_true(w->e.level && w->e.active_low);
    assert_true(vioapic_set_line(&w->io, 9, true, &w->msg));
    assert_true(w->msg.level);
    assert_true(vioapic_pin_in_service(&w->io, 9));
    assert_false(vioapic_set_line(&w->io, 9, true, &w->msg));
    vioapic_eoi(&w->io, 0x38, count_eoi, w);
    assert_int_equal(w->ended, 0);
    vioapic_eoi(&w->io, 0x39, count_eoi, w);
    assert_int_equal(w->ended, 1);
    assert_int_equal(w->again, 1);
    assert_int_equal(w->pin, 9);
    vioapic_set_line(&w->io, 9, false, &w->msg);
    vioapic_eoi(&w->io, 0x39, count_eoi, w);
    assert_int_equal(w->ended, 2);
    assert_int_equal(w->again, 1);
    assert_false(vioapic_pin_in_service(&w->io, 9));
}

static void unmasking_a_high_level_line_delivers_at_once(void **state)
{
    struct world *w = *state;

    put(w, 0x20, 0x18044);
    assert_false(vioapic_set_line(&w->io, 8, true, &w->msg));
    put(w, 0x20, 0x08044);
    assert_true(w->e.unmasked && w->e.has_msg);
    assert_int_equal(w->e.msg.vector, 0x44);
    put(w, 0x20, 0x08044);
    assert_false(w->e.unmasked || w->e.has_msg);
}

static void flipping_to_edge_ends_the_interrupt(void **state)
{
    struct world *w = *state;

    put(w, 0x20, 0x08044);
    assert_true(vioapic_set_line(&w->io, 8, true, &w->msg));
    put(w, 0x20, 0x18044);
    assert_false(w->e.ended);
    put(w, 0x20, 0x10044);
    assert_true(w->e.ended);
    assert_false(vioapic_pin_in_service(&w->io, 8));
}

static void the_eoi_register_exists_from_version_20_on(void **state)
{
    struct world *w = *state;

    put(w, 0x20, 0x08044);
    assert_true(vioapic_set_line(&w->io, 8, true, &w->msg));
    vioapic_set_line(&w->io, 8, false, &w->msg);
    vioapic_write(&w->io, 0x40, 0x44, &w->e);
    assert_false(w->e.ended);
    w->io.version = 0x20;
    vioapic_write(&w->io, 0x40, 0x44, &w->e);
    assert_true(w->e.ended);
    assert_int_equal(w->e.changed_pin, 8);
}

static void pin_0_passes_the_pics_interrupts_on_where_it_is_set_so(void **state)
{
    struct world *w = *state;

    assert_false(vioapic_passes_extint(&w->io, &w->msg));
    put(w, 0x11, 3u << 24);
    put(w, 0x10, 0x700);
    assert_true(vioapic_passes_extint(&w->io, &w->msg));
    assert_int_equal(w->msg.dest, 3);
    assert_false(w->msg.logical);
    put(w, 0x10, 0x10700);
    assert_false(vioapic_passes_extint(&w->io, &w->msg));
    put(w, 0x10, 0x030);
    assert_false(vioapic_passes_extint(&w->io, &w->msg));
}

static void registers_beyond_the_pins_are_nobody(void **state)
{
    struct world *w = *state;

    for (unsigned int reg = 0; reg < 256; reg++) {
        put(w, (uint8_t)reg, 0xffffffff);
        (void)get(w, (uint8_t)reg);
        if (reg >= 0x10 + 48)
            assert_int_equal(w->e.changed_pin, -1);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(registers_read_as_an_82093aa),
        T(read_only_bits_of_an_entry_stay),
        T(an_edge_pin_fires_on_the_rising_line_only),
        T(a_level_pin_waits_for_eoi_and_fires_again_while_high),
        T(unmasking_a_high_level_line_delivers_at_once),
        T(flipping_to_edge_ends_the_interrupt),
        T(the_eoi_register_exists_from_version_20_on),
        T(pin_0_passes_the_pics_interrupts_on_where_it_is_set_so),
        T(registers_beyond_the_pins_are_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
