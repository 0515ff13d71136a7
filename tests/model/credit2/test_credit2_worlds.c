/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounds of whole worlds, up to 512 CPUs and 8192 vCPUs (docs/scheduling.md has the table). The code of src/credit2 with masks
 * of 512 CPUs, optimised, assertions on. TEST_FULL in the environment: longer, larger, with seeds of its own.
 */
#include "worlds.h"

#include <hv/assert.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SEC NS_PER_SEC
#define MS NS_PER_MS

static uint64_t seed = 0x243f6a8885a308d3ULL;
static bool full;

noreturn_fn void hv_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s (CREDIT2_SEED=%#llx)\n", file, line, what, (unsigned long long)seed);
    abort();
}

static struct sim *run_world(struct world w, ns_t length, unsigned int check_every)
{
    struct sim *s;

    w.seed = seed;
    s = world_make(&w);
    s->check_every = check_every;
    sim_start(s);
    sim_run(s, length);
    return s;
}

/* ---- shares ---- */

struct share_bound { struct world w; unsigned int seconds; double domain, vcpu; bool only_full; };

static const struct share_bound shares[] = {
    { { 1, 16, 8, "hogs", 0, false }, 20, 2, 2, false },
    { { 4, 16, 16, "hogs", 0, false }, 20, 1, 1, false },
    { { 16, 16, 64, "hogs", 0, false }, 10, 1, 1, false },
    { { 16, 16, 64, "mixed", 0, false }, 10, 1, 1, false },
    { { 16, 16, 64, "barrier", 0, false }, 10, 1, 1, false },
    { { 16, 16, 64, "bursty", 0, false }, 5, 1, 1, false },
    { { 64, 16, 512, "hogs", 0, false }, 10, 1.5, 3, false },
    { { 64, 16, 512, "mixed", 0, false }, 10, 1.5, 3, false },
    { { 64, 8, 260, "hogs", 0, true }, 10, 2, 5, false },
    { { 128, 16, 512, "hogs", 0, false }, 10, 1.5, 5, true },
    { { 512, 16, 2048, "hogs", 0, false }, 20, 1.5, 4, true },
    { { 512, 16, 2048, "mixed", 0, false }, 20, 1.5, 4, true },
    { { 512, 16, 2048, "bursty", 0, false }, 10, 2, 4, true },
    { { 512, 16, 8192, "hogs", 0, false }, 40, 5, 10, true },
};

static void shares_of_those_that_always_want_to_run_follow_their_weights(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(shares); i++) {
        const struct share_bound *b = &shares[i];
        struct world_shares r;
        struct sim *s;

        if (b->only_full && !full)
            continue;
        s = run_world(b->w, b->seconds * SEC, 997);
        r = world_shares(s);
        printf("    %3u CPUs, %4u vCPUs, %-7s %2u s: domains %.2f %% off at most (%.2f rms), vCPUs %.2f %%%s\n", b->w.cpus,
               b->w.units, b->w.load, b->seconds, r.worst * 100, r.rms * 100, r.vcpu * 100, b->w.soft ? ", soft" : "");
        assert_true(r.worst * 100 <= b->domain);
        assert_true(r.vcpu * 100 <= b->vcpu);
        sim_free(s);
    }
}

/* ---- wake-ups ---- */

static void wake_ups_are_served_in_time(void **state)
{
    static const struct { struct world w; double p50, p99; } bounds[] = {   /* microseconds */
        { { 16, 16, 64, "io", 0, false }, 5, 60 },              /* a third busy: an idle CPU is found */
        { { 16, 16, 64, "mixed", 0, false }, 30, 1500 },
        { { 16, 16, 64, "bursty", 0, false }, 30, 1200 },
        { { 64, 16, 512, "io", 0, false }, 5, 60 },
        { { 64, 16, 256, "mixed", 0, false }, 50, 2000 },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(bounds); i++) {
        struct sim *s = run_world(bounds[i].w, (full ? 10 : 2) * SEC, 997);
        double p50 = (double)sim_latency(s, 500) / 1e3, p99 = (double)sim_latency(s, 990) / 1e3;

        printf("    %3u CPUs, %4u vCPUs, %-7s: %llu wake-ups, p50 %.1f, p99 %.1f us\n", bounds[i].w.cpus, bounds[i].w.units,
               bounds[i].w.load, (unsigned long long)s->latency.total, p50, p99);
        assert_true(p50 <= bounds[i].p50);
        assert_true(p99 <= bounds[i].p99);
        sim_free(s);
    }
}

/* ---- nobody starves, nothing idles ---- */

static void nobody_waits_longer_than_everyone_elses_turn(void **state)
{
    static const struct world worlds[] = {
        { 16, 16, 64, "hogs", 0, false }, { 16, 16, 64, "mixed", 0, false }, { 16, 4, 64, "bursty", 0, false },
        { 64, 16, 512, "barrier", 0, false }, { 512, 16, 2048, "mixed", 0, false },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(worlds); i++) {
        struct world w = worlds[i];
        /* Every event is checked where that is cheap: no idle CPU while one waits that may run there. */
        struct sim *s = run_world(w, w.cpus > 100 && !full ? SEC / 2 : SEC, w.cpus <= 16 ? 1 : 101);
        /* Weights 256 to 1024: at worst all units of two queues' worth of CPUs stand on one, the lightest comes last. */
        ns_t bound = (ns_t)(4 * 2 * w.units / w.cpus + 1) * (CREDIT2_GRAIN + CREDIT2_SLICE_MIN) + CREDIT2_SLICE_MAX;

        printf("    %3u CPUs, %4u vCPUs, %-7s: longest wait %.1f ms (bound %.1f)\n", w.cpus, w.units, w.load,
               (double)s->wait_worst / 1e6, (double)bound / 1e6);
        assert_true(s->wait_worst <= bound);
        sim_free(s);
    }
}

static void soft_affinity_is_kept_even_where_all_cpus_are_busy(void **state)
{
    static const struct { struct world w; double kept; } bounds[] = {
        { { 16, 16, 12, "mixed", 0, true }, 95 }, { { 64, 8, 200, "mixed", 0, true }, 95 }, { { 64, 8, 260, "hogs", 0, true }, 90 },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(bounds); i++) {
        struct sim *s = run_world(bounds[i].w, 5 * SEC, 997);
        double kept = (double)s->soft_kept / (double)s->soft_starts * 100;

        printf("    %3u CPUs, %4u vCPUs, %-7s: %.1f %% of starts on CPUs preferred\n", s->cpus, s->units, bounds[i].w.load, kept);
        assert_true(kept >= bounds[i].kept);
        sim_free(s);
    }
}

static void units_move_between_queues_rarely_once_they_all_have_work(void **state)
{
    struct sim *s = run_world((struct world){ 64, 16, 512, "hogs", 0, false }, 10 * SEC, 997);

    (void)state;
    printf("    %.1f moves a second, %.0f switches per CPU and second\n", (double)s->c.migrations / 10,
           (double)s->switches / 10 / s->cpus);
    assert_true(s->c.migrations <= 10 * 30);
    sim_free(s);
    /* Wakers on a machine with idle CPUs: a CPU that goes idle elsewhere leaves them to the one that was called. */
    s = run_world((struct world){ 512, 16, 2048, "io", 0, false }, SEC / 10, 9973);
    printf("    %llu wake-ups, %llu moves\n", (unsigned long long)s->latency.total, (unsigned long long)s->c.migrations);
    assert_true(s->c.migrations * 50 <= s->latency.total);
    sim_free(s);
}

/* ---- cost ---- */

/* Nodes of the run queue's tree per pick: a treap of n has depth 2 ln n, and a pick walks it a few times. */
static void a_pick_looks_at_no_more_nodes_than_the_logarithm_allows(void **state)
{
    static const unsigned int waiting[] = { 16, 64, 256, 1024, 4096, 8192 };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(waiting); i++) {
        struct sim *s;
        double nodes, bound = 4 + 5 * log((double)waiting[i]);

        if (waiting[i] > 1024 && !full)
            break;
        s = run_world((struct world){ 4, 16, waiting[i], "hogs", 0, false }, 5 * SEC, 99999);
        nodes = (double)s->c.visits / (double)s->picks;
        printf("    %4u units on one queue: %.1f nodes per pick (bound %.1f)\n", waiting[i], nodes, bound);
        assert_true(nodes <= bound);
        sim_free(s);
    }
}

static void the_largest_machine_runs(void **state)
{
    static const char *const loads[] = { "hogs", "mixed", "io", "barrier", "bursty" };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(loads); i++) {
        struct sim *s = run_world((struct world){ 512, 16, 8192, loads[i], 0, false }, full ? SEC : 30 * MS, 20011);
        ns_t ran = 0;

        for (unsigned int k = 0; k < s->units; k++)
            ran += s->unit[k].ran;
        printf("    %-7s: %llu decisions, %.1f %% busy\n", loads[i], (unsigned long long)s->timed,
               (double)ran / ((double)s->now * s->cpus) * 100);
        assert_true(ran <= s->now * s->cpus);
        assert_true((double)ran >= 0.99 * (double)(s->now * s->cpus));
        sim_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_those_that_always_want_to_run_follow_their_weights),
        cmocka_unit_test(wake_ups_are_served_in_time),
        cmocka_unit_test(nobody_waits_longer_than_everyone_elses_turn),
        cmocka_unit_test(soft_affinity_is_kept_even_where_all_cpus_are_busy),
        cmocka_unit_test(units_move_between_queues_rarely_once_they_all_have_work),
        cmocka_unit_test(a_pick_looks_at_no_more_nodes_than_the_logarithm_allows),
        cmocka_unit_test(the_largest_machine_runs),
    };
    const char *given = getenv("CREDIT2_SEED");

    full = getenv("TEST_FULL") && *getenv("TEST_FULL");
    if (given)
        seed = strtoull(given, NULL, 0);
    else if (full)
        seed = (uint64_t)time(NULL);
    printf("  CREDIT2_SEED=%#llx\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
