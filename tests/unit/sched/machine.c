/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include "fake.h"
#include "fake_mm.h"

#include <hv/assert.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <string.h>
#include <x86/softirq.h>
#include <x86/time.h>

struct machine machine;

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

/* The heaps of timers outlive a machine: nothing of the last one may stay in them. */
static void stop_timers(void)
{
    for (unsigned int i = 0; i < machine.made; i++) {
        timer_stop(&machine.group[i].refill);
        if (machine.unit[i].pool)
            sched_set_down(&machine.unit[i], true);
    }
    machine_settle(cpu_count());
}

void machine_start(unsigned int cpus, uint32_t sched_id)
{
    stop_timers();
    fake_reset();
    fake_mm_init(16UL << 20, 4UL << 20);
    fake_cpu_set_count(cpus);
    memset(&machine, 0, sizeof(machine));
    log_set_thresholds(0, 0, 0, 0);
    sched_configure(sched_id, SCHED_PER_SOCKET, 1000);
    sched_init();
    timers_init();
    for (unsigned int i = 0; i < cpus; i++) {
        fake_cpu_switch(i);
        sched_init_cpu();
    }
    fake_cpu_switch(0);
}

struct sched_unit *machine_unit(uint32_t pool)
{
    unsigned int n = machine.made++;

    BUG_ON(n == MACHINE_UNITS || sched_group_init(&machine.group[n], (domid_t)n, pool) != 0);
    sched_unit_init(&machine.unit[n], (domid_t)n, 0, 0);
    sched_group_add(&machine.group[n], &machine.unit[n]);
    return &machine.unit[n];
}

struct sched_unit *machine_step(unsigned int cpu)
{
    unsigned int self = this_cpu_id();
    struct sched_unit *next, *held;

    fake_cpu_switch(cpu);
    softirq_run();
    next = sched_next();
    held = machine.held[cpu];
    if (held && held != next && (next || sched_must_give_up(held))) {
        machine.held[cpu] = NULL;
        sched_left(held);
    }
    if (next && next != held) {
        for (unsigned int i = 0; i < cpu_count(); i++)
            BUG_ON(machine.held[i] == next);       /* never on two CPUs */
        machine.held[cpu] = next;
        sched_entered(next);
    }
    BUG_ON(next && !bit_test(next->allowed.bits, cpu) && !softirq_is_pending());
    fake_cpu_switch(self);
    return next;
}

void machine_settle(unsigned int cpus)
{
    for (unsigned int round = 0; round < 4; round++)
        for (unsigned int i = 0; i < cpus; i++)
            (void)machine_step(i);
}

void machine_pass(ns_t time, unsigned int cpus)
{
    ns_t end = time_now() + time;

    while (time_now() < end) {
        fake_time_advance(100 * NS_PER_US);
        for (unsigned int i = 0; i < cpus; i++) {
            if (fake_timer_deadline(i) > time_now())
                continue;
            fake_cpu_switch(i);
            softirq_raise(SOFTIRQ_TIMER);
            fake_cpu_switch(0);
        }
        machine_settle(cpus);
    }
}

struct cpumask only(unsigned int cpu)
{
    struct cpumask m = { { 0 } };

    bit_set(m.bits, cpu);
    return m;
}
