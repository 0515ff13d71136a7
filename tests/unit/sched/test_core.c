/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched/sched.h>

#include "fake.h"
#include "machine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <x86/softirq.h>
#include <x86/time.h>

#include <cmocka.h>

static int one_cpu(void **state) { (void)state; machine_start(1, SCHED_ID_CREDIT2); return 0; }
static int two_cpus(void **state) { (void)state; machine_start(2, SCHED_ID_CREDIT2); return 0; }

static void a_unit_that_is_down_does_not_run_until_it_is_brought_up(void **state)
{
    struct sched_unit *u = machine_unit(0);

    (void)state;
    machine_settle(1);
    assert_null(machine_step(0));
    sched_set_down(u, false);
    assert_ptr_equal(machine_step(0), u);
    assert_int_equal(u->runstate.state, RUNSTATE_running);
    sched_set_down(u, true);
    assert_null(machine_step(0));
    assert_false(u->on_cpu);
    assert_int_equal(u->runstate.state, RUNSTATE_offline);
}

static void a_wake_before_the_block_keeps_the_unit_running(void **state)
{
    struct sched_unit *u = machine_unit(0);

    (void)state;
    sched_set_down(u, false);
    assert_ptr_equal(machine_step(0), u);
    sched_block_prepare(u);
    sched_wake(u);
    sched_block(u);
    assert_false(u->blocked);
    assert_ptr_equal(machine_step(0), u);
    sched_block_prepare(u);
    sched_block(u);
    assert_true(u->blocked);
    assert_null(machine_step(0));
    assert_int_equal(u->runstate.state, RUNSTATE_blocked);
    assert_true(u->on_cpu);          /* it only sleeps: its registers stay */
    sched_wake(u);
    assert_ptr_equal(machine_step(0), u);
}

static void a_wake_of_an_unblocked_unit_takes_no_scheduling_decision(void **state)
{
    struct sched_unit *u = machine_unit(0);

    (void)state;
    sched_set_down(u, false);
    machine_settle(1);
    sched_wake(u);
    assert_false(softirq_is_pending());
    assert_true(u->wake_pending);
}

static void a_kick_interrupts_a_unit_in_its_guest_and_wakes_one_that_sleeps(void **state)
{
    struct sched_unit *u = machine_unit(0);
    unsigned int before;

    (void)state;
    sched_set_down(u, false);
    machine_settle(2);
    assert_int_equal(u->cpu, 0);
    fake_cpu_switch(1);
    before = fake_kicks(0);
    sched_kick(u);
    assert_int_equal(fake_kicks(0), before + 1);
    fake_cpu_switch(0);
    sched_block_prepare(u);
    sched_block(u);
    assert_null(machine_step(0));
    fake_cpu_switch(1);
    before = fake_kicks(0);
    sched_kick(u);
    assert_int_equal(fake_kicks(0), before + 1);      /* for the decision alone */
    assert_ptr_equal(machine_step(0), u);
}

static void pauses_nest(void **state)
{
    struct sched_unit *u = machine_unit(0);

    (void)state;
    sched_set_down(u, false);
    assert_ptr_equal(machine_step(0), u);
    sched_pause(u);
    sched_pause(u);
    assert_true(sched_must_leave(u));
    assert_null(machine_step(0));
    assert_false(u->on_cpu);
    sched_unpause(u);
    assert_null(machine_step(0));
    sched_wake(u);
    assert_null(machine_step(0));
    sched_unpause(u);
    assert_ptr_equal(machine_step(0), u);
}

static void a_paused_sleeper_gives_up_its_registers_and_wakes_after_the_pause(void **state)
{
    struct sched_unit *u = machine_unit(0);

    (void)state;
    sched_set_down(u, false);
    machine_settle(1);
    sched_block_prepare(u);
    sched_block(u);
    assert_null(machine_step(0));
    sched_pause(u);
    machine_settle(1);
    assert_false(u->on_cpu);
    sched_wake(u);
    machine_settle(1);
    assert_false(u->on_cpu);
    sched_unpause(u);
    assert_ptr_equal(machine_step(0), u);
}

static void affinity_that_excludes_every_cpu_is_refused_and_changes_nothing(void **state)
{
    struct sched_unit *u = machine_unit(0);
    struct cpumask none = { { 0 } }, absent = only(5), before = u->hard;

    (void)state;
    assert_int_equal(sched_set_affinity(u, &none, NULL), -EINVAL);
    assert_int_equal(sched_set_affinity(u, &absent, &absent), -EINVAL);
    assert_memory_equal(&u->hard, &before, sizeof(before));
    assert_memory_equal(&u->soft, &before, sizeof(before));
}

static void a_running_unit_moves_when_its_affinity_says_so(void **state)
{
    struct sched_unit *u = machine_unit(0);
    struct cpumask second = only(1), first = only(0);

    (void)state;
    sched_set_down(u, false);
    machine_settle(2);
    assert_ptr_equal(machine.held[0], u);
    assert_int_equal(sched_set_affinity(u, &second, NULL), 0);
    machine_settle(2);
    assert_null(machine.held[0]);
    assert_ptr_equal(machine.held[1], u);
    /* The same while it sleeps with its registers on the CPU, and while it waits. */
    sched_block_prepare(u);
    fake_cpu_switch(1);
    sched_block(u);
    fake_cpu_switch(0);
    machine_settle(2);
    assert_int_equal(sched_set_affinity(u, &first, NULL), 0);
    machine_settle(2);
    assert_false(u->on_cpu);
    sched_wake(u);
    machine_settle(2);
    assert_ptr_equal(machine.held[0], u);
}

static void a_wake_finds_the_cpu_that_keeps_the_registers_else_another_idle_one(void **state)
{
    struct sched_unit *a = machine_unit(0), *b = machine_unit(0);

    (void)state;
    sched_set_down(a, false);
    machine_settle(2);
    sched_set_down(b, false);
    machine_settle(2);
    assert_true(a->on_cpu && b->on_cpu);
    assert_int_not_equal(a->cpu, b->cpu);
    sched_block_prepare(a);
    fake_cpu_switch(a->cpu);
    sched_block(a);
    fake_cpu_switch(0);
    machine_settle(2);
    sched_wake(a);
    machine_settle(2);
    assert_int_equal(a->runstate.state, RUNSTATE_running);
    assert_int_not_equal(a->cpu, b->cpu);
}

static void two_hogs_on_one_cpu_take_turns(void **state)
{
    struct sched_unit *a = machine_unit(0), *b = machine_unit(0);
    struct vcpu_runstate_info ra, rb;

    (void)state;
    sched_set_down(a, false);
    sched_set_down(b, false);
    machine_settle(1);
    machine_pass(2 * NS_PER_SEC, 1);
    runstate_get(&a->runstate, time_now(), &ra);
    runstate_get(&b->runstate, time_now(), &rb);
    assert_true(ra.time[RUNSTATE_running] > 97 * NS_PER_SEC / 100);
    assert_true(rb.time[RUNSTATE_running] > 97 * NS_PER_SEC / 100);
    assert_true(ra.time[RUNSTATE_running] + rb.time[RUNSTATE_running] >= 199 * NS_PER_SEC / 100);
}

static void one_alone_needs_no_timer(void **state)
{
    struct sched_unit *u = machine_unit(0);

    (void)state;
    sched_set_down(u, false);
    machine_settle(1);
    assert_int_equal(fake_timer_deadline(0), NS_NEVER);
}

static void a_cap_is_kept_and_parked_units_come_back(void **state)
{
    struct sched_unit *u = machine_unit(0);
    struct vcpu_runstate_info r;

    (void)state;
    assert_int_equal(sched_group_set(&machine.group[0], 0, 0), -EINVAL);
    assert_int_equal(sched_group_set(&machine.group[0], 256, 40), 0);
    sched_set_down(u, false);
    machine_settle(2);
    machine_pass(NS_PER_SEC, 2);
    runstate_get(&u->runstate, time_now(), &r);
    assert_true(r.time[RUNSTATE_running] <= 42 * NS_PER_SEC / 100);
    assert_true(r.time[RUNSTATE_running] >= 38 * NS_PER_SEC / 100);
    /* Pinning it elsewhere while it is parked loses nothing. */
    for (unsigned int i = 0; i < 20; i++) {
        struct cpumask m = only(i & 1);

        assert_int_equal(sched_set_affinity(u, &m, NULL), 0);
        machine_pass(3 * NS_PER_MS + i * 100 * NS_PER_US, 2);
    }
    assert_int_equal(sched_group_set(&machine.group[0], 256, 0), 0);
    machine_settle(2);
    assert_int_equal(u->runstate.state, RUNSTATE_running);
}

static void a_unit_is_taken_away_while_it_waits(void **state)
{
    struct sched_unit *a = machine_unit(0), *b = machine_unit(0);

    (void)state;
    sched_set_down(a, false);
    machine_settle(1);
    sched_set_down(b, false);
    assert_ptr_equal(machine_step(0), a);
    assert_int_equal(b->runstate.state, RUNSTATE_runnable);
    sched_unit_fini(b);
    sched_group_fini(&machine.group[1]);
    machine_pass(50 * NS_PER_MS, 1);
    assert_ptr_equal(machine.held[0], a);
    sched_unit_fini(b);              /* twice is once */
}

static void a_yield_lets_the_other_one_run(void **state)
{
    struct sched_unit *a = machine_unit(0), *b = machine_unit(0), *first;

    (void)state;
    sched_set_down(a, false);
    sched_set_down(b, false);
    machine_settle(1);
    first = machine.held[0];
    sched_give_way(first);
    assert_ptr_not_equal(machine_step(0), first);
    assert_false(softirq_is_pending());          /* the one decision has set the timer for the one that waits */
    assert_true(fake_timer_deadline(0) != NS_NEVER);
}

static void idle_time_counts_only_idleness(void **state)
{
    (void)state;
    fake_time_set(NS_PER_SEC);
    sched_idle_begin();
    fake_time_advance(5 * NS_PER_MS);
    assert_int_equal(sched_cpu_idle_time(0), 5 * NS_PER_MS);
    sched_idle_end();
    fake_time_advance(5 * NS_PER_MS);
    assert_int_equal(sched_cpu_idle_time(0), 5 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_unit_that_is_down_does_not_run_until_it_is_brought_up, one_cpu),
        cmocka_unit_test_setup(a_wake_before_the_block_keeps_the_unit_running, one_cpu),
        cmocka_unit_test_setup(a_wake_of_an_unblocked_unit_takes_no_scheduling_decision, one_cpu),
        cmocka_unit_test_setup(a_kick_interrupts_a_unit_in_its_guest_and_wakes_one_that_sleeps, two_cpus),
        cmocka_unit_test_setup(pauses_nest, one_cpu),
        cmocka_unit_test_setup(a_paused_sleeper_gives_up_its_registers_and_wakes_after_the_pause, one_cpu),
        cmocka_unit_test_setup(affinity_that_excludes_every_cpu_is_refused_and_changes_nothing, two_cpus),
        cmocka_unit_test_setup(a_running_unit_moves_when_its_affinity_says_so, two_cpus),
        cmocka_unit_test_setup(a_wake_finds_the_cpu_that_keeps_the_registers_else_another_idle_one, two_cpus),
        cmocka_unit_test_setup(two_hogs_on_one_cpu_take_turns, one_cpu),
        cmocka_unit_test_setup(one_alone_needs_no_timer, one_cpu),
        cmocka_unit_test_setup(a_cap_is_kept_and_parked_units_come_back, two_cpus),
        cmocka_unit_test_setup(a_unit_is_taken_away_while_it_waits, one_cpu),
        cmocka_unit_test_setup(a_yield_lets_the_other_one_run, one_cpu),
        cmocka_unit_test_setup(idle_time_counts_only_idleness, one_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
