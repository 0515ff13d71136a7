/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/softirq.h>
#include <x86/spinlock.h>

#include "fake.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int setup(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

static void locks_nest_in_the_order_of_their_ranks(void **state)
{
    spinlock_t outer = SPINLOCK_INIT(LOCK_DOMAIN), inner = SPINLOCK_INIT(LOCK_P2M);

    (void)state;
    spin_lock(&outer);
    spin_lock(&inner);
    assert_true(spin_is_held(&outer) && spin_is_held(&inner));
    spin_unlock(&outer);
    assert_false(spin_is_held(&outer));
    spin_unlock(&inner);
    spin_lock(&outer);
    spin_unlock(&outer);
    assert_int_equal(this_cpu()->held_count, 0);
}

static void a_lock_of_lower_or_equal_rank_is_refused(void **state)
{
    spinlock_t outer = SPINLOCK_INIT(LOCK_DOMAIN), inner = SPINLOCK_INIT(LOCK_P2M);
    spinlock_t same = SPINLOCK_INIT(LOCK_P2M);

    (void)state;
    spin_lock(&inner);
    FAKE_EXPECT_BUG(spin_lock(&outer));
    FAKE_EXPECT_BUG(spin_lock(&same));
    FAKE_EXPECT_BUG(spin_lock(&inner));
    spin_unlock(&inner);
}

static void a_pair_of_one_rank_is_taken_in_address_order(void **state)
{
    spinlock_t l[2] = { SPINLOCK_INIT(LOCK_EVTCHN), SPINLOCK_INIT(LOCK_EVTCHN) };

    (void)state;
    spin_lock_pair(&l[1], &l[0]);
    assert_true(spin_is_held(&l[0]) && spin_is_held(&l[1]));
    spin_unlock_pair(&l[1], &l[0]);
    spin_lock_pair(&l[0], &l[0]);
    assert_int_equal(this_cpu()->held_count, 1);
    spin_unlock_pair(&l[0], &l[0]);
    assert_int_equal(this_cpu()->held_count, 0);
}

static void irqsave_locks_turn_interrupts_off_and_admit_only_their_like(void **state)
{
    spinlock_t timer = SPINLOCK_INIT(LOCK_TIMER), heap = SPINLOCK_INIT(LOCK_HEAP);
    spinlock_t console = SPINLOCK_INIT(LOCK_CONSOLE);
    uint64_t flags, inner;

    (void)state;
    flags = spin_lock_irqsave(&timer);
    assert_false(cpu_irqs_enabled());
    inner = spin_lock_irqsave(&console);
    spin_unlock_irqrestore(&console, inner);
    assert_false(cpu_irqs_enabled());
    FAKE_EXPECT_BUG(spin_lock(&heap));
    spin_unlock_irqrestore(&timer, flags);
    assert_true(cpu_irqs_enabled());
}

static void a_handler_may_interrupt_the_holder_of_an_inner_lock(void **state)
{
    spinlock_t frames = SPINLOCK_INIT(LOCK_FRAMES), irq = SPINLOCK_INIT(LOCK_IRQ);
    uint64_t flags;

    (void)state;
    spin_lock(&frames);
    this_cpu()->irq_depth++;
    flags = spin_lock_irqsave(&irq);
    spin_unlock_irqrestore(&irq, flags);
    this_cpu()->irq_depth--;
    spin_unlock(&frames);
    this_cpu()->irq_depth++;
    FAKE_EXPECT_BUG(spin_lock(&frames));
    this_cpu()->irq_depth--;
}

static void trylock_fails_while_another_cpu_holds_the_lock(void **state)
{
    spinlock_t l = SPINLOCK_INIT(LOCK_SCHED);

    (void)state;
    fake_cpu_set_count(2);
    spin_lock(&l);
    fake_cpu_switch(1);
    assert_false(spin_trylock(&l));
    assert_false(spin_is_held(&l));
    fake_cpu_switch(0);
    spin_unlock(&l);
    assert_true(spin_trylock(&l));
    spin_unlock(&l);
}

static int timer_runs, sched_runs;
static void on_timer(void)
{
    if (timer_runs++ == 0)
        softirq_raise(SOFTIRQ_SCHED);
}
static void on_sched(void) { sched_runs++; }

static void softirqs_run_until_none_is_pending(void **state)
{
    (void)state;
    softirq_set_handler(SOFTIRQ_TIMER, on_timer);
    softirq_set_handler(SOFTIRQ_SCHED, on_sched);
    softirq_raise(SOFTIRQ_TIMER);
    assert_true(softirq_is_pending());
    softirq_run();
    assert_false(softirq_is_pending());
    assert_int_equal(timer_runs, 1);
    assert_int_equal(sched_runs, 1);
}

static void a_softirq_for_another_cpu_kicks_it_once(void **state)
{
    (void)state;
    fake_cpu_set_count(3);
    softirq_raise_on(2, SOFTIRQ_SCHED);
    softirq_raise_on(2, SOFTIRQ_SCHED);
    softirq_raise_on(0, SOFTIRQ_SCHED);
    assert_int_equal(fake_kicks(2), 1);
    assert_int_equal(fake_kicks(0), 0);
    fake_cpu_switch(2);
    assert_true(softirq_is_pending());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(locks_nest_in_the_order_of_their_ranks, setup),
        cmocka_unit_test_setup(a_lock_of_lower_or_equal_rank_is_refused, setup),
        cmocka_unit_test_setup(a_pair_of_one_rank_is_taken_in_address_order, setup),
        cmocka_unit_test_setup(irqsave_locks_turn_interrupts_off_and_admit_only_their_like, setup),
        cmocka_unit_test_setup(a_handler_may_interrupt_the_holder_of_an_inner_lock, setup),
        cmocka_unit_test_setup(trylock_fails_while_another_cpu_holds_the_lock, setup),
        cmocka_unit_test_setup(softirqs_run_until_none_is_pending, setup),
        cmocka_unit_test_setup(a_softirq_for_another_cpu_kicks_it_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
