/* SPDX-License-Identifier: BSD-2-Clause */
/* A real second thread wakes while the first one blocks: no wake-up is lost. */
#include <sched/cpupool.h>

#include "fake.h"
#include "machine.h"

#include <hv/assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <x86/softirq.h>
#include <x86/time.h>

#include <cmocka.h>

#define ROUNDS 50000U

static struct sched_unit *sleeper;
static uint32_t posted, stop;

/* Posts work, then wakes, as a sender of events does. */
static void *waker(void *arg)
{
    (void)arg;
    fake_cpu_switch(1);
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        if (__atomic_load_n(&posted, __ATOMIC_SEQ_CST)) {
            sched_yield();           /* the C library's: there may be fewer processors than threads */
            continue;
        }
        __atomic_store_n(&posted, 1, __ATOMIC_SEQ_CST);
        sched_wake(sleeper);
    }
    return NULL;
}

static void no_wake_up_is_lost_between_the_last_look_and_the_block(void **state)
{
    pthread_t thread;
    uint64_t spins = 0;

    (void)state;
    machine_start(2, SCHED_ID_CREDIT2);
    sleeper = machine_unit(0);
    sched_set_down(sleeper, false);
    assert_ptr_equal(machine_step(0), sleeper);
    assert_int_equal(pthread_create(&thread, NULL, waker, NULL), 0);
    for (uint32_t done = 0; done < ROUNDS;) {
        sched_block_prepare(sleeper);
        if (!__atomic_load_n(&posted, __ATOMIC_SEQ_CST))
            sched_block(sleeper);
        while (!machine_step(0)) {
            assert_true(++spins < 4000000000ULL);
            sched_yield();
        }
        if (__atomic_load_n(&posted, __ATOMIC_SEQ_CST)) {
            done++;
            __atomic_store_n(&posted, 0, __ATOMIC_SEQ_CST);
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
}

/* ---- CPUs as threads, and one that gives orders ---- */

#define CPUS 4U
#define UNITS 8U
#define ORDERS 10000U

static uint32_t owner[UNITS];      /* CPU + 1 that holds the unit's registers */
static uint64_t runs[UNITS];
static uint32_t finish;

static unsigned int number_of(const struct sched_unit *u)
{
    return (unsigned int)(u - machine.unit);
}

static void load(struct sched_unit *u, unsigned int cpu)
{
    BUG_ON(__atomic_exchange_n(&owner[number_of(u)], cpu + 1, __ATOMIC_SEQ_CST) != 0);
    sched_entered(u);
}

static void unload(struct sched_unit *u, unsigned int cpu)
{
    BUG_ON(__atomic_exchange_n(&owner[number_of(u)], 0, __ATOMIC_SEQ_CST) != cpu + 1);
    sched_left(u);
}

/* What the guest does: computes, sleeps, yields, wakes another. */
static void act(struct sched_unit *u, uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    switch (*seed >> 60) {
    case 0:
        sched_block_prepare(u);
        sched_block(u);
        break;
    case 1:
        sched_give_way(u);
        break;
    case 2:
    case 3:
        sched_kick(&machine.unit[*seed >> 40 & (UNITS - 1)]);
        break;
    default:
        break;
    }
}

static void *cpu_thread(void *arg)
{
    unsigned int cpu = (unsigned int)(uintptr_t)arg;
    struct sched_unit *held = NULL;
    uint64_t seed = cpu + 1;

    fake_cpu_switch(cpu);
    while (!__atomic_load_n(&finish, __ATOMIC_SEQ_CST)) {
        struct sched_unit *u;

        if (seed & 1ULL << 50)
            softirq_raise(SOFTIRQ_TIMER);
        softirq_run();
        u = sched_next();
        if (!u)
            sched_yield();
        if (held && held != u && (u || sched_must_give_up(held))) {
            unload(held, cpu);
            held = NULL;
        }
        if (u && u != held)
            load(held = u, cpu);
        for (unsigned int i = 0; u && i < 8 && !sched_must_leave(u); i++) {
            __atomic_fetch_add(&runs[number_of(u)], 1, __ATOMIC_RELAXED);
            act(u, &seed);
        }
        seed += 0x9e3779b97f4a7c15ULL;
    }
    /* Whoever still holds registers puts them away when the unit is paused. */
    while (held) {
        softirq_run();
        BUG_ON(sched_next() == held && !sched_is_runnable(held));
        if (sched_must_give_up(held)) {
            unload(held, cpu);
            held = NULL;
        }
    }
    return NULL;
}

static void order(uint64_t seed, uint32_t second)
{
    struct sched_unit *u = &machine.unit[seed >> 60 & (UNITS - 1)];
    struct cpumask m = { { 1 + (seed >> 20) % 15 } };

    switch (seed >> 40 & 7) {
    case 0:
        sched_pause(u);
        sched_wait_off_cpu(u);
        BUG_ON(__atomic_load_n(&owner[number_of(u)], __ATOMIC_SEQ_CST) != 0);
        sched_unpause(u);
        break;
    case 1:
        (void)!sched_set_affinity(u, &m, &m);
        break;
    case 2:
        (void)!sched_group_set(u->group, (uint16_t)(1 + (seed >> 22) % 999), (uint16_t)((seed >> 12) % 60));
        break;
    case 3:
        (void)!cpupool_remove_cpu(seed & 1 ? 0 : second, (seed >> 22) % CPUS);
        break;
    case 4:
        (void)!cpupool_add_cpu(seed & 1 ? 0 : second, CPUPOOL_ANY);
        break;
    case 5:
        (void)!cpupool_move(u->group, seed & 1 ? 0 : second);
        break;
    default:
        sched_wake(u);
        break;
    }
    fake_time_advance(50 * NS_PER_US);
}

static void orders_from_everywhere_leave_every_unit_on_at_most_one_cpu_and_alive(void **state)
{
    pthread_t thread[CPUS];
    uint64_t seed = 7;
    uint32_t second = CPUPOOL_ANY;

    (void)state;
    machine_start(CPUS + 1, SCHED_ID_CREDIT2);
    assert_int_equal(cpupool_remove_cpu(0, CPUS), 0);     /* this thread */
    assert_int_equal(cpupool_create(&second, SCHED_ID_NULL), 0);
    for (unsigned int i = 0; i < UNITS; i++)
        sched_set_down(machine_unit(0), false);
    for (unsigned int i = 0; i < CPUS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, cpu_thread, (void *)(uintptr_t)i), 0);
    fake_cpu_switch(CPUS);
    for (unsigned int i = 0; i < ORDERS; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        order(seed, second);
        /* The CPU of this thread may have been added again. */
        (void)!cpupool_remove_cpu(0, CPUS);
        (void)!cpupool_remove_cpu(second, CPUS);
    }
    /* All in pool 0, awake: each gets its turn. */
    for (unsigned int i = 0; i < UNITS; i++) {
        (void)!cpupool_move(&machine.group[i], 0);
        (void)!sched_group_set(&machine.group[i], 256, 0);
        __atomic_store_n(&runs[i], 0, __ATOMIC_SEQ_CST);
    }
    for (unsigned int i = 0; i < UNITS;) {
        sched_wake(&machine.unit[i]);
        fake_time_advance(100 * NS_PER_US);
        i += __atomic_load_n(&runs[i], __ATOMIC_SEQ_CST) != 0;
    }
    for (unsigned int i = 0; i < UNITS; i++)
        sched_pause(&machine.unit[i]);
    __atomic_store_n(&finish, 1, __ATOMIC_SEQ_CST);
    for (unsigned int i = 0; i < CPUS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned int i = 0; i < UNITS; i++)
        assert_int_equal(owner[i], 0);
}

/* ---- a timer that sets itself again while it is killed ---- */

static struct timer periodic;
static uint32_t in_function, go_on;

static void fired(void *arg)
{
    (void)arg;
    __atomic_store_n(&in_function, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&go_on, __ATOMIC_SEQ_CST))
        sched_yield();
    timer_set(&periodic, time_now() + NS_PER_SEC);
}

static void *fire(void *arg)
{
    (void)arg;
    fake_cpu_switch(1);
    softirq_raise(SOFTIRQ_TIMER);
    softirq_run();
    return NULL;
}

static void *let_go(void *arg)
{
    const struct timespec while_it_is_killed = { .tv_nsec = 100000000 };

    (void)arg;
    nanosleep(&while_it_is_killed, NULL);
    __atomic_store_n(&go_on, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void a_killed_timer_stays_dead_though_its_function_sets_it_again(void **state)
{
    pthread_t thread[2];

    (void)state;
    machine_start(2, SCHED_ID_CREDIT2);
    timer_init(&periodic, fired, NULL, 1);
    timer_set(&periodic, time_now());
    assert_int_equal(pthread_create(&thread[0], NULL, fire, NULL), 0);
    while (!__atomic_load_n(&in_function, __ATOMIC_SEQ_CST))
        sched_yield();
    assert_int_equal(pthread_create(&thread[1], NULL, let_go, NULL), 0);
    timer_kill(&periodic);
    assert_false(periodic.queued);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    assert_false(periodic.queued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_from_everywhere_leave_every_unit_on_at_most_one_cpu_and_alive),
        cmocka_unit_test(a_killed_timer_stays_dead_though_its_function_sets_it_again),
        cmocka_unit_test(no_wake_up_is_lost_between_the_last_look_and_the_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
