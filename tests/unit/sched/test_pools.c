/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched/cpupool.h>

#include "fake.h"
#include "machine.h"

#include <errno.h>
#include <lib/bitmap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <x86/time.h>

#include <cmocka.h>

#define CPUS 4

static int four_cpus(void **state) { (void)state; machine_start(CPUS, SCHED_ID_CREDIT2); return 0; }
static int null_cpus(void **state) { (void)state; machine_start(2, SCHED_ID_NULL); return 0; }

static uint32_t make_pool(uint32_t sched_id, unsigned int cpu)
{
    uint32_t id = CPUPOOL_ANY;

    assert_int_equal(cpupool_create(&id, sched_id), 0);
    assert_int_equal(cpupool_remove_cpu(0, cpu), 0);
    assert_int_equal(cpupool_add_cpu(id, cpu), 0);
    machine_settle(CPUS);
    return id;
}

static void pool_0_has_all_cpus_at_boot(void **state)
{
    struct cpupool_info info;

    (void)state;
    assert_int_equal(cpupool_info(0, &info), 0);
    assert_int_equal(info.sched_id, SCHED_ID_CREDIT2);
    assert_int_equal(info.cpus.bits[0], 0xf);
    assert_int_equal(cpupool_info(1, &info), -ENOENT);
    assert_true(bitmap_is_empty(cpupool_free_cpus().bits, MAX_CPUS));
}

static void every_refusal_has_its_errno(void **state)
{
    uint32_t id = 3, same = 3, none = CPUPOOL_ANY;

    (void)state;
    assert_int_equal(cpupool_create(&none, 5), -EINVAL);
    assert_int_equal(cpupool_create(&id, SCHED_ID_NULL), 0);
    assert_int_equal(cpupool_create(&same, SCHED_ID_NULL), -EEXIST);
    assert_int_equal(cpupool_add_cpu(3, 1), -ENODEV);
    assert_int_equal(cpupool_add_cpu(3, 77), -EINVAL);
    assert_int_equal(cpupool_remove_cpu(3, 1), -EADDRNOTAVAIL);
    assert_int_equal(cpupool_remove_cpu(0, 0), -EINVAL);
    assert_int_equal(cpupool_add_cpu(3, CPUPOOL_ANY), -ENODEV);
    assert_int_equal(cpupool_remove_cpu(9, 1), -ENOENT);
    assert_int_equal(cpupool_remove_cpu(0, 77), -EINVAL);
    assert_int_equal(cpupool_remove_cpu(0, 1), 0);
    assert_int_equal(cpupool_add_cpu(9, 1), -ENOENT);
    assert_int_equal(cpupool_add_cpu(3, 1), 0);
    assert_int_equal(cpupool_destroy(3), -EBUSY);
    assert_int_equal(cpupool_destroy(9), -ENOENT);
    assert_int_equal(cpupool_destroy(0), -EBUSY);
    (void)machine_unit(0);
    assert_int_equal(cpupool_move(&machine.group[0], 9), -ENOENT);
    assert_int_equal(cpupool_remove_cpu(3, CPUPOOL_ANY), 0);
    assert_int_equal(cpupool_move(&machine.group[0], 3), -ENOENT);
    assert_int_equal(cpupool_destroy(3), 0);
    assert_int_equal(sched_set_ratelimit_us(0, 99), -EINVAL);
    assert_int_equal(sched_set_ratelimit_us(0, 500001), -EINVAL);
    assert_int_equal(sched_set_ratelimit_us(1, 0), -ENOENT);
    assert_int_equal(sched_set_ratelimit_us(0, 0), 0);
}

static void the_last_cpu_of_a_pool_with_domains_stays(void **state)
{
    uint32_t id = 3;

    (void)state;
    (void)machine_unit(0);
    for (unsigned int i = 1; i < CPUS; i++)
        assert_int_equal(cpupool_remove_cpu(0, i), 0);
    assert_int_equal(cpupool_remove_cpu(0, 0), -EINVAL);
    assert_int_equal(cpupool_create(&id, SCHED_ID_CREDIT2), 0);
    assert_int_equal(cpupool_add_cpu(3, 1), 0);
    assert_int_equal(cpupool_move(&machine.group[0], 3), 0);
    assert_int_equal(cpupool_remove_cpu(3, 1), -EBUSY);
    assert_int_equal(cpupool_remove_cpu(3, CPUPOOL_ANY), -EBUSY);
    assert_int_equal(cpupool_move(&machine.group[0], 0), 0);
    assert_int_equal(cpupool_remove_cpu(3, 1), 0);
}

static void a_domain_wants_a_pool_with_cpus(void **state)
{
    struct sched_group g;
    uint32_t id = CPUPOOL_ANY;

    (void)state;
    assert_int_equal(cpupool_create(&id, SCHED_ID_CREDIT2), 0);
    assert_int_equal(sched_group_init(&g, 7, id), -ENODEV);
    assert_int_equal(sched_group_init(&g, 7, 77), -ESRCH);
    sched_group_fini(&g);
}

static void a_cpu_that_leaves_lets_go_of_what_it_runs(void **state)
{
    struct sched_unit *u[4];

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        u[i] = machine_unit(0);
        sched_set_down(u[i], false);
    }
    machine_settle(CPUS);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(u[i]->runstate.state, RUNSTATE_running);
    assert_int_equal(cpupool_remove_cpu(0, 2), 0);
    machine_settle(CPUS);
    assert_null(machine.held[2]);
    machine_pass(200 * NS_PER_MS, CPUS);
    for (unsigned int i = 0; i < 4; i++) {
        struct vcpu_runstate_info r;

        runstate_get(&u[i]->runstate, time_now(), &r);
        assert_true(r.time[RUNSTATE_running] > 100 * NS_PER_MS);
    }
    assert_null(machine.held[2]);
}

static void a_pinned_unit_that_loses_its_last_cpu_may_run_on_all(void **state)
{
    struct sched_unit *u = machine_unit(0);
    struct cpumask m = only(2);

    (void)state;
    sched_set_down(u, false);
    assert_int_equal(sched_set_affinity(u, &m, NULL), 0);
    machine_settle(CPUS);
    assert_ptr_equal(machine.held[2], u);
    assert_int_equal(cpupool_remove_cpu(0, 2), 0);
    machine_settle(CPUS);
    assert_int_equal(u->runstate.state, RUNSTATE_running);
    assert_int_not_equal(u->cpu, 2);
}

static void a_running_domain_moves_to_a_pool_with_another_policy_and_back(void **state)
{
    struct sched_unit *u = machine_unit(0);
    uint32_t id;

    (void)state;
    id = make_pool(SCHED_ID_NULL, 3);
    sched_set_down(u, false);
    machine_settle(CPUS);
    for (unsigned int i = 0; i < 6; i++) {
        unsigned int cpu = u->cpu;

        /* cpupool_move() waits for this CPU: let it run there itself. */
        fake_cpu_switch(cpu);
        sched_pause(u);
        machine_settle(CPUS);
        assert_int_equal(cpupool_move(&machine.group[0], i % 2 ? 0 : id), 0);
        sched_unpause(u);
        fake_cpu_switch(0);
        machine_settle(CPUS);
        assert_int_equal(u->runstate.state, RUNSTATE_running);
        assert_int_equal(u->cpu == 3, i % 2 == 0);
        assert_int_equal(sched_group_pool(&machine.group[0]), i % 2 ? 0 : id);
    }
}

static void with_null_each_has_a_cpu_and_the_rest_wait_until_one_is_free(void **state)
{
    struct sched_unit *u[3];

    (void)state;
    for (unsigned int i = 0; i < 3; i++) {
        u[i] = machine_unit(0);
        sched_set_down(u[i], false);
    }
    machine_settle(2);
    machine_pass(100 * NS_PER_MS, 2);
    assert_ptr_equal(machine.held[0], u[0]);
    assert_ptr_equal(machine.held[1], u[1]);
    assert_int_equal(fake_timer_deadline(0), NS_NEVER);
    assert_int_equal(u[2]->runstate.state, RUNSTATE_runnable);
    sched_set_down(u[0], true);
    machine_settle(2);
    assert_ptr_equal(machine.held[0], u[2]);
    /* One that only sleeps keeps its CPU. */
    sched_set_down(u[0], false);
    fake_cpu_switch(1);
    sched_block_prepare(u[1]);
    sched_block(u[1]);
    fake_cpu_switch(0);
    machine_settle(2);
    assert_int_equal(u[0]->runstate.state, RUNSTATE_runnable);
    sched_wake(u[1]);
    machine_settle(2);
    assert_int_equal(u[1]->runstate.state, RUNSTATE_running);
}

/* Whatever is done in whatever order: nobody is on two CPUs, nobody is lost. */
static void random_commands_lose_nobody(void **state)
{
    uint64_t seed = 42;
    uint32_t null_pool;

    (void)state;
    null_pool = make_pool(SCHED_ID_NULL, 3);
    for (unsigned int i = 0; i < MACHINE_UNITS; i++)
        sched_set_down(machine_unit(i % 4 == 3 ? null_pool : 0), false);
    for (unsigned int i = 0; i < 20000; i++) {
        struct sched_unit *u;
        struct cpumask m = { { 0 } };

        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        u = &machine.unit[seed >> 60 & (MACHINE_UNITS - 1)];
        m.bits[0] = 1 + (seed >> 20) % 15;
        switch (seed >> 40 & 7) {
        case 0: sched_pause(u); machine_settle(CPUS); sched_unpause(u); break;
        case 1: (void)!sched_set_affinity(u, &m, seed & 1ULL << 33 ? &m : NULL); break;
        case 2: (void)!sched_group_set(u->group, (uint16_t)(1 + (seed >> 22) % 9999), (uint16_t)((seed >> 12) % 90)); break;
        case 3: (void)!cpupool_remove_cpu(0, (seed >> 22) % CPUS); break;
        case 4: (void)!cpupool_add_cpu(0, CPUPOOL_ANY); break;
        case 5:
            if (u->on_cpu && u->runstate.state == RUNSTATE_running) {
                fake_cpu_switch(u->cpu);
                sched_block_prepare(u);
                sched_block(u);
                fake_cpu_switch(0);
            }
            break;
        case 6: sched_wake(u); break;
        case 7: sched_set_down(u, seed & 1ULL << 30); break;
        }
        for (unsigned int k = 0; k < (seed >> 36 & 7); k++)
            (void)machine_step((seed >> (8 + k)) % CPUS);
        if (i % 16 == 0)
            machine_pass(NS_PER_MS, CPUS);
    }
    for (unsigned int i = 0; i < MACHINE_UNITS; i++) {
        (void)!sched_group_set(machine.unit[i].group, 256, 0);
        sched_set_down(&machine.unit[i], false);
        sched_wake(&machine.unit[i]);
    }
    for (unsigned int i = 0; i < MACHINE_UNITS; i++) {
        struct vcpu_runstate_info before, after;

        runstate_get(&machine.unit[i].runstate, time_now(), &before);
        machine_pass(300 * NS_PER_MS, CPUS);
        runstate_get(&machine.unit[i].runstate, time_now(), &after);
        if (machine.unit[i].group->pool != machine.unit[3].group->pool)
            assert_true(after.time[RUNSTATE_running] > before.time[RUNSTATE_running]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pool_0_has_all_cpus_at_boot, four_cpus),
        cmocka_unit_test_setup(every_refusal_has_its_errno, four_cpus),
        cmocka_unit_test_setup(the_last_cpu_of_a_pool_with_domains_stays, four_cpus),
        cmocka_unit_test_setup(a_domain_wants_a_pool_with_cpus, four_cpus),
        cmocka_unit_test_setup(a_cpu_that_leaves_lets_go_of_what_it_runs, four_cpus),
        cmocka_unit_test_setup(a_pinned_unit_that_loses_its_last_cpu_may_run_on_all, four_cpus),
        cmocka_unit_test_setup(a_running_domain_moves_to_a_pool_with_another_policy_and_back, four_cpus),
        cmocka_unit_test_setup(with_null_each_has_a_cpu_and_the_rest_wait_until_one_is_free, null_cpus),
        cmocka_unit_test_setup(random_commands_lose_nobody, four_cpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
