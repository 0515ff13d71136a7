/* SPDX-License-Identifier: BSD-2-Clause */
/* What all loads share: the clock, work that can be counted, CPUs that work at the same time, the report. */
#include "load.h"

#include <xen/domctl.h>

struct lane lanes[CPUS_MAX] __attribute__((aligned(4096)));

static struct {
    const char *name;
    void (*work)(unsigned int cpu);
    uint64_t end, next, period;
    volatile bool over;
} load;

void burn(uint64_t units)
{
    for (; units > 0; units--) {
        uint32_t n = 499;      /* two instructions each, and two for the unit itself */

        __asm__ volatile("1: dec %0; jnz 1b" : "+r"(n));
    }
}

void sleep_until(uint64_t time)
{
    struct sched_poll p = { .timeout = time };

    sched_op(SCHEDOP_poll, &p);
}

void ports_mask(void)
{
    memset(shared_info()->evtchn_mask, 0xff, sizeof(shared_info()->evtchn_mask));
}

uint32_t port_for(unsigned int cpu)
{
    struct evtchn_bind_ipi b = { .vcpu = cpu };

    if (evtchn_op(EVTCHNOP_bind_ipi, &b) != 0)
        error("no port for CPU %u", cpu);
    return b.port;
}

void port_send(uint32_t port)
{
    struct evtchn_send e = { .port = port };

    evtchn_op(EVTCHNOP_send, &e);
}

void port_wait(uint32_t port)
{
    xen_ulong_t *word = &shared_info()->evtchn_pending[port / 64];
    uint64_t bit = 1UL << port % 64;
    struct sched_poll p = { .nr_ports = 1 };

    p.ports.p = &port;
    while (!(__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit))
        sched_op(SCHEDOP_poll, &p);
}

/* Time that this guest's vCPUs ran, waited for a CPU and did neither, as the hypervisor has it. */
struct times { uint64_t run, wait, rest; };

static struct times runstates(unsigned int count)
{
    struct vcpu_runstate_info r;
    struct times t = { 0, 0, 0 };

    for (unsigned int cpu = 0; cpu < count; cpu++) {
        if (vcpu_op(VCPUOP_get_runstate_info, cpu, &r) != 0)
            continue;
        t.run += r.time[RUNSTATE_running];
        t.wait += r.time[RUNSTATE_runnable];
        t.rest += r.time[RUNSTATE_blocked] + r.time[RUNSTATE_offline];
    }
    return t;
}

static void write_report(void)
{
    unsigned int count = cpus_start();
    uint64_t now = clock_now(), sum = 0, each[CPUS_MAX];
    struct times t;

    for (unsigned int cpu = 0; cpu < count; cpu++)
        sum += each[cpu] = lanes[cpu].done;
    t = runstates(count);
    print("load: %s at %lu done %lu run %lu wait %lu rest %lu each", load.name, now, sum, t.run, t.wait, t.rest);
    for (unsigned int cpu = 0; cpu < count; cpu++)
        print(" %lu", each[cpu]);
    print("\n");
}

bool load_over(unsigned int cpu)
{
    uint64_t now;

    if (cpu != 0 || load.over)
        return load.over;
    now = clock_now();
    if (now >= load.next) {
        write_report();
        load.next = now - now % load.period + load.period;
    }
    if (now >= load.end)
        load.over = true;
    return load.over;
}

/* dom0's own vCPUs, by the toolstack's hypercall. */
void load_pin(void)
{
    uint8_t mask = (uint8_t)(1U << command_line_number("pin=", 0));
    struct xen_domctl c = { .cmd = XEN_DOMCTL_setvcpuaffinity, .interface_version = XEN_DOMCTL_INTERFACE_VERSION };

    if (command_line_number("pin=", ~0UL) == ~0UL)
        return;
    for (unsigned int cpu = 0; cpu < cpus_start() && cpu < command_line_number("pins=", CPUS_MAX); cpu++) {
        c.u.vcpuaffinity.vcpu = cpu;
        c.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
        c.u.vcpuaffinity.cpumap_hard.bitmap.p = &mask;
        c.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
        check_equal(hypercall(__HYPERVISOR_domctl, address(&c), 0, 0, 0, 0), 0);
    }
}

static void hog(unsigned int cpu)
{
    while (!load_over(cpu)) {
        burn(4);
        lanes[cpu].done += 4;
    }
}

static void lane_run(void *arg)
{
    unsigned int cpu = (unsigned int)address(arg);

    irq_off();
    if (cpu + command_line_number("hogs=", 0) < cpus_start())
        load.work(cpu);
    else
        hog(cpu);
    irq_on();
}

void load_run(const char *name, void (*work)(unsigned int cpu))
{
    uint64_t seconds = command_line_number("seconds=", 0), now;

    ports_mask();
    now = clock_now();
    load.name = name;
    load.work = work;
    load.period = command_line_number("report=", 1000) * MS;
    load.next = now - now % load.period + load.period;
    load.end = seconds ? now + seconds * SECOND : ~0UL;
    load.over = false;
    load_pin();
    for (unsigned int cpu = 1; cpu < cpus_start(); cpu++)
        cpu_begin(cpu, lane_run, (void *)(uintptr_t)cpu);
    work(0);
    for (unsigned int cpu = 1; cpu < cpus_start(); cpu++)
        cpu_finish(cpu);
}

GUEST_TEST(load_hog, "every CPU computes, without an end to it")
{
    load_run("hog", hog);
}

/* Each CPU has work of work= units on the average, then sleeps for sleep= microseconds on the average. */
static void jobs(unsigned int cpu)
{
    uint64_t units = command_line_number("work=", 500), sleep = command_line_number("sleep=", 500) * US;

    while (!load_over(cpu)) {
        burn(units / 8 + random64() % (units * 7 / 4 + 1));
        lanes[cpu].done++;
        sleep_until(clock_now() + sleep / 8 + random64() % (sleep * 7 / 4 + 1));
    }
}

GUEST_TEST(load_jobs, "every CPU works and sleeps by turns, as many processes do")
{
    load_run("jobs", jobs);
}

static uint32_t storm_ports[CPUS_MAX];

/* As fast as it can: yields, wakes all others, sleeps until it is woken or for next to no time. */
static void storm(unsigned int cpu)
{
    unsigned int count = cpus_start();
    struct sched_poll p = { .nr_ports = 1 };

    p.ports.p = &storm_ports[cpu];
    while (!load_over(cpu)) {
        sched_op(SCHEDOP_yield, NULL);
        for (unsigned int i = 0; i < count; i++)
            if (i != cpu)
                port_send(storm_ports[i]);
        p.timeout = clock_now() + 10 * US;
        sched_op(SCHEDOP_poll, &p);
        __atomic_fetch_and(&shared_info()->evtchn_pending[storm_ports[cpu] / 64], ~(1UL << storm_ports[cpu] % 64),
                           __ATOMIC_SEQ_CST);
        lanes[cpu].done++;
    }
}

GUEST_TEST(load_storm, "every CPU yields, wakes the others and sleeps as fast as it can")
{
    for (unsigned int cpu = 0; cpu < cpus_start(); cpu++)
        storm_ports[cpu] = port_for(cpu);
    load_run("storm", storm);
}
