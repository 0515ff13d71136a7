/* SPDX-License-Identifier: BSD-2-Clause */
/* credit2_runqueue=: which CPUs share a run queue, as APIC ids say where they are. */
#include "private.h"

#include "fake.h"
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <x86/percpu.h>

#include <cmocka.h>

/* Threads per core and per socket as leaf 0xb tells them: shifts of the APIC id. */
static void machine_of(unsigned int cpus, unsigned int thread_bits, unsigned int socket_bits)
{
    machine_start(cpus, SCHED_ID_CREDIT2);
    fake_cpuid_set(0, 0, (struct cpuid_regs){ 0xd, 0, 0, 0 });
    fake_cpuid_set(0xb, 0, (struct cpuid_regs){ thread_bits, 1U << thread_bits, 0x100, 0 });
    fake_cpuid_set(0xb, 1, (struct cpuid_regs){ socket_bits, 1U << socket_bits, 0x201, 0 });
    for (unsigned int i = 0; i < cpus; i++)
        percpu_of(i)->apic_id = i;
}

static void check(enum sched_arrangement how, unsigned int cpus, unsigned int each)
{
    uint16_t rq[MAX_CPUS];

    sched_configure(SCHED_ID_CREDIT2, how, 1000);
    sched_arrange(rq);
    for (unsigned int i = 0; i < cpus; i++)
        assert_int_equal(rq[i], i / each);
    sched_configure(SCHED_ID_CREDIT2, SCHED_PER_SOCKET, 1000);
}

static void queues_follow_cores_and_sockets(void **state)
{
    (void)state;
    machine_of(16, 1, 3);                    /* two sockets of four cores of two threads */
    check(SCHED_PER_CPU, 16, 1);
    check(SCHED_PER_CORE, 16, 2);
    check(SCHED_PER_SOCKET, 16, 8);
    check(SCHED_ALL, 16, 16);
}

static void a_large_socket_has_queues_of_sixteen_cpus(void **state)
{
    (void)state;
    machine_of(128, 1, 6);
    check(SCHED_PER_SOCKET, 128, 16);
    check(SCHED_ALL, 128, 128);
}

static void without_the_leaf_all_are_one_socket(void **state)
{
    (void)state;
    machine_of(8, 1, 3);
    fake_cpuid_set(0, 0, (struct cpuid_regs){ 4, 0, 0, 0 });
    check(SCHED_PER_SOCKET, 8, 8);
    check(SCHED_PER_CORE, 8, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_follow_cores_and_sockets),
        cmocka_unit_test(a_large_socket_has_queues_of_sixteen_cpus),
        cmocka_unit_test(without_the_leaf_all_are_one_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
