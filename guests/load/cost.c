/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scheduler itself costs, in ticks of the TSC: with QEMU's -icount these are instructions. For a guest with two
 * vCPUs that are pinned to one CPU. The least and the middle of many rounds: dom0 comes in between now and then.
 */
#include "load.h"

#define ROUNDS 301
#define EACH 16                        /* in a round */
#define GAP 200                        /* ticks of one turn of a loop that was interrupted */

static uint32_t rounds[ROUNDS];
static uint32_t ports[2];
static volatile bool stop;

/* Of so many rounds, with so many operations in each. */
static void say(const char *what, unsigned int each, unsigned int count)
{
    for (unsigned int i = 1; i < count; i++) {
        uint32_t v = rounds[i];
        unsigned int at = i;

        for (; at > 0 && rounds[at - 1] > v; at--)
            rounds[at] = rounds[at - 1];
        rounds[at] = v;
    }
    if (count > 0)
        print("load: cost %s least %u middle %u\n", what, rounds[0] / each, rounds[count / 2] / each);
}

static void null_calls(void)
{
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t start = rdtsc();

        for (unsigned int n = 0; n < EACH; n++)
            xen_version(XENVER_version, NULL);
        rounds[i] = (uint32_t)(rdtsc() - start);
    }
    say("null", EACH, ROUNDS);
}

/* The other one yields, too, or sleeps: of = 2 or 1. */
static void yields(const char *what, unsigned int of)
{
    uint64_t before = lanes[1].done;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t start = rdtsc();

        for (unsigned int n = 0; n < EACH; n++)
            sched_op(SCHEDOP_yield, NULL);
        rounds[i] = (uint32_t)(rdtsc() - start);
    }
    print("load: the other one yielded %lu times in %u\n", lanes[1].done - before, ROUNDS * EACH);
    say(what, of * EACH, ROUNDS);
}

/* From one CPU to the other and back: two events, two wake-ups, two sleeps, two switches. */
static void ping(void)
{
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t start = rdtsc();

        for (unsigned int n = 0; n < EACH; n++) {
            port_send(ports[1]);
            port_wait(ports[0]);
        }
        rounds[i] = (uint32_t)(rdtsc() - start);
    }
    say("ping", 2 * EACH, ROUNDS);
}

/* Events to oneself, without sleep. */
static void sends(void)
{
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t start = rdtsc();

        for (unsigned int n = 0; n < EACH; n++) {
            port_send(ports[0]);
            port_wait(ports[0]);
        }
        rounds[i] = (uint32_t)(rdtsc() - start);
    }
    say("send", EACH, ROUNDS);
}

static void pong(void *arg unused_arg)
{
    irq_off();
    for (;;) {
        port_wait(ports[1]);
        if (stop)
            break;
        port_send(ports[0]);
    }
    irq_on();
}

static void yielder(void *arg unused_arg)
{
    irq_off();
    while (!stop) {
        lanes[1].done++;
        sched_op(SCHEDOP_yield, NULL);
    }
    irq_on();
}

/* Interruptions of a CPU that computes: how many, and what the least and the middle one of the first took. */
static void lost(const char *what, uint64_t ms)
{
    uint64_t start = rdtsc(), last = start, now, end = clock_now() + ms * MS;
    unsigned int gaps = 0;

    do {
        for (unsigned int n = 0; n < 64; n++) {
            now = rdtsc();
            if (now - last > GAP && gaps < ROUNDS)
                rounds[gaps++] = (uint32_t)(now - last);
            last = now;
        }
    } while (clock_now() < end && gaps < ROUNDS);
    print("load: %u interruptions in %lu ticks\n", gaps, last - start);
    say(what, 1, gaps);
}

static void hog(void *arg unused_arg)
{
    irq_off();
    while (!stop) {
        burn(1);
        lanes[1].done++;
    }
    irq_on();
}

static void finish(void)
{
    stop = true;
    port_send(ports[1]);
    cpu_finish(1);
    stop = false;
}

static void asleep(void *arg unused_arg)
{
    irq_off();
    port_wait(ports[1]);
    irq_on();
}

GUEST_TEST(load_cost, "what hypercalls, switches and wake-ups cost is measured")
{
    uint64_t units, start;

    if (!check(cpus_start() >= 2))
        return;
    load_pin();
    ports_mask();
    ports[0] = port_for(0);
    ports[1] = port_for(1);
    cpu_begin(1, asleep, NULL);
    sleep_until(clock_now() + 20 * MS);
    null_calls();
    yields("yield", 1);
    sends();
    lost("tick", 1000);
    finish();
    cpu_begin(1, yielder, NULL);
    yields("switch", 2);
    finish();
    cpu_begin(1, pong, NULL);
    ping();
    finish();
    cpu_begin(1, hog, NULL);
    units = lanes[1].done;
    start = rdtsc();
    lost("beside", 1000);
    print("load: the other one had %lu units in %lu ticks\n", lanes[1].done - units, rdtsc() - start);
    finish();
}
