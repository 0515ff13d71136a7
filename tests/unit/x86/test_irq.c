/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/irq.h>

#include "fake.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <x86/acpi.h>

#define MASKED BIT(16)
#define LEVEL BIT(15)
#define LOW BIT(13)

static unsigned int fired, last_irq;
static void on_irq(void *ctx, unsigned int irq)
{
    (void)ctx;
    assert_false(cpu_irqs_enabled());
    fired++;
    last_irq = irq;
}
static const struct irq_handler handler = { on_irq, NULL };

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake_ioapic_present(2);
    fired = 0;
    return 0;
}

static void a_bound_gsi_stays_masked_until_it_is_unmasked(void **state)
{
    (void)state;
    assert_int_equal(irq_gsi_bind(30, false, false, 0, handler), 0);
    assert_true(fake_ioapic_rte(1, 6) & MASKED);
    assert_false(fake_gsi_fire(30));
    irq_gsi_unmask(30);
    assert_true(fake_gsi_fire(30));
    assert_int_equal(fired, 1);
    assert_int_equal(last_irq, 30);
    assert_int_equal(fake_lapic_eois(), 1);
}

static void a_level_gsi_is_silent_until_its_end(void **state)
{
    (void)state;
    assert_int_equal(irq_gsi_bind(9, true, true, 0, handler), 0);
    irq_gsi_unmask(9);
    assert_int_equal(fake_ioapic_rte(0, 9) & (LEVEL | LOW | MASKED), LEVEL | LOW);
    assert_true(fake_gsi_fire(9));
    assert_false(fake_gsi_fire(9));
    irq_gsi_eoi(9);
    assert_true(fake_gsi_fire(9));
    assert_int_equal(fired, 2);
}

static void the_end_of_a_level_gsi_respects_a_mask_set_meanwhile(void **state)
{
    (void)state;
    assert_int_equal(irq_gsi_bind(9, true, true, 0, handler), 0);
    irq_gsi_unmask(9);
    assert_true(fake_gsi_fire(9));
    irq_gsi_mask(9);
    irq_gsi_eoi(9);
    assert_false(fake_gsi_fire(9));
    irq_gsi_unmask(9);
    assert_true(fake_gsi_fire(9));
    irq_gsi_unmask(9);
    assert_false(fake_gsi_fire(9));
}

static void a_taken_or_missing_gsi_is_refused(void **state)
{
    (void)state;
    assert_int_equal(irq_gsi_count(), 48);
    assert_int_equal(irq_gsi_bind(48, false, false, 0, handler), -EINVAL);
    assert_int_equal(irq_gsi_bind(4, false, false, 1, handler), -EINVAL);
    assert_int_equal(irq_gsi_bind(4, false, false, 0, handler), 0);
    assert_int_equal(irq_gsi_bind(4, false, false, 0, handler), -EBUSY);
    irq_gsi_unbind(4);
    assert_true(fake_ioapic_rte(0, 4) & MASKED);
    assert_int_equal(irq_gsi_bind(4, false, false, 0, handler), 0);
    irq_gsi_eoi(1000);
    irq_gsi_mask(1000);
    irq_gsi_unbind(5);
}

static void a_gsi_follows_the_cpu_it_is_given(void **state)
{
    (void)state;
    fake_cpu_set_count(4);
    assert_int_equal(irq_gsi_bind(4, false, false, 1, handler), 0);
    assert_int_equal(fake_ioapic_rte(0, 4) >> 56, percpu_of(1)->apic_id);
    assert_int_equal(irq_gsi_set_cpu(4, 3), 0);
    assert_int_equal(fake_ioapic_rte(0, 4) >> 56, percpu_of(3)->apic_id);
    assert_int_equal(irq_gsi_set_cpu(4, 4), -EINVAL);
    percpu_of(2)->apic_id = 300;
    assert_int_equal(irq_gsi_set_cpu(4, 2), 0);
    assert_int_equal(fake_ioapic_rte(0, 4) >> 56, percpu_of(0)->apic_id);
}

static void msi_blocks_are_aligned_and_come_back(void **state)
{
    struct irq_msi one, eight, again;

    (void)state;
    assert_int_equal(irq_msi_bind(0, 1, handler, &one), 0);
    assert_int_equal(irq_msi_bind(0, 8, handler, &eight), 0);
    assert_int_equal(eight.vector % 8, 0);
    assert_int_equal(eight.data, eight.vector);
    assert_int_equal(eight.address, 0xfee00000);
    assert_int_equal(irq_msi_bind(0, 3, handler, &again), -EINVAL);
    cpu_irq_disable();
    irq_dispatch((uint8_t)(eight.vector + 5));
    cpu_irq_enable();
    assert_int_equal(last_irq, eight.vector + 5);
    irq_msi_unbind(eight.vector);
    assert_int_equal(irq_msi_bind(0, 8, handler, &again), 0);
    assert_int_equal(again.vector, eight.vector);
}

static void vectors_run_out_in_order(void **state)
{
    struct irq_msi msi;
    unsigned int n = 0;

    (void)state;
    while (irq_msi_bind(0, 1, handler, &msi) == 0)
        n++;
    assert_int_equal(n, 192);
    assert_int_equal(irq_gsi_bind(1, false, false, 0, handler), -ENOSPC);
}

static void a_vector_of_nobody_is_counted_and_ignored(void **state)
{
    (void)state;
    cpu_irq_disable();
    irq_dispatch(0x40);
    irq_dispatch(0x27);
    irq_dispatch(0xff);
    assert_int_equal(fired, 0);
    assert_int_equal(fake_lapic_eois(), 0);
    irq_dump();
}

static void isa_lines_follow_the_overrides(void **state)
{
    static struct acpi_info acpi = { .override_count = 2, .override = {
        { .source = 0, .gsi = 2, .flags = 0 }, { .source = 9, .gsi = 9, .flags = 0xd } } };
    struct irq_isa_route r;

    (void)state;
    acpi_set_host(&acpi);
    r = irq_isa_route(0);
    assert_true(r.gsi == 2 && !r.level && !r.active_low);
    acpi.override[1].flags = 0xf;
    r = irq_isa_route(9);
    assert_true(r.gsi == 9 && r.level && r.active_low);
    r = irq_isa_route(4);
    assert_true(r.gsi == 4 && !r.level && !r.active_low);
    acpi_set_host(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_bound_gsi_stays_masked_until_it_is_unmasked, setup),
        cmocka_unit_test_setup(a_level_gsi_is_silent_until_its_end, setup),
        cmocka_unit_test_setup(the_end_of_a_level_gsi_respects_a_mask_set_meanwhile, setup),
        cmocka_unit_test_setup(a_taken_or_missing_gsi_is_refused, setup),
        cmocka_unit_test_setup(a_gsi_follows_the_cpu_it_is_given, setup),
        cmocka_unit_test_setup(msi_blocks_are_aligned_and_come_back, setup),
        cmocka_unit_test_setup(vectors_run_out_in_order, setup),
        cmocka_unit_test_setup(a_vector_of_nobody_is_counted_and_ignored, setup),
        cmocka_unit_test_setup(isa_lines_follow_the_overrides, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
