/* SPDX-License-Identifier: BSD-2-Clause */
/* A real second thread wakes while the first one blocks: no wake-up is lost. */
#include <sched/sched.h>

#include "fake.h"
#include "machine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROUNDS 200000U

static struct sched_unit *sleeper;
static uint32_t posted, stop;

/* Posts work, then wakes, as a sender of events does. */
static void *waker(void *arg)
{
    (void)arg;
    fake_cpu_switch(1);
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        if (__atomic_load_n(&posted, __ATOMIC_SEQ_CST))
            continue;
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
        while (!machine_step(0))
            assert_true(++spins < 4000000000ULL);
        if (__atomic_load_n(&posted, __ATOMIC_SEQ_CST)) {
            done++;
            __atomic_store_n(&posted, 0, __ATOMIC_SEQ_CST);
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost_between_the_last_look_and_the_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
