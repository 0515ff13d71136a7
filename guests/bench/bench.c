/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

static struct bench now;

/* Two readings with nothing in between. */
static uint64_t reading_cost(void)
{
    static uint64_t cost;

    if (cost)
        return cost;
    cost = UINT64_MAX;
    for (int i = 0; i < 20; i++) {
        uint64_t before = rdtsc(), ticks = rdtsc() - before;

        if (ticks < cost)
            cost = ticks;
    }
    return cost;
}

void bench_begin(const char *name)
{
    now.name = name;
    now.used = 0;
    (void)reading_cost();
}

void bench_add_net(uint64_t ticks)
{
    if (now.used < BENCH_ROUNDS_MAX)
        now.ticks[now.used++] = ticks;
}

void bench_add(uint64_t ticks)
{
    uint64_t cost = reading_cost();

    bench_add_net(ticks > cost ? ticks - cost : 0);
}

static void sort(uint64_t *v, unsigned int n)
{
    for (unsigned int i = 1; i < n; i++) {
        uint64_t x = v[i];
        unsigned int at = i;

        for (; at > 0 && v[at - 1] > x; at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
}

uint64_t bench_end(void)
{
    uint64_t median;

    if (now.used == 0) {
        bench_absent(now.name, "no round came to its end");
        return 0;
    }
    sort(now.ticks, now.used);
    median = now.ticks[now.used / 2];
    print("guest: bench %s %lu %lu %lu %u\n", now.name, now.ticks[0], median, now.ticks[now.used - 1], now.used);
    return median;
}

void bench_absent(const char *name, const char *why) { print("guest: bench-absent %s %s\n", name, why); }
