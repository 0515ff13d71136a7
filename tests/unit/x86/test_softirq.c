/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/cpu.h>
#include <x86/softirq.h>

#include "fake.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static unsigned int halts, mwaits, seen_runs;
static const void *monitored;
static bool raise_late;

void __wrap_cpu_irq_enable_and_halt(void);
void __wrap_cpu_irq_enable_and_halt(void)
{
    halts++;
    cpu_irq_enable();
}

/* What another CPU does between MONITOR and the last look. */
void __wrap_cpu_monitor(const void *line);
void __wrap_cpu_monitor(const void *line)
{
    monitored = line;
    if (!raise_late)
        return;
    fake_cpu_switch(1);
    softirq_raise_on(0, SOFTIRQ_SCHED);
    fake_cpu_switch(0);
}

/* Another CPU raises one while this CPU sleeps. */
void __wrap_cpu_irq_enable_and_mwait(void);
void __wrap_cpu_irq_enable_and_mwait(void)
{
    mwaits++;
    cpu_irq_enable();
    fake_cpu_switch(1);
    softirq_raise_on(0, SOFTIRQ_SCHED);
    fake_cpu_switch(0);
}

static void seen(void) { seen_runs++; }

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake_cpu_set_count(2);
    halts = mwaits = seen_runs = 0;
    monitored = NULL;
    raise_late = false;
    softirq_set_handler(SOFTIRQ_SCHED, seen);
    fake_cpuid_set(0, 0, (struct cpuid_regs){ .eax = 5 });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .ecx = 8 });
    fake_cpuid_set(5, 0, (struct cpuid_regs){ .eax = 64, .ebx = 64, .ecx = 3, .edx = 0x20 });
    return 0;
}

static void a_cpu_in_hlt_is_woken_by_an_interrupt(void **state)
{
    (void)state;
    assert_false(softirq_allow_mwait(false));
    cpu_irq_disable();
    softirq_wait();
    assert_int_equal(halts, 1);
    assert_true(cpu_irqs_enabled());
    fake_cpu_switch(1);
    softirq_raise_on(0, SOFTIRQ_SCHED);
    assert_int_equal(fake_kicks(0), 1);
    fake_cpu_switch(0);
    cpu_irq_disable();
    softirq_wait();
    assert_int_equal(halts, 1);           /* not with something to do */
    assert_true(cpu_irqs_enabled());
}

static void a_cpu_in_mwait_is_woken_by_the_bit(void **state)
{
    (void)state;
    assert_true(softirq_allow_mwait(true));
    cpu_irq_disable();
    softirq_wait();
    assert_int_equal(mwaits, 1);
    assert_int_equal(halts, 0);
    assert_ptr_equal(monitored, &this_cpu()->softirq_pending);
    assert_int_equal(fake_kicks(0), 0);
    assert_true(cpu_irqs_enabled());
    softirq_run();
    assert_int_equal(seen_runs, 1);
    fake_cpu_switch(1);
    softirq_raise_on(0, SOFTIRQ_SCHED);   /* awake again: it wants an interrupt to leave a guest */
    assert_int_equal(fake_kicks(0), 1);
    fake_cpu_switch(0);
}

static void what_comes_before_the_sleep_is_not_slept_through(void **state)
{
    (void)state;
    assert_true(softirq_allow_mwait(true));
    raise_late = true;
    cpu_irq_disable();
    softirq_wait();
    assert_int_equal(mwaits, 0);
    assert_int_equal(fake_kicks(0), 0);
    assert_true(softirq_is_pending());
    assert_true(cpu_irqs_enabled());
}

static void mwait_wants_all_that_cpuid_says_of_it(void **state)
{
    (void)state;
    assert_true(softirq_allow_mwait(true));
    fake_cpuid_set(5, 0, (struct cpuid_regs){ .eax = 64, .ebx = 64, .ecx = 3, .edx = 0x1 });
    assert_false(softirq_allow_mwait(true));                  /* no C1 */
    fake_cpuid_set(5, 0, (struct cpuid_regs){ .eax = 64, .ebx = 64, .ecx = 0, .edx = 0x20 });
    assert_false(softirq_allow_mwait(true));                  /* nothing enumerated */
    fake_cpuid_set(5, 0, (struct cpuid_regs){ .ecx = 3, .edx = 0x20 });
    assert_false(softirq_allow_mwait(true));                  /* no line */
    fake_cpuid_set(5, 0, (struct cpuid_regs){ .eax = 64, .ebx = 64, .ecx = 3, .edx = 0x20 });
    fake_cpuid_set(0, 0, (struct cpuid_regs){ .eax = 4 });
    assert_false(softirq_allow_mwait(true));                  /* no leaf 5 */
    fake_cpuid_set(0, 0, (struct cpuid_regs){ .eax = 5 });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .ecx = 0 });
    assert_false(softirq_allow_mwait(true));                  /* no MONITOR */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_cpu_in_hlt_is_woken_by_an_interrupt, setup),
        cmocka_unit_test_setup(a_cpu_in_mwait_is_woken_by_the_bit, setup),
        cmocka_unit_test_setup(what_comes_before_the_sleep_is_not_slept_through, setup),
        cmocka_unit_test_setup(mwait_wants_all_that_cpuid_says_of_it, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
