/* SPDX-License-Identifier: BSD-2-Clause */
/* How late a CPU wakes up: every period= microseconds it is due, works for work= units and sleeps again. */
#include "load.h"

#define SAMPLES 16384

static uint32_t samples[CPUS_MAX * SAMPLES];
static unsigned int counts[CPUS_MAX];

static void wake(unsigned int cpu)
{
    uint64_t period = command_line_number("period=", 1000) * US, work = command_line_number("work=", 10), now;
    uint64_t due = clock_now() / period * period + period;

    while (!load_over(cpu)) {
        while ((now = clock_now()) < due)
            sleep_until(due);
        if (counts[cpu] < SAMPLES)
            samples[cpu * SAMPLES + counts[cpu]++] = (uint32_t)(now - due);
        burn(work);
        lanes[cpu].done++;
        now = clock_now();
        due = now - now % period + period;
    }
}

static void sift(uint32_t *a, unsigned int at, unsigned int n)
{
    for (unsigned int child; (child = 2 * at + 1) < n; at = child) {
        uint32_t v = a[at];

        if (child + 1 < n && a[child + 1] > a[child])
            child++;
        if (a[child] <= v)
            return;
        a[at] = a[child];
        a[child] = v;
    }
}

static void sort(uint32_t *a, unsigned int n)
{
    for (unsigned int i = n / 2; i > 0; i--)
        sift(a, i - 1, n);
    for (unsigned int i = n; i > 1; i--) {
        uint32_t v = a[0];

        a[0] = a[i - 1];
        a[i - 1] = v;
        sift(a, 0, i - 1);
    }
}

/* All CPUs' samples behind each other, in order: nanoseconds by parts of ten thousand. */
static void percentiles(void)
{
    static const unsigned int parts[] = { 0, 100, 500, 1000, 2500, 5000, 6000, 7000, 7500, 8000, 8500, 9000, 9300,
                                          9500, 9700, 9800, 9900, 9950, 9980, 9990, 9995, 10000 };
    unsigned int n = 0;

    for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
        for (unsigned int i = 0; i < counts[cpu]; i++)
            samples[n++] = samples[cpu * SAMPLES + i];
    if (n == 0)
        return;
    sort(samples, n);
    print("load: delays %u\n", n);
    for (unsigned int i = 0; i < ARRAY_COUNT(parts); i++)
        print("load: delay %u %u\n", parts[i], samples[(uint64_t)(n - 1) * parts[i] / 10000]);
}

GUEST_TEST(load_wake, "every CPU wakes up again and again, and sees how late that is")
{
    load_run("wake", wake);
    percentiles();
}
