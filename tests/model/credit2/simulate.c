/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulator as a program: one world, one line of results per figure (report.py makes tables and plots of them).
 *
 *   simulate [--cpus N] [--queue CPUS] [--units N] [--load hogs|io|mixed|barrier|bursty] [--seconds N]
 *            [--lock-ns N] [--milliseconds N] [--seed N] [--soft] [--series FILE] [--latencies FILE] [--no-clock] [--check-every N]
 */
#include "worlds.h"

#include <hv/assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#define MS NS_PER_MS

static struct world world = { 4, 16, 16, "mixed", 1, false };
static struct { unsigned int check_every; ns_t length, lock_hold; const char *series, *latencies; bool clock; } o = {
    997, NS_PER_SEC, 0, NULL, NULL, true,
};

noreturn_fn void hv_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s (seed %#llx)\n", file, line, what, (unsigned long long)world.seed);
    exit(1);
}

static uint64_t ticks(void)
{
    unsigned int aux;

    return __rdtscp(&aux);
}

/* What asking the clock twice takes by itself. */
static double clock_cost(void)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < 10000; i++) {
        uint64_t begin = ticks(), took = ticks() - begin;

        least = min_of(least, took);
    }
    return (double)least;
}

/* ---- results ---- */

static void print_shares(const struct sim *s)
{
    struct world_shares r = world_shares(s);

    if (r.hogs)
        printf("share_error_worst_percent=%.3f\nshare_error_rms_percent=%.3f\nvcpu_error_worst_percent=%.3f\n",
               r.worst * 100, r.rms * 100, r.vcpu * 100);
}

static void print_counts(const struct sim *s, double host_seconds)
{
    double seconds = (double)s->now / 1e9;
    uint64_t rounds = 0;
    ns_t ran = 0;

    for (unsigned int i = 0; i < s->units; i++)
        ran += s->unit[i].ran;
    for (unsigned int g = 0; g < s->groups; g++)
        rounds += s->group[g].rounds;
    printf("busy_percent=%.2f\n", (double)ran / ((double)s->now * s->cpus) * 100);
    printf("decisions=%llu\ndecisions_per_cpu_second=%.1f\n", (unsigned long long)s->timed,
           (double)s->timed / seconds / s->cpus);
    printf("switches_per_cpu_second=%.1f\nqueue_moves_per_second=%.1f\ncpu_moves_per_second=%.1f\n",
           (double)s->switches / seconds / s->cpus, (double)s->c.migrations / seconds, (double)s->cpu_moves / seconds);
    printf("nodes_per_pick=%.2f\n", (double)s->c.visits / (double)s->picks);
    if (s->soft_starts)
        printf("soft_kept_percent=%.2f\n", (double)s->soft_kept / (double)s->soft_starts * 100);
    if (rounds)
        printf("barriers_per_second=%.1f\n", (double)rounds / seconds);
    if (s->lock_hold)
        printf("one_lock_busy_percent=%.2f\none_lock_wait_ns=%.0f\nqueue_lock_wait_ns=%.0f\n",
               (double)s->timed * (double)s->lock_hold / (double)s->now * 100, (double)s->one_lock_wait / (double)s->timed,
               (double)s->queue_lock_wait / (double)s->timed);
    if (s->clock)
        printf("ticks_per_decision=%.0f\nhost_decisions_per_second=%.0f\n", (double)s->ticks / (double)s->timed - clock_cost(),
               (double)s->timed / host_seconds);
}

static void print_latencies(const struct sim *s)
{
    static const unsigned int at[] = { 500, 900, 990, 999 };

    printf("wakeups=%llu\n", (unsigned long long)s->latency.total);
    for (unsigned int i = 0; i < ARRAY_COUNT(at) && s->latency.total; i++)
        printf("wake_p%g_us=%.1f\n", at[i] / 10.0, (double)sim_latency(s, at[i]) / 1e3);
    printf("longest_wait_ms=%.3f\n", (double)s->wait_worst / 1e6);
}

/* per mille, microseconds */
static void write_latencies(const struct sim *s)
{
    FILE *f = fopen(o.latencies, "w");

    BUG_ON(!f);
    for (unsigned int p = 0; p < 1000; p++)
        fprintf(f, "%u %.3f\n", p, (double)sim_latency(s, p) / 1e3);
    fclose(f);
}

/* Time, then each weight's part of the CPU time that hogs had so far, against what is due: 1 is right. */
static void write_series(FILE *f, struct sim *s)
{
    double time[3] = { 0 }, weight[3] = { 0 }, all = 0, weights = 0;

    for (unsigned int i = 0; i < s->units; i++) {
        unsigned int w = s->unit[i].group % 3;

        if (s->unit[i].load.run != 0)
            continue;
        time[w] += (double)s->unit[i].ran;
        weight[w] += s->group[s->unit[i].group].g.weight;
    }
    for (unsigned int w = 0; w < 3; w++) {
        all += time[w];
        weights += weight[w];
    }
    fprintf(f, "%.3f", (double)s->now / 1e9);
    for (unsigned int w = 0; w < 3; w++)
        fprintf(f, " %.5f", weight[w] > 0 && all > 0 ? time[w] / all / (weight[w] / weights) : 1.0);
    fputc('\n', f);
}

static void run(struct sim *s)
{
    FILE *series = o.series ? fopen(o.series, "w") : NULL;
    ns_t step = series ? 10 * MS : o.length;

    sim_start(s);
    for (ns_t at = step; at <= o.length; at += step) {
        sim_run(s, at);
        if (series)
            write_series(series, s);
    }
    if (series)
        fclose(series);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 0);

    if (*end || !*text) {
        fprintf(stderr, "simulate: not a number: %s\n", text);
        exit(2);
    }
    return n;
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(name, "--soft") == 0) { world.soft = true; continue; }
        if (strcmp(name, "--no-clock") == 0) { o.clock = false; continue; }
        i++;
        if (strcmp(name, "--cpus") == 0) world.cpus = (unsigned int)number(value);
        else if (strcmp(name, "--queue") == 0) world.queue = (unsigned int)number(value);
        else if (strcmp(name, "--units") == 0) world.units = (unsigned int)number(value);
        else if (strcmp(name, "--seconds") == 0) o.length = (ns_t)number(value) * NS_PER_SEC;
        else if (strcmp(name, "--milliseconds") == 0) o.length = (ns_t)number(value) * MS;
        else if (strcmp(name, "--seed") == 0) world.seed = number(value);
        else if (strcmp(name, "--check-every") == 0) o.check_every = (unsigned int)number(value);
        else if (strcmp(name, "--lock-ns") == 0) o.lock_hold = (ns_t)number(value);
        else if (strcmp(name, "--load") == 0) world.load = value;
        else if (strcmp(name, "--series") == 0) o.series = value;
        else if (strcmp(name, "--latencies") == 0) o.latencies = value;
        else { fprintf(stderr, "simulate: unknown option %s\n", name); exit(2); }
    }
    if (world.cpus < 1 || world.cpus > CREDIT2_MAX_CPUS || world.units < 1 || world.units > SIM_MAX_UNITS || !world.queue || !o.check_every) {
        fprintf(stderr, "simulate: 1 to %u CPUs, 1 to %u units\n", CREDIT2_MAX_CPUS, SIM_MAX_UNITS);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct timespec begin, end;
    struct sim *s;

    parse(argc, argv);
    s = world_make(&world);
    if (!s) {
        fprintf(stderr, "simulate: no such load: %s\n", world.load);
        return 2;
    }
    s->check_every = o.check_every;
    s->lock_hold = o.lock_hold;
    s->clock = o.clock ? ticks : NULL;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    run(s);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("cpus=%u\nqueue=%u\nunits=%u\nload=%s\nseed=%#llx\nseconds=%.3f\n", world.cpus, world.queue, world.units, world.load,
           (unsigned long long)world.seed, (double)s->now / 1e9);
    print_shares(s);
    print_latencies(s);
    print_counts(s, (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    if (o.latencies)
        write_latencies(s);
    sim_free(s);
    return 0;
}
